"""Kernels and kernel ridge regression against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from adhd_cvae.analysis.kernels import gaussian_kernel, ridge_predictions, split_kernels


@pytest.mark.parametrize("probe", ["linear", "rbf"])
def test_predictions_are_kernel_ridge_with_the_penalty_of_the_least_leave_one_out_error(probe):
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(25, 4)), rng.normal(size=(7, 4))
    outcomes = train[:, :1] + 0.5 * rng.normal(size=(25, 1))
    inside, across = split_kernels(train, test, probe)
    predicted = ridge_predictions(inside, across, outcomes[:, None, :])[:, 0, 0]

    centring = np.eye(25) - 1 / 25
    centred = centring @ inside @ centring
    shifted = (across - inside.mean(axis=0)) @ centring
    mean = outcomes.mean()
    errors, candidates = [], []
    for penalty in np.logspace(-3, 3, 7) * np.linalg.eigvalsh(centred).clip(0).mean():
        hat = centred @ np.linalg.inv(centred + penalty * np.eye(25)) + 1 / 25
        errors.append(np.sum(((outcomes - hat @ outcomes)[:, 0] / (1 - np.diag(hat))) ** 2))
        model = KernelRidge(alpha=penalty, kernel="precomputed").fit(centred, outcomes - mean)
        candidates.append(model.predict(shifted)[:, 0] + mean)
    np.testing.assert_allclose(predicted, candidates[int(np.argmin(errors))], atol=1e-8)


def test_scaling_is_learnt_from_the_training_participants_alone():
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(12, 3)), rng.normal(size=(4, 3))
    inside, across = split_kernels(train, test, "linear")
    moved_inside, moved_across = split_kernels(train, 100 + test, "linear")
    np.testing.assert_array_equal(inside, moved_inside)
    assert np.abs(across - moved_across).max() > 10
    constant = np.column_stack([train, np.ones(12)])
    assert np.isfinite(split_kernels(constant, np.column_stack([test, np.ones(4)]), "rbf")[1]).all()


def test_gaussian_kernel_has_median_width():
    latents = np.array([[0.0], [1.0], [3.0]])
    kernel = gaussian_kernel(latents)  # squared distances 1, 4, 9: exp(-d² / (2 · 4))
    assert kernel[0, 1] == pytest.approx(np.exp(-1 / 8))
    assert np.diag(kernel) == pytest.approx(1)
