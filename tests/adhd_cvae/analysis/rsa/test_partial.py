"""Partial tau: calibrated where covariates explain all, present where they do not, silent where it cannot be."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, kendalltau

from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.analysis.rsa.partial import Held, held_columns, neighbour_strata
from adhd_cvae.analysis.rsa.table import rsa_table
from adhd_cvae.config import PartialConfig
from adhd_cvae.errors import InputError

SEVERAL = ("age", "tiv")


def confounded(seed, n=60, direct=0.0):
    """A space and a variable that both follow site and age, and each other by `direct` only."""
    rng = np.random.default_rng(seed)
    site = rng.integers(0, 3, n)
    age = rng.normal(size=n) + 0.5 * site
    noise = rng.normal(size=n)
    latents = 0.8 * age + site + rng.normal(size=n) + direct * noise
    frame = pd.DataFrame({"score": 0.8 * age + site + noise, "age": age, "site": site})
    return {"salient": latents[:, None]}, frame


def twice_confounded(seed, n=60, direct=0.0, curve=0.0):
    """The same, and head size drives both as much; age also along a curve."""
    rng = np.random.default_rng([seed, 18])
    site = rng.integers(0, 3, n)
    age, tiv, sex = rng.normal(size=n) + 0.5 * site, rng.normal(size=n), rng.integers(0, 2, n)
    drive = 0.8 * (age + tiv) + curve * (age - 0.5) ** 2 + site
    noise = rng.normal(size=n)
    latents = np.column_stack([drive + rng.normal(size=n) + direct * noise, tiv + rng.normal(size=n)])
    frame = pd.DataFrame({"score": drive + noise, "age": age, "tiv": tiv, "sex": sex, "site": site})
    return {"salient": latents}, frame


def cell(
    spaces, frame, scale="ratio", name="score", held=("age",), permutations=199, strata="site", degree=2
):
    table = rsa_table(
        spaces,
        frame,
        {name: scale},
        Inference(permutations=permutations, bootstraps=0, strata=None if strata is None else frame[strata]),
        held=None if held is None else held_columns(frame, "site", held),
        partial=PartialConfig(value_degree=degree),
        n_jobs=1,
    )
    return table.iloc[0]


def test_what_site_and_age_explain_is_rejected_in_five_percent():
    rows = [cell(*confounded(seed), permutations=99) for seed in range(150)]
    low, high = binom.interval(0.999, 150, 0.05)
    rejected = sum(row["p_partial"] <= 0.05 for row in rows)
    assert low <= rejected <= high
    assert abs(np.mean([row["tau_partial"] for row in rows])) < 0.01
    assert sum(row["p_value"] <= 0.05 for row in rows) > high  # with nothing held constant it is a finding


def test_what_two_covariates_explain_is_rejected_in_five_percent():
    studies = [twice_confounded(seed) for seed in range(150)]
    rows, with_age = (
        [cell(*study, permutations=99, held=held) for study in studies] for held in (SEVERAL, ("age",))
    )
    low, high = binom.interval(0.999, 150, 0.05)
    assert low <= sum(row["p_partial"] <= 0.05 for row in rows) <= high
    assert abs(np.mean([row["tau_partial"] for row in rows])) < 0.015
    assert sum(row["p_partial"] <= 0.05 for row in with_age) > 2 * high  # head size must be held constant too


def test_a_curve_in_one_of_them_is_held_constant_by_degree_two():
    studies = [twice_confounded(seed, curve=0.8) for seed in range(60)]
    straight, bent = (
        sum(
            cell(*study, permutations=99, held=SEVERAL, degree=degree)["p_partial"] <= 0.05
            for study in studies
        )
        for degree in (1, 2)
    )
    high = binom.interval(0.999, 60, 0.05)[1]
    assert bent <= high < straight


def test_kendalls_own_partial_tau_would_not_remove_it():
    """The reason for residuals: the closed form of 1942 stays above zero."""
    pairs, left = np.triu_indices(150, 1), []
    for seed in range(8):
        spaces, frame = confounded(seed, n=150)
        columns = (spaces["salient"][:, 0] - frame["site"], frame["score"] - frame["site"], frame["age"])
        space, score, age = (np.abs(np.subtract.outer(*2 * [c.to_numpy()]))[pairs] for c in columns)
        xy, xz, yz = (kendalltau(*both).statistic for both in ((space, score), (space, age), (score, age)))
        left.append((xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2)))
    assert np.mean(left) > 0.02


@pytest.mark.parametrize("scale", ["ratio", "nominal"])
def test_a_relation_beyond_them_is_found(scale):
    spaces, frame = confounded(1, n=120, direct=2.0)
    if scale == "nominal":
        frame["score"] = (frame["score"] > frame["score"].median()).astype(int)
    row = cell(spaces, frame, scale)
    assert row["tau_partial"] > 0.1
    assert row["p_partial"] <= 0.01
    assert row["partial_permutations"] == 199
    assert row["partial_note"] == "held constant: site, age"


@pytest.mark.parametrize("scale", ["ratio", "nominal"])
def test_a_relation_beyond_several_is_found(scale):
    spaces, frame = twice_confounded(1, n=120, direct=2.0)
    if scale == "nominal":
        frame["score"] = pd.qcut(frame["score"], [0, 0.5, 0.8, 1], labels=["low", "middle", "high"])
    row = cell(spaces, frame, scale, held=("age", "tiv", "sex"))
    assert row["tau_partial"] > 0.08
    assert row["p_partial"] <= 0.01
    assert row["partial_note"] == "held constant: site, age, tiv, sex"


def test_columns_that_say_nothing_new_change_nothing():
    spaces, frame = twice_confounded(2, direct=0.5)
    frame = frame.assign(double=3 - 2 * frame["tiv"], nobody=7.0, other=1 - frame["sex"])
    alone, more = (
        cell(spaces, frame, held=held)
        for held in (("age", "tiv", "sex"), ("age", "tiv", "double", "nobody", "sex", "other"))
    )
    assert more["tau_partial"] == pytest.approx(alone["tau_partial"], abs=1e-3)
    assert more["p_partial"] == pytest.approx(alone["p_partial"], abs=0.02)
    assert more["partial_note"] == "held constant: site, age, tiv, double, sex, other"


@pytest.mark.parametrize(("of_space", "of_score"), [(0, 1), (1, 0), (1, 1)])
def test_nothing_is_left_of_what_several_say_wholly(of_space, of_score):
    spaces, frame = twice_confounded(3)
    whole = 100 + frame["age"] - 3 * frame["tiv"] + frame["site"]
    spaces["salient"] = whole.to_numpy()[:, None] if of_space else spaces["salient"]
    row = cell(spaces, frame.assign(score=whole) if of_score else frame, held=SEVERAL)
    assert np.isnan(row["tau_partial"])
    assert row["partial_note"] == "nothing is left once site and age and tiv are held constant"


def test_more_covariates_than_participants_can_bear_are_named():
    spaces, frame = twice_confounded(4, n=16)
    row = cell(spaces, frame, held=("age", "tiv", "sex"), strata=None)
    assert np.isnan(row["tau_partial"])
    assert row["partial_note"].startswith("16 participants are too few once site and age and tiv")


def test_columns_of_one_variable_share_its_name():
    spaces, frame = twice_confounded(0)
    held = Held(frame[["sex", "tiv", "age"]].to_numpy(float), ("sex", "age", "age"))
    assert held.all_names == ["sex", "age"]
    found = rsa_table(spaces, frame, dict.fromkeys(("age", "score"), "ratio"), Inference(19, 0), held=held)
    assert found["partial_note"].tolist() == ["it is itself held constant", "held constant: sex, age"]


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(InputError, match=r"no column 'height'"):
        held_columns(confounded(0)[1], "site", ["height"])


@pytest.mark.parametrize(("name", "scale"), [("site", "nominal"), ("age", "ratio")])
def test_what_is_held_constant_is_not_held_against_itself(name, scale):
    row = cell(*confounded(0), scale, name)
    assert np.isnan(row["tau_partial"])
    assert row["partial_note"] == "it is itself held constant"
    assert np.isfinite(row["tau"])


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"site": 1, "age": 9.0}, "site and age do not vary"),
        ({"age": np.nan}, "0 participants with site, age"),
        ({"score": 1.0}, "not tested, see note"),
    ],
)
def test_no_partial_tau_without_something_to_hold(change, note):
    spaces, frame = confounded(0)
    row = cell(spaces, frame.assign(**change), strata=None)
    assert np.isnan(row["tau_partial"])
    assert np.isnan(row["p_partial"])
    assert note in row["partial_note"]


def test_a_variable_told_by_site_has_no_partial_tau():
    spaces, frame = confounded(0)
    row = cell(spaces, frame.assign(score=frame["site"] * 10))
    assert np.isnan(row["tau_partial"])
    assert "does not vary once site and age" in row["partial_note"]


def test_one_site_leaves_age_and_missing_ages_leave_the_others():
    spaces, frame = confounded(0)
    row = cell(spaces, frame.assign(site=1))
    assert row["partial_note"] == "held constant: age"
    frame.loc[:3, "age"] = np.nan
    row = cell(spaces, frame)
    assert np.isfinite(row["tau_partial"])
    assert "n = 56" in row["partial_note"]
    assert row["n"] == 60


def test_neighbours_are_of_one_site_and_near_in_age():
    rng = np.random.default_rng(0)
    site, age = rng.integers(0, 2, 53).astype(float), rng.normal(size=53)
    strata = neighbour_strata(Held(age[:, None], ("age",), site), np.zeros(53, int), 5)
    for stratum in np.unique(strata):
        members = strata == stratum
        assert len(set(site[members])) == 1
        assert 3 <= members.sum() <= 7
        inside = (age >= age[members].min()) & (age <= age[members].max()) & (site == site[members][0])
        assert inside.sum() == members.sum()


def test_with_nothing_held_constant_there_are_no_partial_columns():
    row = cell(*confounded(0), held=None)
    assert row[["tau_partial", "p_partial", "partial_permutations", "partial_note"]].isna().all()


def test_difference_is_beyond_chance_and_over_the_same_resamples():
    spaces, frame = confounded(1, n=60, direct=2.0)
    spaces["background"] = spaces["salient"].copy()
    same = rsa_table(spaces, frame, {"score": "ratio"}, Inference(permutations=99, bootstraps=99)).iloc[0]
    assert same[["difference", "difference_ci_low", "difference_ci_high"]].tolist() == [0, 0, 0]
    spaces["background"] = np.random.default_rng(0).normal(size=(60, 2))
    free = rsa_table(spaces, frame, {"score": "ratio"}, Inference(permutations=99, bootstraps=99)).set_index(
        "space"
    )
    assert free["difference"]["salient"] == pytest.approx(free["tau"]["salient"] - free["tau"]["background"])
    assert 0 < free["difference_ci_low"]["salient"] < free["difference"]["salient"]
    assert np.isnan(free["difference"]["background"])
    within = rsa_table(
        spaces, frame, {"score": "ratio"}, Inference(permutations=99, bootstraps=99, strata=frame["site"])
    ).set_index("space")
    beyond = within["tau"] - within["null_mean"]
    assert within["difference"]["salient"] == pytest.approx(beyond["salient"] - beyond["background"])


def test_spaces_are_compared_over_the_same_participants():
    spaces, frame = confounded(0)
    spaces["background"] = spaces["salient"].copy()
    spaces["background"][:5] = np.nan
    spaces["vae"] = np.full((60, 2), np.nan)
    table = rsa_table(spaces, frame, {"age": "ratio"}, Inference(permutations=19, bootstraps=0)).set_index(
        "space"
    )
    assert table["n"].to_dict() == {"salient": 55, "background": 55, "vae": 0}
    assert "0 participants" in table["note"]["vae"]
