"""Contrastive variational autoencoders for brain anatomy: salient and background latents, and their analysis.

Its names are imported when first used, so that tables and settings start without torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adhd_cvae.config import Recipe
    from adhd_cvae.estimators import (
        ContrastiveModel,
        ContrastivePCA,
        LinearContrast,
        ProbabilisticContrastivePCA,
        ReferenceBackground,
    )
    from adhd_cvae.inference.embedding import embed
    from adhd_cvae.models.network import ContrastiveVAE
    from adhd_cvae.simulation.cohort import simulate_cohort
    from adhd_cvae.training.train import train

__all__ = [
    "ContrastiveModel",
    "ContrastivePCA",
    "ContrastiveVAE",
    "LinearContrast",
    "ProbabilisticContrastivePCA",
    "Recipe",
    "ReferenceBackground",
    "embed",
    "simulate_cohort",
    "train",
]

__path__.append(f"{__path__[0]}/moved")  # where models registered by version 0.1 find their imports
_HOMES = {
    "ContrastiveModel": "estimators",
    "ContrastivePCA": "estimators",
    "ContrastiveVAE": "models.network",
    "LinearContrast": "estimators",
    "ProbabilisticContrastivePCA": "estimators",
    "Recipe": "config",
    "ReferenceBackground": "estimators",
    "embed": "inference.embedding",
    "simulate_cohort": "simulation.cohort",
    "train": "training.train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
