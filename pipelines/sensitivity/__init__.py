"""What a cohort could have shown: known effects in its own controls."""
