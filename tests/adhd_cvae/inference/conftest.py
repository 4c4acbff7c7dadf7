"""Two untrained models on invented maps: one of two thirds of a cohort, one with its reference."""

import numpy as np
import pandas as pd
import pytest
import torch

from adhd_cvae.config import ImageConfig, ModelConfig
from adhd_cvae.inference.embedding import embed
from adhd_cvae.inference.out_of_distribution import code_matrix, fit_reference, residuals
from adhd_cvae.models.initialisation import initial_model
from tests.adhd_cvae.inference.maps import GRID, SHAPE, anatomy


@pytest.fixture(scope="session")
def case():
    """A model, (30, 16, 16, 16) maps and their cohort; no weight is zero just because it starts at zero."""
    rng = np.random.default_rng(0)
    cohort = pd.DataFrame(
        {
            "participant_id": [f"sub-{number}" for number in range(30)],
            "group": np.where(np.arange(30) % 2, "target", "background"),
        }
    )
    images = rng.uniform(0.2, 0.9, (30, *SHAPE)).astype(np.float16)
    images.flags.writeable = False
    config = ModelConfig(salient=2, background=4, patch=4, patch_features=2, hidden=4)
    training = np.arange(30) % 3 > 0
    target = (cohort["group"] == "target").to_numpy()
    model = initial_model(config, ImageConfig(shape=SHAPE), images[training], target[training], 0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape))
    return model, images, cohort


@pytest.fixture(scope="session")
def described():
    """A model, the 200 maps it starts from, and what they look like to it."""
    images = anatomy(200, 0)
    images.flags.writeable = False
    config = ModelConfig(
        salient=2, background=4, patch=4, patch_features=2, hidden=4, start="contrastive_pca"
    )
    model = initial_model(config, GRID, images, np.arange(200) % 2 == 1, 0)
    codes = embed(model, images)
    return model, images, fit_reference(code_matrix(codes), residuals(model, images, codes), 99.0)
