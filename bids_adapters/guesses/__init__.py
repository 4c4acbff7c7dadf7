"""What a dataset's tables and names say of it, so that a recipe can be written: guesses, each with its reason."""
