"""One Gaussian against two: calibrated on one, certain of two, and honest about covariance forms."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from adhd_cvae.analysis.mixture import MIXTURE_TEST_COLUMNS, mixture_test_sentence, mixture_test_table


def test_two_clusters_are_found_by_every_form():
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(80, 3)) + 5.0 * (np.arange(80) % 2)[:, None]
    table = mixture_test_table({"salient": latents}, bootstraps=49)
    assert (table["p_value"] == 1 / 50).all()
    assert (table["statistic"] > 50).all()
    assert "every covariance form rejects one component" in mixture_test_sentence(table)


def test_five_percent_of_single_gaussians_are_rejected():
    low, high = binom.interval(0.999, 40, 0.05)
    tables = []
    for seed in range(40):
        latents = np.random.default_rng(1000 + seed).normal(size=(40, 2))
        tables.append(mixture_test_table({"salient": latents}, bootstraps=19, seed=seed))
    assert list(tables[0].columns) == MIXTURE_TEST_COLUMNS
    p = pd.concat(tables).groupby("covariance")["p_value"]
    assert p.agg(lambda values: (values <= 0.05).sum()).between(low, high).all()


def test_a_correlated_cloud_is_two_only_for_forms_that_know_no_correlation():
    rng = np.random.default_rng(1)
    latents = rng.normal(size=(150, 2)) @ np.array([[3.0, 2.9], [2.9, 3.0]])
    table = mixture_test_table({"salient": latents}, bootstraps=49)
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
    table = mixture_test_table({"salient": latents}, bootstraps=9)
    assert table["p_value"].isna().all()
    assert table["note"].str.contains(note).all()
    assert "could not be tested" in mixture_test_sentence(table)


def test_many_units_leave_the_forms_without_correlation():
    table = mixture_test_table({"salient": np.random.default_rng(0).normal(size=(60, 12))}, bootstraps=9)
    tested = table.set_index("covariance")["p_value"].notna()
    assert tested.to_dict() == {"full": False, "diag": True, "tied": False, "spherical": True}


def test_the_same_seed_gives_the_same_table_on_any_number_of_threads():
    spaces = {"salient": np.random.default_rng(0).normal(size=(40, 2))}
    pd.testing.assert_frame_equal(
        mixture_test_table(spaces, bootstraps=9), mixture_test_table(spaces, bootstraps=9, n_jobs=2)
    )
