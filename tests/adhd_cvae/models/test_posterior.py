"""Spreads of codes in closed form: the analytic answer where it is known, and coverage of new participants."""

from functools import cache

import numpy as np
import pytest

from adhd_cvae.models.linear import LinearModel, LinearSpace, fit_linear, principal_axes
from adhd_cvae.models.posterior import code_error, posterior_variance

VOXELS, FIELDS = 3000, 200
UNITS, PLANTED = 6, 2
NOMINAL = 1.645
"""Standard deviations to either side that hold 90 % of a Gaussian."""


def test_with_known_loadings_and_much_data_it_is_the_analytic_answer():
    rng = np.random.default_rng(100)
    voxels, noise = 50, 0.7
    loadings = rng.standard_normal((4, voxels))
    encoder = np.linalg.pinv(loadings).T
    origin = np.zeros(voxels)
    known = LinearModel(
        LinearSpace(origin, encoder[:1], loadings[:1]), LinearSpace(origin, encoder[1:], loadings[1:])
    )
    is_target = np.arange(6000) % 2 == 1
    codes = rng.standard_normal((6000, 4)) * np.array([1.5, 1, 1, 1])
    codes[:, 0] *= is_target
    observed = codes @ loadings + noise * rng.standard_normal((6000, voxels))
    error = code_error(lambda rows: known, observed, is_target, folds=4, seed=0)
    salient, background = posterior_variance(known, error)
    lengths = np.square(encoder).sum(axis=1)
    np.testing.assert_allclose(salient, noise**2 * lengths[:1], rtol=0.05)
    np.testing.assert_allclose(background, noise**2 * lengths[1:], rtol=0.05)
    # The residual lacks what the maps of the three units that controls have can take up, and of patients all four.
    assert error.residual == pytest.approx(noise**2 * (1 - 3 / voxels), rel=0.05)


class Cohort:
    """Smooth maps of shared and of planted parts, linear and Gaussian but for the severities."""

    def __init__(self, seed, length):
        self.rng = np.random.default_rng(seed)
        self.fields = np.linalg.qr(self.rng.standard_normal((VOXELS, FIELDS)))[0].T
        maps = self.rng.standard_normal((UNITS + PLANTED, FIELDS))
        self.maps = length * maps / np.linalg.norm(maps, axis=1, keepdims=True)

    def participants(self, count):
        """Shared part, planted part and noise, (count, voxels) each, and who is a patient."""
        is_target = np.arange(count) % 2 == 1
        shared = self.rng.standard_normal((count, UNITS)) * np.linspace(3, 1.5, UNITS)
        severity = self.rng.gamma(2, 0.7, (count, PLANTED)) * is_target[:, None]
        noise = self.rng.standard_normal((count, FIELDS))
        fields = (shared @ self.maps[:UNITS], severity @ self.maps[UNITS:], noise)
        return *(part @ self.fields for part in fields), is_target


@cache
def coverage(seed, length):
    """Share of new participants' codes near what their maps say without noise: z, s of controls, s of patients."""
    cohort = Cohort(seed, length)
    shared, planted, noise, is_target = cohort.participants(150)
    observed = shared + planted + noise
    middle = observed.mean(axis=0)
    scores, axes = principal_axes(observed - middle)

    def fit(rows):
        return fit_linear("contrast", scores[rows], is_target[rows], PLANTED, UNITS, seed=0)

    model = fit(np.arange(len(scores)))
    error = code_error(fit, scores, is_target, folds=4, seed=0, size=VOXELS)
    salient_variance, background_variance = posterior_variance(model, error)
    salient, background = model.salient.encoder @ axes, model.background.encoder @ axes
    origin = middle + model.background.origin @ axes
    shared, planted, noise, is_target = cohort.participants(600)
    observed = shared + planted + noise
    z = noise @ background.T
    s = (observed - origin) @ salient.T - planted @ salient.T

    def inside(errors, variance):
        return float((np.abs(errors) <= NOMINAL * np.sqrt(variance)).mean())

    return (
        inside(z, background_variance),
        inside(s[~is_target], salient_variance),
        inside(s[is_target], salient_variance),
    )


SEEDS = range(100, 106)


@pytest.mark.parametrize("of", [0, 1, 2], ids=["z", "s of controls", "s of patients"])
def test_of_few_participants_with_many_voxels_nine_in_ten_codes_lie_in_their_interval(of):
    shares = [coverage(seed, 1.5)[of] for seed in SEEDS]
    assert 0.85 <= np.mean(shares) <= 0.95
    assert min(shares) > 0.8


def test_where_loadings_are_strong_intervals_of_z_are_wide_and_those_of_s_are_not():
    """Errors of the loadings count as noise of z, wherever they point: its intervals hold more than they say."""
    z, controls, patients = np.mean([coverage(seed, 6.0) for seed in SEEDS], axis=0)
    assert z > 0.95
    assert 0.85 <= controls <= 0.95
    assert 0.85 <= patients <= 0.95


def test_a_group_smaller_than_the_folds_is_measured_in_those_fitted():
    rng = np.random.default_rng(101)
    maps, is_target = rng.standard_normal((10, 30)), np.arange(10) < 3
    fitted = []

    def fit(rows):
        fitted.append(len(rows))
        return fit_linear("contrast", maps[rows], is_target[rows], 1, 2, seed=0)

    code_error(fit, maps, is_target, folds=4, seed=0)
    assert fitted == [10]
    code_error(fit, maps, is_target, folds=3, seed=0)
    assert sorted(fitted[1:]) == [6, 7, 7]
