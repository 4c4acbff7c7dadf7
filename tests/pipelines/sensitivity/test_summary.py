"""Tables of what cohorts of controls show, where it is known how often effects are found."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from pipelines.sensitivity.summary import in_words, tables

EFFECTS = (0.0, 0.2, 0.5, 0.8, 1.2)


def chance(effect, n):
    """That an effect is found: 5 % of none, and probits that rise along d · √n."""
    return norm.cdf(norm.ppf(0.05) + 0.45 * effect * np.sqrt(n))


def cells(sizes=(30, 60), cohorts=400, borrows=(False,)):
    """Cohorts of every size and effect, found as often as `chance` has it, more often where something is borrowed."""
    rng, rows = np.random.default_rng(0), []
    for way in borrows:
        for n in sizes:
            for effect in EFFECTS:
                found = rng.random(cohorts) < chance(effect * (1 + way), n)
                p_values = np.where(found, 0.05, 0.5)  # of 19 permutations the least there is
                for seed, p_value in enumerate(p_values):
                    row = {"cohens_d": effect, "n": n, "patients": n // 2, "borrows": way, "seed": seed}
                    kind = {"effect": "all", "space": "salient", "measure": "auc"}
                    rows.append({**row, **kind, "value": 0.5 + effect / 5, "p_value": p_value})
    return pd.DataFrame(rows)


def test_power_is_the_share_of_cohorts_that_find_an_effect_with_its_interval():
    power = tables(cells(), n=60, lent=0)["power"]
    assert not power["extrapolated"].any()
    assert sorted(set(power["cohens_d"])) == [0.2, 0.5, 0.8, 1.2]
    expected = [chance(row.cohens_d, row.n) for row in power.itertuples()]
    assert np.abs(power["significant"] - expected).max() < 0.07
    inside = (power["significant_low"] <= expected) & (expected <= power["significant_high"])
    assert inside.sum() >= len(power) - 1
    assert power["mean"].tolist() == pytest.approx((0.5 + power["cohens_d"] / 5).tolist())


def test_beyond_the_size_of_the_cohorts_it_is_extrapolated_and_says_so():
    power = tables(cells(), n=150, lent=0)["power"]
    beyond = power[power["extrapolated"] == 1]
    assert set(beyond["n"]) == {150}
    assert set(power.loc[power["extrapolated"] == 0, "n"]) == {30, 60}
    expected = [chance(effect, 150) for effect in beyond["cohens_d"]]
    assert np.abs(beyond["significant"] - expected).max() < 0.07
    assert beyond["mean"].isna().all()
    assert set(beyond["patients"]) == {75}


@pytest.mark.parametrize("found", [0, 1])
def test_what_hardly_any_small_cohort_finds_is_not_found_by_all_larger_ones(found):
    few = pd.DataFrame({"cohens_d": [0.0] * 20 + [0.5] * 5 + [1.2] * 5, "n": 50, "patients": 21})
    few = few.assign(borrows=False, effect="all", space="salient", measure="auc", value=0.5, p_value=0.5)
    few.loc[len(few) - 1, "p_value"] = 0.05 if found else 0.5
    power = tables(few, n=100, lent=0)["power"].query("extrapolated == 1")
    assert len(power) == 2
    assert (power["significant"] < 0.3).all()
    assert (power["significant_high"] - power["significant_low"] > 0.05).all()


def test_the_smallest_effect_is_where_four_of_five_cohorts_find_it():
    smallest = tables(cells(), n=150, lent=0)["smallest"].set_index("n")
    for n in (30, 60, 150):
        exact = (norm.ppf(0.8) - norm.ppf(0.05)) / (0.45 * np.sqrt(n))
        row = smallest.loc[n]
        assert row["ci_low"] <= row["cohens_d"] <= row["ci_high"]
        assert row["cohens_d"] == pytest.approx(exact, abs=0.12)
    assert "extrapolated" in smallest.loc[150, "note"]


def test_an_effect_that_is_hardly_found_has_no_smallest_size():
    few = cells(sizes=(4,))
    smallest = tables(few, n=4, lent=0)["smallest"]
    assert smallest["cohens_d"].isna().all()
    assert "1.2" in smallest["note"].iloc[0]


@pytest.mark.parametrize(("p_value", "share"), [(0.5, 0.05), (0.05, 1.0)])
def test_where_all_cohorts_or_none_found_theirs_more_participants_find_as_many(p_value, share):
    power = tables(cells().assign(p_value=p_value), n=150, lent=0)["power"]
    beyond = power.loc[power["extrapolated"] == 1, "significant"]
    assert beyond.tolist() == pytest.approx([share] * 4, abs=1e-3)


def test_false_positives_are_of_cohorts_in_which_nothing_was_planted():
    table = tables(cells(sizes=(60,)), n=60, lent=0)["false_positives"]
    assert table["test"].tolist() == ["AUC of salient"]
    assert table["cohorts"].tolist() == [400]
    assert table["ci_low"].iloc[0] <= 0.05 <= table["ci_high"].iloc[0]


def test_what_is_borrowed_stands_beside_nothing_borrowed():
    found = tables(cells(sizes=(60,), borrows=(False, True)), n=60, lent=500)
    power = found["power"].pivot_table(index="cohens_d", columns="borrowed", values="significant")
    assert power.columns.tolist() == [0, 500]
    assert power.loc[0.5, 500] > power.loc[0.5, 0] + 0.2
    assert set(found["false_positives"]["borrowed"]) == {0, 500}


def test_a_test_without_a_p_value_is_left_out():
    one = cells(sizes=(60,), cohorts=10).assign(p_value=np.nan)
    assert all(table.empty for table in tables(one, n=60, lent=0).values())


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (("all", "maps", "dice"), "group map, any voxel"),
        (("striatum", "salient", "r"), "severity in striatum"),
        (("all", "both", "auc_beyond_covariates"), "AUC of both beyond covariates"),
    ],
)
def test_tests_are_named_in_words(kind, words):
    assert in_words(*kind) == words
