"""Recipes: shipped ones, files, overrides, and the checks that a cohort makes possible."""
