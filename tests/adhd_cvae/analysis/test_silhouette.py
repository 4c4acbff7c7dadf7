"""Silhouettes against scikit-learn, mixtures that find planted clusters, maps that repeat."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from sklearn.metrics import silhouette_score

from adhd_cvae.analysis.mixture import COVARIANCES, MIXTURE_COLUMNS, mixture_sentence, mixture_table
from adhd_cvae.analysis.rsa.dissimilarity import latent_dissimilarity
from adhd_cvae.analysis.silhouette import SILHOUETTE_COLUMNS, silhouette_table, silhouettes
from adhd_cvae.analysis.umap_projection import umap_table
from adhd_cvae.errors import InputError


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_silhouettes_equal_scikit_learn(classes):
    rng = np.random.default_rng(classes)
    latents = rng.normal(size=(30, 3))
    between = latent_dissimilarity(latents)
    codes = rng.integers(0, classes, (6, 30))
    codes[0, :] = 0
    codes[0, 0] = 1  # a class of one
    expected = [silhouette_score(between, row, metric="precomputed") for row in codes]
    np.testing.assert_allclose(silhouettes(between, codes), expected, atol=1e-12)


def test_weighted_silhouette_is_that_of_the_copies_without_a_copy_as_neighbour():
    rng = np.random.default_rng(0)
    latents, codes = rng.normal(size=(12, 2)), np.arange(12) % 2
    between = latent_dissimilarity(latents)
    times = rng.integers(1, 4, 12)
    copies = np.repeat(np.arange(12), times)
    values = []
    for i in copies:
        means = [between[i, copies[(codes[copies] == c) & (copies != i)]].mean() for c in (0, 1)]
        own, other = means[codes[i]], means[1 - codes[i]]
        values.append((other - own) / max(own, other))
    result = silhouettes(between, codes[None], times[None].astype(float))[0]
    assert result == pytest.approx(np.mean(values))


def planted(n=60, seed=0):
    rng = np.random.default_rng(seed)
    sex = rng.integers(0, 2, n)
    age = rng.uniform(7, 18, n)
    spaces = {
        "salient": rng.normal(size=(n, 2)) + 3.0 * sex[:, None],
        "background": rng.normal(size=(n, 4)),
    }
    return spaces, pd.DataFrame({"sex": sex, "age": age}), {"sex": "nominal", "age": "ratio"}


def test_planted_groups_separate_and_the_difference_shows_where():
    spaces, frame, scales = planted()
    table = silhouette_table(spaces, frame, scales, permutations=199, bootstraps=199)
    assert list(table.columns) == SILHOUETTE_COLUMNS
    rows = table.set_index(["space", "variable"])
    salient = rows.loc[("salient", "sex")]
    assert salient["p_value"] == pytest.approx(1 / 200)
    assert salient["silhouette"] > 0.4
    assert 0 < salient["difference_ci_low"] < salient["difference"] < salient["difference_ci_high"]
    other = rows.loc[("background", "sex")]
    beyond_chance = [row["silhouette"] - row["null_mean"] for row in (salient, other)]
    assert salient["difference"] == pytest.approx(beyond_chance[0] - beyond_chance[1])
    assert rows.loc[("background", "sex"), "p_value"] > 0.05
    assert np.isnan(rows.loc[("background", "sex"), "difference"])
    assert f"above {frame['age'].median():g}" in rows.loc[("salient", "age"), "labels"]
    pd.testing.assert_frame_equal(
        table, silhouette_table(spaces, frame, scales, permutations=199, bootstraps=199)
    )


def test_five_percent_of_noise_separates():
    rejected = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({"y": rng.normal(size=20)})
        spaces = {"salient": rng.normal(size=(20, 2))}
        table = silhouette_table(spaces, frame, {"y": "ratio"}, permutations=99, bootstraps=0, seed=seed)
        rejected += table["p_value"][0] <= 0.05
    low, high = binom.interval(0.999, 200, 0.05)
    assert low <= rejected <= high


def test_silhouettes_that_cannot_be_had_say_why():
    spaces, frame, _ = planted(20)
    frame = frame.assign(flat=1.0, empty=np.nan, site=["NYU"] * 20, own=[f"p{k}" for k in range(20)])
    scales = {"flat": "ratio", "empty": "ratio", "site": "nominal", "own": "nominal"}
    table = silhouette_table(spaces, frame, scales, permutations=19, bootstraps=19)
    assert table["silhouette"].isna().all()
    assert table["note"].notna().all()
    within = silhouette_table(
        spaces, frame, {"sex": "nominal"}, permutations=19, bootstraps=0, strata=frame["sex"]
    )
    assert within["p_value"].notna().all()
    assert within["note"].str.contains("permuted freely").all()
    assert within["silhouette"].notna().all()


def test_median_split_where_most_have_the_largest_value():
    spaces, frame, _ = planted(20)
    frame["score"] = [3.0] * 12 + [1.0, 2.0] * 4
    table = silhouette_table(spaces, frame, {"score": "ratio"}, permutations=19, bootstraps=0)
    assert table["labels"][0] == "below 3 or not (median)"
    assert table["silhouette"].notna().all()


def test_rows_must_fit():
    spaces, frame, scales = planted(20)
    with pytest.raises(InputError, match="has 20 participants, the variables 19"):
        silhouette_table(spaces, frame[:19], scales)


def clustered(clusters, n=120, units=2, draws=3):
    rng = np.random.default_rng(0)
    centres = 8.0 * np.arange(clusters)[:, None] * np.ones(units)
    base = centres[np.arange(n) % clusters]
    return base + rng.normal(size=(draws, n, units))


def test_mixtures_find_the_planted_number_of_clusters():
    table = mixture_table({"salient": clustered(3), "background": clustered(1)}, max_components=4)
    assert list(table.columns) == MIXTURE_COLUMNS
    assert len(table) == 2 * len(COVARIANCES) * 4
    best = table.loc[table.groupby(["space", "covariance"])["bic"].idxmin()]
    assert (best.set_index("space")["k"]["salient"] == 3).all()
    assert (best.set_index("space")["k"]["background"] == 1).all()
    assert (table["bic_min"] <= table["bic"]).all()
    assert (table["bic"] <= table["bic_max"]).all()
    assert "In salient, all covariance forms agree on 3 components" in mixture_sentence(table)
    assert "In background, all covariance forms agree on 1 component;" in mixture_sentence(table)


def test_one_component_bic_is_the_closed_form_in_the_draws_own_units():
    sample = 100.0 + 7.0 * np.random.default_rng(0).normal(size=(1, 400, 1))
    table = mixture_table({"salient": sample}, max_components=1).set_index("covariance")
    variance = sample.var()
    likelihood = -0.5 * 400 * (np.log(2 * np.pi * variance) + 1)
    assert table.loc["spherical", "bic"] == pytest.approx(-2 * likelihood + 2 * np.log(400), rel=1e-4)


def test_sentence_tells_when_the_covariance_forms_disagree():
    rng = np.random.default_rng(1)
    stretched = rng.normal(size=(3, 200, 2)) @ np.array([[5.0, 4.9], [4.9, 5.0]])  # one correlated cloud
    table = mixture_table({"background": stretched}, max_components=4)
    sentence = mixture_sentence(table)
    assert "depends on the covariance form" in sentence
    assert "full 1" in sentence


def test_mixtures_too_large_for_the_participants_are_missing_with_a_reason():
    rng = np.random.default_rng(0)
    table = mixture_table({"background": rng.normal(size=(2, 12, 10))}, max_components=3)
    full = table[table["covariance"] == "full"].set_index("k")
    assert np.isfinite(full.loc[1, "bic"])
    assert np.isnan(full.loc[2, "bic"])
    assert "too few" in full.loc[2, "note"]
    nobody = mixture_table({"salient": np.full((2, 5, 3), np.nan)}, max_components=2)
    assert nobody["bic"].isna().all()
    assert "too few participants for any mixture" in mixture_sentence(nobody)


def test_mixtures_of_a_collapsed_space_and_of_repeated_runs():
    collapsed = mixture_table({"salient": np.zeros((2, 30, 2))}, max_components=2)
    assert np.isfinite(collapsed["bic"]).all()
    draws = {"salient": clustered(2)}
    pd.testing.assert_frame_equal(
        mixture_table(draws, max_components=3), mixture_table(draws, max_components=3, n_jobs=2)
    )


def test_umap_repeats_with_its_seed_and_keeps_clusters_apart():
    latents = clustered(2, n=40, units=5, draws=1)[0]
    ids = [f"sub-{k:03}" for k in range(40)]
    table = umap_table({"salient": latents}, ids, seed=3)
    assert list(table["participant_id"]) == ids
    pd.testing.assert_frame_equal(table, umap_table({"salient": latents}, ids, seed=3))
    assert table["trustworthiness"].iloc[0] > 0.7
    places = table[["umap_1", "umap_2"]].to_numpy(float)
    assert silhouette_score(places, np.arange(40) % 2) > 0.5


def test_umap_leaves_the_number_of_threads_as_it_was():
    """Else whatever torch computes after an analysis has other last bits than in a process of its own."""
    script = """
import numpy as np, torch
from adhd_cvae.analysis.umap_projection import umap_table
before = torch.get_num_threads()
umap_table({"salient": np.random.default_rng(0).normal(size=(40, 4))}, [str(k) for k in range(40)], seed=0)
print(before, torch.get_num_threads())
"""
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], env=alone, capture_output=True, text=True
    )
    assert told.stdout.split() == ["1", "1"], told.stderr


@pytest.mark.parametrize("n", [0, 1, 3, 9, 10, 12])
def test_umap_of_few_participants_does_not_fail(n):
    rng = np.random.default_rng(0)
    table = umap_table({"salient": rng.normal(size=(n, 2))}, [f"sub-{k}" for k in range(n)], seed=0)
    assert len(table) == n
    assert table["umap_1"].notna().all() == (n >= 10 or n == 0)
    assert table["note"].isna().all() == (n >= 10 or n == 0)


def test_umap_of_equal_or_missing_latents():
    ids = [f"sub-{k}" for k in range(20)]
    equal = umap_table({"salient": np.zeros((20, 2))}, ids, seed=0)
    assert equal["umap_1"].isna().all()
    assert "distinct" in equal["note"][0]
    latents = np.random.default_rng(0).normal(size=(20, 2))
    latents[4] = np.nan
    table = umap_table({"salient": latents}, ids, seed=0)
    assert list(np.flatnonzero(table["umap_1"].isna())) == [4]


def test_silhouette_difference_is_beyond_what_sites_bring():
    rng = np.random.default_rng(4)
    site = np.repeat([0, 1, 2], 20)
    label = (rng.random(60) < 0.2 + 0.3 * site).astype(int)
    spaces = {
        "salient": rng.normal(size=(60, 2)) + 3.0 * site[:, None],
        "background": rng.normal(size=(60, 2)),
    }
    variables = pd.DataFrame({"label": label})
    table = silhouette_table(
        spaces, variables, {"label": "nominal"}, permutations=99, bootstraps=99, strata=site
    ).set_index("space")
    beyond = table["silhouette"] - table["null_mean"]
    difference = table.loc["salient", "difference"]
    assert difference == pytest.approx(beyond["salient"] - beyond["background"])
    assert table.loc["salient", "null_mean"] - table.loc["background", "null_mean"] > 0.05
    low, high = table.loc["salient", ["difference_ci_low", "difference_ci_high"]]
    assert low < difference < high
