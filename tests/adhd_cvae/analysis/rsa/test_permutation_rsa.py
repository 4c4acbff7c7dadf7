"""RSA: exact against scipy, calibrated on noise, and honest about what cannot be tested."""

import numpy as np
import pytest
from scipy.spatial.distance import squareform
from scipy.stats import binom, kendalltau

from adhd_cvae.analysis import permutation_rsa
from adhd_cvae.analysis.rsa.dissimilarity import latent_dissimilarity, model_dissimilarity

REPEATS = 200
BOUNDS = binom.interval(0.999, REPEATS, 0.05)


def scipy_tau(first, second):
    return kendalltau(squareform(first, checks=False), squareform(second, checks=False)).statistic


@pytest.mark.parametrize("scale", ["ratio", "nominal"])
@pytest.mark.parametrize("tied_space", [False, True])
def test_permutation_p_equals_a_scipy_permutation(scale, tied_space):
    rng = np.random.default_rng(3)
    n = 24
    values = rng.integers(0, 4, n)
    latents = rng.normal(size=(n, 2)) + 0.5 * values[:, None]
    latents = latents.round() if tied_space else latents
    result = permutation_rsa(latents, values, scale, permutations=400, bootstraps=0, seed=5)
    model = model_dissimilarity(values.astype(float), scale)
    space = latent_dissimilarity(latents)
    null = [
        scipy_tau(space, model[np.ix_(order, order)]) for order in (rng.permutation(n) for _ in range(400))
    ]
    assert result.tau == pytest.approx(scipy_tau(space, model), abs=1e-12)
    assert result.null_sd == pytest.approx(np.std(null), rel=0.2)
    reference = (1 + np.sum(np.abs(null) >= abs(result.tau) - 1e-12)) / 401
    assert result.p_value == pytest.approx(reference, abs=0.08)
    own = (1 + np.sum(np.abs(result.null) >= abs(result.tau) - 1e-12)) / 401
    assert result.p_value == pytest.approx(own, abs=1e-12)


def test_each_permuted_tau_is_that_of_the_permuted_values():
    rng = np.random.default_rng(0)
    latents, labels = rng.normal(size=(20, 2)), rng.integers(0, 3, 20)
    by_label = permutation_rsa(latents, labels, "nominal", permutations=50, bootstraps=0, seed=1).null
    assert len(np.unique(by_label)) > 25
    # The same seed gives the same permutations, so the general path must agree with the label path.
    binary = (labels > 0).astype(int)
    nominal = permutation_rsa(latents, binary, "nominal", permutations=50, bootstraps=0, seed=1)
    ratio = permutation_rsa(latents, binary, "ratio", permutations=50, bootstraps=0, seed=1)
    np.testing.assert_allclose(nominal.null, ratio.null, atol=1e-14)
    assert nominal.p_value == ratio.p_value


def test_bootstrap_interval_covers_the_planted_association():
    rng = np.random.default_rng(0)
    severity = rng.normal(size=80)
    result = permutation_rsa(severity[:, None] + rng.normal(size=(80, 1)), severity, "ratio", permutations=99)
    assert 0 < result.ci_low < result.tau < result.ci_high < 1
    assert result.p_value == 0.01


def rejections(latents, values, strata=None, scale="ratio"):
    count = 0
    for seed in range(REPEATS):
        rng = np.random.default_rng(seed)
        s = strata(rng) if strata else None
        result = permutation_rsa(
            latents(rng, s), values(rng, s), scale, permutations=199, bootstraps=0, seed=rng, strata=s
        )
        count += result.p_value <= 0.05
    return count


@pytest.mark.parametrize("scale", ["ratio", "nominal"])
def test_five_percent_of_noise_is_significant(scale):
    count = rejections(
        lambda rng, _: rng.normal(size=(24, 2)), lambda rng, _: rng.integers(0, 4, 24), scale=scale
    )
    assert BOUNDS[0] <= count <= BOUNDS[1]


def site_values(rng, sites):
    return 2.0 * sites + rng.normal(size=len(sites))


def site_latents(rng, sites):
    return 2.0 * sites[:, None] + rng.normal(size=(len(sites), 2))


def sites(rng):
    return rng.integers(0, 3, 30)


def test_site_effects_stay_calibrated_within_strata_and_fool_free_permutation():
    within = rejections(site_latents, site_values, sites)
    assert BOUNDS[0] <= within <= BOUNDS[1]
    rng = np.random.default_rng(0)
    where = sites(rng)
    free = permutation_rsa(site_latents(rng, where), site_values(rng, where), "ratio", permutations=199)
    assert free.p_value == 0.005


def test_power_within_strata_beats_the_uncentred_comparison():
    rng = np.random.default_rng(1)
    where = rng.integers(0, 3, 60)
    severity = rng.normal(size=60)
    latents = np.column_stack([severity + 3.0 * where, rng.normal(size=60)])
    result = permutation_rsa(latents, severity + 3.0 * where, "ratio", permutations=499, strata=where)
    assert result.null_mean > 0.1
    assert result.p_value <= 0.01


@pytest.mark.parametrize(
    ("values", "scale", "note"),
    [
        (np.ones(20), "ratio", "the same for every participant"),
        (np.full(20, np.nan), "ratio", "0 participants"),
        ([1.0, 2.0, 3.0] + [np.nan] * 17, "ratio", "3 participants"),
        ([f"p{k}" for k in range(20)], "nominal", "no two participants"),
    ],
)
def test_what_cannot_be_tested_is_missing_with_a_reason(values, scale, note):
    result = permutation_rsa(np.random.default_rng(0).normal(size=(20, 2)), values, scale, permutations=19)
    assert note in result.note
    assert np.isnan([result.tau, result.p_value, result.ci_low, result.null_sd]).all()


def test_space_that_does_not_vary_and_latents_that_are_not_finite():
    rng = np.random.default_rng(0)
    flat = permutation_rsa(np.zeros((20, 2)), rng.normal(size=20), "ratio", permutations=19)
    assert "does not tell participants apart" in flat.note
    latents = rng.normal(size=(20, 2))
    latents[0, 0] = np.nan
    assert permutation_rsa(latents, rng.normal(size=20), "ratio", permutations=19).n == 19


def test_a_variable_that_is_the_stratum_is_permuted_freely_and_says_so():
    rng = np.random.default_rng(0)
    where = np.repeat(["NYU", "KKI"], 10)
    latents = rng.normal(size=(20, 2))
    result = permutation_rsa(latents, where, "nominal", permutations=199, strata=where)
    assert "permuted freely" in result.note
    assert result.p_value == permutation_rsa(latents, where, "nominal", permutations=199).p_value


def test_one_site_is_the_same_as_no_strata():
    rng = np.random.default_rng(0)
    latents, values = rng.normal(size=(20, 2)), rng.normal(size=20)
    free = permutation_rsa(latents, values, "ratio", permutations=99, seed=4)
    assert permutation_rsa(latents, values, "ratio", permutations=99, seed=4, strata=["NYU"] * 20) == free


def test_decimal_differences_that_are_ties_count_as_ties():
    values = np.array([7.1, 7.3, 7.5, 7.7, 7.9, 8.1, 8.3, 8.5, 8.7, 8.9])
    latents = np.random.default_rng(0).normal(size=(10, 2))
    decimals = permutation_rsa(latents, values, "ratio", permutations=19, bootstraps=0)
    whole = permutation_rsa(latents, np.arange(10), "ratio", permutations=19, bootstraps=0)
    assert decimals.tau == whole.tau
