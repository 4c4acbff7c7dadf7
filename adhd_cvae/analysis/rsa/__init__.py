"""Representational similarity: Kendall's tau between latents and variables, participants permuted."""
