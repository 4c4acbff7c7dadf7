"""RSA: exact against scipy, calibrated on noise, and honest about what cannot be tested."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import binom, kendalltau, ttest_1samp

from adhd_cvae.analysis import permutation_rsa
from adhd_cvae.analysis.as_published import as_published_table
from adhd_cvae.analysis.rsa import inversions, kendall
from adhd_cvae.analysis.rsa.dissimilarity import latent_dissimilarity, model_dissimilarity
from adhd_cvae.analysis.rsa.inversions import count_inversions
from adhd_cvae.analysis.rsa.kendall import bootstrap_taus, dense_codes, kendall_tau, pair_order
from adhd_cvae.analysis.rsa.table import RSA_COLUMNS, rsa_table
from adhd_cvae.errors import InputError

REPEATS = 200
BOUNDS = binom.interval(0.999, REPEATS, 0.05)


def scipy_tau(first, second):
    return kendalltau(squareform(first, checks=False), squareform(second, checks=False)).statistic


@pytest.mark.parametrize("levels", [1, 2, 3, 60, 200, 500, 1000, 5000, 200_000, 2**27])
@pytest.mark.parametrize("weighted", [False, True])
def test_inversions_equal_brute_force(levels, weighted):
    rng = np.random.default_rng(levels)
    codes = rng.integers(0, levels, 700).astype(np.int32)
    weights = rng.integers(1, 5, 700).astype(np.int32)
    products = np.outer(weights, weights) if weighted else np.ones((700, 700), int)
    expected = (np.triu(codes[:, None] > codes[None, :], 1) * products).sum()
    spare = (np.empty_like(codes), np.empty_like(codes))
    assert count_inversions(codes.copy(), weights if weighted else None, spare) == expected


def test_inversions_when_most_codes_share_their_upper_bits():
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.integers(0, 200, 900), rng.integers(0, 2**20, 20)]).astype(np.int32)
    rng.shuffle(codes)
    expected = np.triu(codes[:, None] > codes[None, :], 1).sum()
    assert count_inversions(codes.copy(), None, (np.empty_like(codes), np.empty_like(codes))) == expected


@pytest.mark.parametrize("levels", [5, 40, 3000])
@pytest.mark.parametrize("weighted", [False, True])
def test_inversions_of_a_sequence_longer_than_a_counter_counts(levels, weighted):
    """Counted in parts, and again from nothing where the higher digits change."""
    rng = np.random.default_rng(levels)
    codes = rng.integers(0, 5, 150_000).astype(np.int32) * (levels // 5)
    weights = rng.integers(1, 4, 150_000).astype(np.int32) if weighted else np.ones_like(codes)
    expected = 0
    for high in np.unique(codes):
        for low in np.unique(codes[codes < high]):
            expected += int(
                (np.cumsum(weights * (codes == high)) * weights)[codes == low].sum(dtype=np.int64)
            )
    spare = (np.empty_like(codes), np.empty_like(codes))
    assert count_inversions(codes.copy(), weights if weighted else None, spare) == expected


def test_compiled_functions_are_no_closures():
    """Numba's cache gives closures of one name one symbol: a process may run one of them for another."""
    compiled = [found for module in (inversions, kendall) for found in vars(module).values()]
    compiled = [found for found in compiled if hasattr(found, "py_func")]
    assert len(compiled) > 5
    assert not any("<locals>" in found.py_func.__qualname__ for found in compiled)


@pytest.mark.parametrize("tied_space", [False, True])
@pytest.mark.parametrize("values", ["continuous", "integers", "binary"])
def test_tau_equals_scipy_whatever_is_tied(tied_space, values):
    for seed in range(15):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(4, 60))
        latents = rng.integers(0, 3, (n, 2)) if tied_space else rng.normal(size=(n, 3))
        space = latent_dissimilarity(latents)
        numbers = {"continuous": rng.normal(size=n), "integers": rng.integers(0, 9, n)}.get(values)
        numbers = rng.integers(0, 2, n) if numbers is None else numbers
        model = model_dissimilarity(numbers.astype(float), "ratio")
        expected = scipy_tau(space, model)
        assert kendall_tau(space, model) == pytest.approx(expected, abs=1e-12, nan_ok=True)


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


def test_bootstrap_leaves_out_pairs_of_a_participant_with_itself():
    rng = np.random.default_rng(2)
    n = 18
    space = latent_dissimilarity(rng.normal(size=(n, 2)))
    model = model_dissimilarity(rng.integers(0, 6, n).astype(float), "ratio")
    times = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(20)]).astype(np.int32)
    taus = bootstrap_taus(*pair_order(space), *dense_codes(model), times)
    for tau, row in zip(taus, times, strict=True):
        drawn = np.repeat(np.arange(n), row)
        first, second = (drawn[index] for index in np.triu_indices(n, 1))
        kept = first != second
        pairs = first[kept], second[kept]
        assert tau == pytest.approx(kendalltau(space[pairs], model[pairs]).statistic, abs=1e-12)


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


def noise_table(n_jobs=1, order=("age", "sex"), seed=0):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.normal(size=40), "sex": rng.integers(0, 2, 40).astype(float)})
    frame.loc[3, "age"] = np.nan
    scales = {"age": "ratio", "sex": "nominal"}
    spaces = {"salient": rng.normal(size=(40, 2)), "background": rng.normal(size=(40, 5))}
    return rsa_table(
        spaces, frame, {k: scales[k] for k in order}, permutations=99, bootstraps=50, seed=seed, n_jobs=n_jobs
    )


def test_table_is_reproducible_and_a_cell_does_not_depend_on_the_others():
    table = noise_table()
    assert list(table.columns) == RSA_COLUMNS
    pd.testing.assert_frame_equal(table, noise_table(n_jobs=2))
    alone = noise_table(order=("sex",)).set_index("space")
    both = table[table["variable"] == "sex"].set_index("space")
    columns = ["tau", "ci_low", "p_value", "null_sd"]
    pd.testing.assert_frame_equal(alone[columns], both[columns])
    assert not table["p_value"].equals(noise_table(seed=1)["p_value"])
    assert table.set_index(["space", "variable"]).loc[("salient", "age"), "n"] == 39


def test_the_table_tells_how_far_it_is():
    rng = np.random.default_rng(0)
    told = []
    rsa_table(
        {"salient": rng.normal(size=(20, 2)), "background": rng.normal(size=(20, 2))},
        pd.DataFrame({"age": rng.normal(size=20)}),
        {"age": "ratio"},
        permutations=9,
        bootstraps=0,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_benjamini_hochberg_over_the_whole_table_without_untested_cells():
    rng = np.random.default_rng(0)
    severity = rng.normal(size=60)
    frame = pd.DataFrame({"severity": severity, "noise": rng.normal(size=60), "constant": 1.0})
    table = rsa_table({"salient": severity[:, None]}, frame, dict.fromkeys(frame, "ratio"), permutations=199)
    p = table.set_index("variable")["p_value"]
    fdr = table.set_index("variable")["p_fdr"]
    assert fdr["severity"] == pytest.approx(p["severity"] * 2)
    assert np.isnan(fdr["constant"])


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


def test_errors_name_the_variable():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": ["old"] * 12})
    with pytest.raises(InputError, match=r"'age' holds 'old'"):
        rsa_table({"salient": rng.normal(size=(12, 2))}, frame, {"age": "ratio"})
    with pytest.raises(InputError, match=r"no column 'iq' \(found: age\)"):
        rsa_table({"salient": rng.normal(size=(12, 2))}, frame, {"iq": "ratio"})
    with pytest.raises(InputError, match="'salient' has 11 participants, the variables 12"):
        rsa_table({"salient": rng.normal(size=(11, 2))}, frame, {"age": "nominal"})
    with pytest.raises(InputError, match="expected ratio or nominal"):
        permutation_rsa(rng.normal(size=(12, 2)), np.arange(12), "ordinal")


def test_as_published_is_the_studys_own_arithmetic():
    rng = np.random.default_rng(0)
    draws = {"salient": rng.normal(size=(10, 25, 3)), "vae": rng.normal(size=(10, 25, 4))}
    frame = pd.DataFrame({"age": rng.uniform(7, 18, 25).round(2), "site": rng.integers(1, 4, 25)})
    frame.loc[2, "age"] = np.nan
    table = as_published_table(draws, frame, {"age": "ratio", "site": "nominal"}).set_index(
        ["space", "variable"]
    )
    known = frame["age"].notna().to_numpy()
    ages = frame["age"][known].to_numpy()
    model = pdist(ages[:, None], "cityblock")
    bent = [np.arctan(kendalltau(pdist(draw[known]), model).statistic) for draw in draws["salient"]]
    expected = ttest_1samp(bent, 0)
    row = table.loc[("salient", "age")]
    assert row["mean"] == pytest.approx(np.mean(bent), abs=1e-9)
    assert row["t"] == pytest.approx(expected.statistic, abs=1e-6)
    assert row["p_value"] == pytest.approx(expected.pvalue, abs=1e-9)
    assert row["df"] == 9
    assert row["n"] == 24


def test_as_published_without_draws_to_compare_says_so():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.normal(size=12), "flat": 1.0})
    one = as_published_table({"salient": rng.normal(size=(1, 12, 2))}, frame, {"age": "ratio"})
    assert one["t"].isna().all()
    assert "2 draws" in one["note"][0]
    flat = as_published_table({"salient": rng.normal(size=(3, 12, 2))}, frame, {"flat": "ratio"})
    assert flat["p_value"].isna().all()
    assert flat["note"].notna().all()
