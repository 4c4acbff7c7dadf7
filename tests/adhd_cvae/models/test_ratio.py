"""Directions of the largest ratio to a covariance of controls that is shrunk."""

import numpy as np
import pytest
from scipy.linalg import eigh
from scipy.stats import multivariate_normal

from adhd_cvae.models.ratio import Ratio
from adhd_cvae.models.reference_background import Borrowed


@pytest.fixture
def known(rng):
    """Thirty participants, half of them patients, in five coordinates, and a reference that knows all of them."""
    is_target = np.arange(30) % 2 == 1
    scores = rng.standard_normal((30, 5)) * [1, 2, 3, 4, 5] + is_target[:, None] * [1, 0, 0, 0, 0]
    return scores - scores[~is_target].mean(axis=0), is_target


def test_directions_are_fishers_and_the_leading_generalised_eigenvectors(known, rng):
    scores, is_target = known
    reference = Borrowed(np.zeros(5), np.eye(5), np.ones(5), 10, 5)
    found = Ratio(0.7, reference).directions(scores, is_target, 3, 5)
    patients, controls = scores[is_target], scores[~is_target]
    shrunk = 0.3 * controls.T @ controls / 15 + 0.7 * np.eye(5)
    expected = eigh(patients.T @ patients / 15, shrunk)[1][:, ::-1][:, :2]
    expected /= np.linalg.norm(expected, axis=0)
    assert np.abs(np.einsum("ij,ij->j", found[:, 1:], expected)) == pytest.approx([1, 1])
    fisher = patients.mean(axis=0)  # by the reference's covariance alone
    assert found[:, 0] == pytest.approx(fisher / np.linalg.norm(fisher))


def test_without_a_reference_it_shrinks_towards_own_controls_mean_variance(known):
    scores, is_target = known
    controls = scores[~is_target]
    other = np.square(controls).sum() / 15 / 5
    reference = Borrowed(np.zeros(5), np.eye(5), np.full(5, other), 10, 5)
    same = Ratio(0.4, reference).whitened(scores) * np.sqrt(other)
    assert same == pytest.approx(scores)
    patients = scores[is_target]
    shrunk = 0.6 * controls.T @ controls / 15 + 0.4 * other * np.eye(5)
    leading = eigh(patients.T @ patients / 15, shrunk)[1][:, -1]
    found = Ratio(0.4).directions(scores, is_target, 2, 5)[:, 1]
    assert abs(found @ leading) == pytest.approx(np.linalg.norm(leading))
    within = np.concatenate([patients - patients.mean(axis=0), controls])
    shared = np.linalg.solve(0.6 * within.T @ within / 30 + 0.4 * other * np.eye(5), patients.mean(axis=0))
    discriminant = Ratio(0.4).directions(scores, is_target, 2, 5)[:, 0]
    assert discriminant == pytest.approx(shared / np.linalg.norm(shared))


@pytest.mark.parametrize("coordinates", [4, 40])
def test_likelihood_is_the_gaussian_density_of_those_held_out(rng, coordinates):
    controls = rng.standard_normal((12, coordinates)) * np.linspace(0.5, 2, coordinates)
    variances = np.linspace(3, 1, coordinates)
    reference = Borrowed(np.zeros(coordinates), np.eye(coordinates), variances, 1, coordinates)
    ratio = Ratio(0.7, reference, share=coordinates - 1)
    kept = slice(0, coordinates - 1)  # off the kept axes nothing is asked
    folds = [np.arange(first, 12, 3) for first in range(3)]
    expected = 0.0
    for held in folds:
        fitted = np.delete(controls, held, axis=0)[:, kept]
        mean = fitted.mean(axis=0)
        mixed = 0.3 * (fitted - mean).T @ (fitted - mean) / len(fitted) + 0.7 * np.diag(variances[kept])
        expected += multivariate_normal(mean, mixed).logpdf(controls[held][:, kept]).sum()
    constant = (coordinates - 1) / 2 * np.log(2 * np.pi) + np.log(variances[kept]).sum() / 2
    found = ratio.log_likelihoods(controls, folds, [0.5, 0.7])
    assert found[1] == pytest.approx(expected / 12 + constant)
    assert found[0] != pytest.approx(found[1])


def test_background_rows_have_the_mixed_covariance(known):
    scores, is_target = known
    controls = scores[~is_target]
    axes = np.linalg.qr(np.random.default_rng(0).standard_normal((5, 5)))[0]
    ratio = Ratio(0.8, Borrowed(np.zeros(5), axes, np.array([5.0, 4, 3, 2, 1]), 10, 5))
    rows = ratio.background_rows(controls, 5)
    expected = 0.2 * controls.T @ controls / 15 + 0.8 * (axes.T * [5, 4, 3, 2, 1]) @ axes
    assert rows.T @ rows == pytest.approx(expected)
    assert Ratio(0.8).background_rows(controls, 5) is controls
