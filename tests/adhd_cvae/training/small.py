"""A recipe that trains in a second, and what tests ask of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file

from adhd_cvae.config import Recipe
from adhd_cvae.training.sampler import Rows, deal_rows
from adhd_cvae.training.trainer import Trainer

SHAPE = (16, 16, 16)
RECIPE = Recipe.model_validate(
    {
        "image": {"shape": SHAPE, "voxel_size": 12.0},
        "augmentation": {"enabled": True},
        "model": {"salient": 2, "background": 4, "patch": 4, "patch_features": 2, "hidden": 4},
        "training": {"linear_epochs": 2, "epochs": 2, "batch_size": 8, "validation_splits": 2},
    }
)


def recipe(**parts: dict) -> Recipe:
    """`RECIPE` with some settings changed."""
    content = RECIPE.model_dump()
    for part, values in parts.items():
        content[part] |= values
    return Recipe.model_validate(content)


def trainer_of(asked: Recipe) -> Trainer:
    """What `train` trains the contrastive model with."""
    return Trainer(asked.training, asked.objective, asked.augmentation, asked.image, asked.model, asked.seed)


def splits_of(cohort: pd.DataFrame, asked: Recipe, fitted: np.ndarray | None = None) -> tuple[Rows, ...]:
    """What `train` deals."""
    return deal_rows(cohort, asked.cohort.site, asked.training, asked.seed, fitted=fitted)


def rows_of(cohort: pd.DataFrame, asked: Recipe, fitted: np.ndarray | None = None) -> Rows:
    """The first of them."""
    return splits_of(cohort, asked, fitted)[0]


def weights(folder: Path, name: str = "cvae") -> dict[str, torch.Tensor]:
    """Those of a trained network."""
    return load_file(folder / f"{name}.safetensors")


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    """Whether two networks agree to the bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
