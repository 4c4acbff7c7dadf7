"""Silhouettes against scikit-learn, mixtures that find planted clusters, maps that repeat."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from sklearn.metrics import silhouette_score

from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.analysis.rsa.dissimilarity import latent_dissimilarity
from adhd_cvae.analysis.silhouette import SILHOUETTE_COLUMNS, silhouette_table, silhouettes
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
    table = silhouette_table(spaces, frame, scales, Inference(permutations=199, bootstraps=199))
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
        table, silhouette_table(spaces, frame, scales, Inference(permutations=199, bootstraps=199))
    )


def test_five_percent_of_noise_separates():
    rejected = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({"y": rng.normal(size=20)})
        spaces = {"salient": rng.normal(size=(20, 2))}
        table = silhouette_table(
            spaces, frame, {"y": "ratio"}, Inference(permutations=99, bootstraps=0, seed=seed)
        )
        rejected += table["p_value"][0] <= 0.05
    low, high = binom.interval(0.999, 200, 0.05)
    assert low <= rejected <= high


def test_silhouettes_that_cannot_be_had_say_why():
    spaces, frame, _ = planted(20)
    frame = frame.assign(flat=1.0, empty=np.nan, site=["NYU"] * 20, own=[f"p{k}" for k in range(20)])
    scales = {"flat": "ratio", "empty": "ratio", "site": "nominal", "own": "nominal"}
    table = silhouette_table(spaces, frame, scales, Inference(permutations=19, bootstraps=19))
    assert table["silhouette"].isna().all()
    assert table["note"].notna().all()
    within = silhouette_table(
        spaces, frame, {"sex": "nominal"}, Inference(permutations=19, bootstraps=0, strata=frame["sex"])
    )
    assert within["p_value"].notna().all()
    assert within["note"].str.contains("permuted freely").all()
    assert within["silhouette"].notna().all()


def test_median_split_where_most_have_the_largest_value():
    spaces, frame, _ = planted(20)
    frame["score"] = [3.0] * 12 + [1.0, 2.0] * 4
    table = silhouette_table(spaces, frame, {"score": "ratio"}, Inference(permutations=19, bootstraps=0))
    assert table["labels"][0] == "below 3 or not (median)"
    assert table["silhouette"].notna().all()


def test_rows_must_fit():
    spaces, frame, scales = planted(20)
    with pytest.raises(InputError, match="has 20 participants, the variables 19"):
        silhouette_table(spaces, frame[:19], scales, Inference())


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
        spaces, variables, {"label": "nominal"}, Inference(permutations=99, bootstraps=99, strata=site)
    ).set_index("space")
    beyond = table["silhouette"] - table["null_mean"]
    difference = table.loc["salient", "difference"]
    assert difference == pytest.approx(beyond["salient"] - beyond["background"])
    assert table.loc["salient", "null_mean"] - table.loc["background", "null_mean"] > 0.05
    low, high = table.loc["salient", ["difference_ci_low", "difference_ci_high"]]
    assert low < difference < high
