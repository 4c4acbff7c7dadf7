"""Name of `adhd_cvae.models.weights` in version 0.1."""

from adhd_cvae.models.weights import load_model

__all__ = ["load_model"]
