"""Statistics of the latents: arrays and tables in, tables out; no files, no torch."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adhd_cvae.analysis.rsa.permutation_rsa import permutation_rsa

__all__ = ["permutation_rsa"]


def __getattr__(name: str) -> Any:
    """Import on first use (PEP 562): the compiler behind the statistics takes a second to load."""
    if name in __all__:
        return getattr(importlib.import_module("adhd_cvae.analysis.rsa.permutation_rsa"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
