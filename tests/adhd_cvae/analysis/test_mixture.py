"""One Gaussian against two: calibrated on one, certain of two, and honest about covariance forms."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from adhd_cvae.analysis.mixture import (
    COVARIANCES,
    MIXTURE_COLUMNS,
    MIXTURE_TEST_COLUMNS,
    mixture_table,
    mixture_test_sentence,
    mixture_test_table,
)
from adhd_cvae.analysis.permutation import Inference


def test_two_clusters_are_found_by_every_form():
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(80, 3)) + 5.0 * (np.arange(80) % 2)[:, None]
    table = mixture_test_table({"salient": latents}, Inference(bootstraps=49))
    assert (table["p_value"] == 1 / 50).all()
    assert (table["statistic"] > 50).all()
    assert "every covariance form rejects one component" in mixture_test_sentence(table)


def test_five_percent_of_single_gaussians_are_rejected():
    low, high = binom.interval(0.999, 40, 0.05)
    tables = []
    for seed in range(40):
        latents = np.random.default_rng(1000 + seed).normal(size=(40, 2))
        tables.append(mixture_test_table({"salient": latents}, Inference(bootstraps=19, seed=seed)))
    assert list(tables[0].columns) == MIXTURE_TEST_COLUMNS
    p = pd.concat(tables).groupby("covariance")["p_value"]
    assert p.agg(lambda values: (values <= 0.05).sum()).between(low, high).all()


def test_a_correlated_cloud_is_two_only_for_forms_that_know_no_correlation():
    rng = np.random.default_rng(1)
    latents = rng.normal(size=(150, 2)) @ np.array([[3.0, 2.9], [2.9, 3.0]])
    table = mixture_test_table({"salient": latents}, Inference(bootstraps=49))
    p = table.set_index("covariance")["p_value"]
    assert (p[["diag", "spherical"]] < 0.05).all()
    assert p["full"] > 0.05
    sentence = mixture_test_sentence(table, {"salient": "the salient space"})
    assert sentence.startswith("In the salient space, the covariance forms disagree")


@pytest.mark.parametrize(
    ("latents", "note"),
    [
        (np.full((40, 2), np.nan), "0 participants are too few"),
        (np.zeros((40, 2)), "a unit is the same for every participant"),
        (np.random.default_rng(0).normal(size=(3, 2)), "3 participants are too few"),
    ],
)
def test_what_cannot_be_fitted_says_why(latents, note):
    table = mixture_test_table({"salient": latents}, Inference(bootstraps=9))
    assert table["p_value"].isna().all()
    assert table["note"].str.contains(note).all()
    assert "could not be tested" in mixture_test_sentence(table)


def test_many_units_leave_the_forms_without_correlation():
    table = mixture_test_table(
        {"salient": np.random.default_rng(0).normal(size=(60, 12))}, Inference(bootstraps=9)
    )
    tested = table.set_index("covariance")["p_value"].notna()
    assert tested.to_dict() == {"full": False, "diag": True, "tied": False, "spherical": True}


def test_the_same_seed_gives_the_same_table_on_any_number_of_threads():
    spaces = {"salient": np.random.default_rng(0).normal(size=(40, 2))}
    pd.testing.assert_frame_equal(
        mixture_test_table(spaces, Inference(bootstraps=9)),
        mixture_test_table(spaces, Inference(bootstraps=9), n_jobs=2),
    )


def clustered(clusters, n=120, units=2, samples=3):
    rng = np.random.default_rng(0)
    centres = 8.0 * np.arange(clusters)[:, None] * np.ones(units)
    base = centres[np.arange(n) % clusters]
    return base + rng.normal(size=(samples, n, units))


def test_mixtures_find_the_planted_number_of_clusters():
    table = mixture_table({"salient": clustered(3), "background": clustered(1)}, max_components=4)
    assert list(table.columns) == MIXTURE_COLUMNS
    assert len(table) == 2 * len(COVARIANCES) * 4
    best = table.loc[table.groupby(["space", "covariance"])["bic"].idxmin()]
    assert (best.set_index("space")["k"]["salient"] == 3).all()
    assert (best.set_index("space")["k"]["background"] == 1).all()
    assert (table["bic_min"] <= table["bic"]).all()
    assert (table["bic"] <= table["bic_max"]).all()


def test_one_component_bic_is_the_closed_form_in_the_samples_own_units():
    sample = 100.0 + 7.0 * np.random.default_rng(0).normal(size=(1, 400, 1))
    table = mixture_table({"salient": sample}, max_components=1).set_index("covariance")
    variance = sample.var()
    likelihood = -0.5 * 400 * (np.log(2 * np.pi * variance) + 1)
    assert table.loc["spherical", "bic"] == pytest.approx(-2 * likelihood + 2 * np.log(400), rel=1e-4)


def test_forms_without_correlation_take_one_stretched_cloud_for_several():
    rng = np.random.default_rng(1)
    stretched = rng.normal(size=(3, 200, 2)) @ np.array([[5.0, 4.9], [4.9, 5.0]])  # one correlated cloud
    table = mixture_table({"background": stretched}, max_components=4)
    best = table.loc[table.groupby("covariance")["bic"].idxmin()].set_index("covariance")["k"]
    assert best["full"] == 1
    assert best["spherical"] > 1


def test_mixtures_too_large_for_the_participants_are_missing_with_a_reason():
    rng = np.random.default_rng(0)
    table = mixture_table({"background": rng.normal(size=(2, 12, 10))}, max_components=3)
    full = table[table["covariance"] == "full"].set_index("k")
    assert np.isfinite(full.loc[1, "bic"])
    assert np.isnan(full.loc[2, "bic"])
    assert "too few" in full.loc[2, "note"]
    nobody = mixture_table({"salient": np.full((2, 5, 3), np.nan)}, max_components=2)
    assert nobody["bic"].isna().all()


def test_mixtures_of_a_collapsed_space_and_of_repeated_runs():
    collapsed = mixture_table({"salient": np.zeros((2, 30, 2))}, max_components=2)
    assert np.isfinite(collapsed["bic"]).all()
    samples = {"salient": clustered(2)}
    pd.testing.assert_frame_equal(
        mixture_table(samples, max_components=3), mixture_table(samples, max_components=3, n_jobs=2)
    )
