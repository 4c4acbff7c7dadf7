"""Scores of codes that were made to be perfect, useless or leaking."""

import numpy as np
import pandas as pd
import pytest

from pipelines.benchmarks.separation.cohorts import KnownCohort
from pipelines.benchmarks.separation.metrics import (
    aligned_correlation,
    positive_rate,
    recovery_rows,
    score_codes,
)

FACTORS = ("severity_a", "severity_b")
RNG = np.random.default_rng


def known(n=240, seed=0, **columns):
    rng = RNG(seed)
    is_target = np.arange(n) % 2 == 1
    table = pd.DataFrame(
        {
            "site": rng.integers(1, 4, n),
            "age": rng.uniform(7, 18, n),
            "sex": rng.integers(0, 2, n),
            "iq": rng.normal(100, 15, n),
            "adhd_index": rng.normal(size=n),
            **{name: rng.gamma(2, 0.5, n) * is_target for name in FACTORS},
        }
    )
    group = np.where(is_target, "target", "background")
    return KnownCohort(table.assign(group=group, **columns), FACTORS, rng.permutation(n) < 0.4 * n)


def severities(cohort):
    return cohort.table[list(FACTORS)].to_numpy()


def noise(cohort, units=3, seed=1):
    return RNG(seed).normal(size=(len(cohort.table), units))


def scored(spaces, cohort, null=False, permutations=99):
    rows = score_codes(spaces, cohort, null=null, permutations=permutations, seed=0)
    return pd.DataFrame(rows).set_index(["metric", "target", "space"]).sort_index()


def test_codes_that_are_the_truth_are_told_and_useless_ones_are_not():
    cohort = known()
    mixed = severities(cohort) @ np.array([[2.0, 1.0], [-1.0, 3.0]])
    table = scored({"salient": mixed, "background": noise(cohort)}, cohort)
    for factor in FACTORS:
        assert table.loc[("r", factor, "salient"), "score"] > 0.99
        assert table.loc[("r2", factor, "salient"), "score"] > 0.98
        assert table.loc[("r", factor, "salient"), "p_value"] == pytest.approx(0.01)
        assert abs(table.loc[("r", factor, "background"), "score"]) < 0.4
        assert table.loc[("r2", factor, "background"), "score"] < 0.15
        assert table.loc[("r", factor, "background"), "p_value"] > 0.01


def test_a_severity_that_bends_is_found_by_the_kernel_alone():
    cohort = known(n=600)
    angle = 0.75 * np.pi * severities(cohort)[:, 0].clip(max=2.5)  # nearly a whole circle
    bent = np.column_stack([np.cos(angle), np.sin(angle)])
    table = pd.DataFrame(recovery_rows({"salient": bent}, cohort, permutations=9, seed=0))
    table = table[table["target"] == "severity_a"].set_index("metric")["score"]
    assert table["r_rbf"] > 0.95
    assert table["r"] < table["r_rbf"] - 0.1


def test_what_leaks_is_found_and_only_that():
    cohort = known()
    leaking = np.column_stack([noise(cohort, 2), severities(cohort)[:, 0]])
    aged = np.column_stack([severities(cohort)[:, 0], cohort.table["age"] + noise(cohort, 1)[:, 0]])
    table = scored({"salient": aged, "background": leaking}, cohort)
    for probe in ("probe_linear", "probe_rbf"):
        assert table.loc[(probe, "severity_a", "background"), "p_value"] <= 0.02
        assert table.loc[(probe, "severity_b", "background"), "p_value"] > 0.02
        assert table.loc[(probe, "group", "background"), "p_value"] <= 0.02
        assert table.loc[(probe, "age", "salient"), "p_value"] <= 0.02
        assert table.loc[(probe, "sex", "salient"), "p_value"] > 0.02
    assert {target for metric, target, space in table.index if metric == "probe_rbf" and space == "salient"} == {
        "age", "sex", "iq", "site",
    }  # fmt: skip


def test_training_participants_do_not_count():
    cohort = known()
    memorised = np.where(cohort.is_held_out[:, None], noise(cohort, 2), severities(cohort))
    rows = pd.DataFrame(recovery_rows({"salient": memorised}, cohort, permutations=19, seed=0))
    assert rows.loc[rows["metric"] == "r", "score"].abs().max() < 0.35


def test_dependent_codes_and_controls_that_have_a_salient_code():
    cohort = known()
    first = noise(cohort, 2)
    same = scored({"salient": first, "background": first**2}, cohort)
    assert same.loc[("hsic", "", ""), "p_value"] <= 0.02
    assert same.loc[("background_norm", "", "salient"), "score"] == pytest.approx(1, abs=0.2)
    apart = scored({"salient": first * cohort.is_target[:, None], "background": noise(cohort, 2, 5)}, cohort)
    assert apart.loc[("hsic", "", ""), "p_value"] > 0.02
    assert apart.loc[("background_norm", "", "salient"), "score"] == 0


def test_one_space_is_asked_everything_and_has_nothing_to_be_independent_of():
    cohort = known()
    table = scored({"all": np.column_stack([severities(cohort), noise(cohort)])}, cohort)
    assert table.loc[("r", "severity_a", "all"), "score"] > 0.95
    assert table.loc[("probe_linear", "severity_a", "all"), "p_value"] <= 0.02
    assert ("probe_linear", "age", "all") in table.index
    assert not {"hsic", "background_norm", "rsa"} & set(table.index.get_level_values("metric"))


def test_subtypes_are_found_where_they_are_apart_and_bic_counts_them():
    n = 240
    subtype = np.where(np.arange(n) % 2 == 1, RNG(3).integers(1, 4, n), 0)
    cohort = known(n, subtype=subtype)
    corners = np.array([[0, 0], [6, 0], [0, 6], [6, 6]])[subtype]
    apart = scored({"salient": corners + noise(cohort, 2), "background": noise(cohort)}, cohort)
    assert apart.loc[("rand", "subtype", "salient"), "score"] > 0.95
    assert apart.loc[("bic_components", "spherical", "salient"), "score"] == 3
    useless = scored({"salient": noise(cohort, 2), "background": noise(cohort)}, cohort)
    assert abs(useless.loc[("rand", "subtype", "salient"), "score"]) < 0.15
    assert useless.loc[("bic_components", "full", "salient"), "score"] == 1
    assert not any(factor == "subtype" for metric, factor, _ in apart.index if metric == "r")


def test_collapsed_codes_are_scored_without_a_word():
    cohort = known(subtype=RNG(3).integers(1, 4, 240))
    nothing = np.zeros((240, 2))
    table = scored({"salient": nothing, "background": noise(cohort)}, cohort)
    assert table.loc[("r", "severity_a", "salient"), "score"] == 0
    assert table.loc[("r", "severity_a", "salient"), "p_value"] == 1
    assert np.isnan(table.loc[("hsic", "", ""), "p_value"])
    assert table.loc[("rand", "subtype", "salient"), "score"] == pytest.approx(0, abs=0.1)


def test_the_null_arm_tests_similarity_too():
    cohort = known(120)
    table = scored(
        {"salient": noise(cohort), "background": noise(cohort)}, cohort, null=True, permutations=49
    )
    similar = table.loc["rsa"]
    assert set(similar.index) == {
        (name, space) for name in ("age", "sex", "iq", "adhd_index") for space in ("salient", "background")
    }
    assert similar["p_value"].between(0, 1).all()


def test_null_p_values_are_below_five_percent_as_often_as_they_should():
    p_values = []
    for seed in range(60):
        cohort = known(80, seed=seed)
        rows = recovery_rows({"salient": noise(cohort, seed=seed + 500)}, cohort, permutations=99, seed=seed)
        p_values += [one["p_value"] for one in rows if one["metric"] == "r"]
    rate = positive_rate(pd.Series(p_values))
    assert rate["tests"] == 120
    assert rate["low"] < 0.05 < rate["high"]


def test_codes_agree_up_to_a_linear_map():
    cohort = known(80)
    code = noise(cohort, 4)
    turned = code @ RNG(9).normal(size=(4, 4)) + 3
    assert aligned_correlation(code, turned) > 0.98
    assert abs(aligned_correlation(code, noise(cohort, 4, seed=2))) < 0.25
    assert aligned_correlation(code, np.zeros((80, 4))) == 0
    noisy = aligned_correlation(code, turned + 3 * noise(cohort, 4, seed=4))
    assert 0.2 < noisy < 0.98


def test_a_rate_has_an_exact_interval():
    rate = positive_rate(pd.Series([0.01, 0.2, 0.5, 0.9, np.nan]))
    assert (rate["tests"], rate["positive"], rate["rate"]) == (4, 1, 0.25)
    # R's binom.test(1, 4)
    assert (rate["low"], rate["high"]) == (pytest.approx(0.00631, abs=1e-5), pytest.approx(0.80588, abs=1e-5))
    assert positive_rate(pd.Series([np.nan]))["tests"] == 0
