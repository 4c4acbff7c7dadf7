"""Invented participants: features of a table, and maps on a small grid."""

import numpy as np
import pytest

from adhd_cvae.config import ImageConfig, ModelConfig, Recipe, TrainingConfig

GRID = ImageConfig(shape=(8, 8, 8), voxel_size=24.0, fwhm=0.0, min_template_correlation=None, max_offset=None)


@pytest.fixture
def cohort(rng):
    """Features of controls and patients, who is one, the planted severities, and features of healthy others."""
    loadings = rng.standard_normal((30, 90)) * np.linspace(3, 0.3, 30)[:, None]
    effect = rng.standard_normal(90)
    effect -= effect @ np.linalg.pinv(loadings[:10]) @ loadings[:10]

    def simulate(count):
        return rng.standard_normal((count, 30)) @ loadings + 0.3 * rng.standard_normal((count, 90))

    is_target = np.arange(320) % 2 == 1
    severity = rng.gamma(2, 0.5, 320) * is_target
    return simulate(320) - 0.4 * np.outer(severity, effect), is_target, severity, simulate(500)


@pytest.fixture
def grid():
    """A grid of few voxels, on which nothing is compared with a template."""
    return GRID


@pytest.fixture
def recipe():
    """The linear start alone, as the model."""
    return Recipe(
        image=GRID,
        model=ModelConfig(salient=2, background=3, correction=False),
        training=TrainingConfig(epochs=0),
    )


@pytest.fixture
def maps(rng):
    """Maps (60, 8, 8, 8) of two sites that differ, patients with less somewhere; and who is a patient, and where."""
    is_target, sites = np.arange(60) % 2 == 1, np.arange(60) // 2 % 2
    values = 0.5 + 0.05 * rng.standard_normal((60, 8, 8, 8))
    values[:, 0] = 0  # outside of the brain
    values[is_target, 2:4] -= 0.1 * rng.random((30, 1, 1, 1))
    values[sites == 1, 5:] += 0.1
    return values.astype(np.float32), is_target, sites
