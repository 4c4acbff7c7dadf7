"""Runs, metrics and registered models in MLflow."""
