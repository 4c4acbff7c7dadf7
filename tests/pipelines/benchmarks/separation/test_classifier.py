"""Discriminant analysis of more voxels than a covariance has room for."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from adhd_cvae.config import ImageConfig
from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.benchmarks.separation.classifier import discriminant_scores
from pipelines.benchmarks.separation.cohorts import simulate_maps


def test_it_is_scikit_learns_with_less_memory():
    config = SimulationConfig(participants=60, resolution=8, cohens_d=1.4)
    image = ImageConfig(shape=(16, 16, 16), voxel_size=12)
    cohort = simulate_maps(config, "site", image)
    flat = cohort.images.reshape(60, -1).astype(float)
    voxels, fitted = flat[:, flat.mean(axis=0) > image.mask_threshold], ~cohort.is_held_out
    expected = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    expected.fit(voxels[fitted], cohort.is_target[fitted])
    found = discriminant_scores(cohort)
    assert np.corrcoef(found, expected.decision_function(voxels))[0, 1] == pytest.approx(1, abs=1e-6)
    assert found.std() == pytest.approx(expected.decision_function(voxels).std(), rel=1e-3)
