"""Modules under their names of version 0.1, by which the models that it registered import them."""
