"""Permutations within strata, the seeds of cells, and the p-values they give."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from adhd_cvae.analysis.permutation import (
    PERMUTED_FREELY,
    Inference,
    cell_generator,
    conditional_orders,
    false_discovery_rate,
    permuted_orders,
    strata_to_permute,
    stratum_codes,
    upper_p_value,
)
from adhd_cvae.config import AnalysisConfig


def test_defaults_are_those_of_the_settings():
    settings = AnalysisConfig()
    assert (Inference().permutations, Inference().bootstraps) == (settings.permutations, settings.bootstraps)
    assert Inference().sizes == settings.sizes


def test_a_cells_generator_depends_on_seed_and_names_alone():
    first = cell_generator(3, "rsa", "age").random()
    assert first == cell_generator(3, "rsa", "age").random()
    assert (
        len({first, cell_generator(4, "rsa", "age").random(), cell_generator(3, "rsa", "sex").random()}) == 3
    )


def test_participants_without_a_stratum_form_one():
    assert stratum_codes(None, 3).tolist() == [0, 0, 0]
    codes = stratum_codes(pd.Series(["b", None, "a", None]), 4)
    assert codes[1] == codes[3]
    assert len(set(codes)) == 3


def test_some_participants_keep_the_numbers_that_strata_have_among_all():
    """Numbered anew, strata would be permuted in another order, and every p-value be another one."""
    among = Inference(strata=["b", "a", "b", "a"]).among(np.array([False, True, True, True]))
    assert among.codes.tolist() == [1, 0, 1]


def test_each_rearrangement_keeps_everybody_in_the_own_stratum():
    strata = np.array([1, 0, 1, 0, 1, 2])
    orders = permuted_orders(np.random.default_rng(0), strata, 50)
    assert (np.sort(orders, axis=1) == np.arange(6)).all()
    assert (strata[orders] == strata).all()
    assert len(np.unique(orders, axis=0)) > 5


def test_what_varies_only_between_strata_is_permuted_freely():
    strata = np.array([0, 0, 1, 1])
    freely, note = strata_to_permute(np.array([5, 5, 7, 7]), strata)
    assert (freely.tolist(), note) == ([0, 0, 0, 0], PERMUTED_FREELY)
    within, note = strata_to_permute(np.array([5, 6, 7, 7]), strata)
    assert (within.tolist(), note) == (strata.tolist(), None)


def test_the_p_value_counts_the_observed_arrangement_and_ties():
    assert upper_p_value(2.0, np.array([1.0, 2.0, 2.0 - 1e-13, 3.0])) == pytest.approx(4 / 5)
    assert np.isnan(upper_p_value(np.nan, np.array([1.0])))


def test_benjamini_hochberg_passes_over_what_was_not_tested():
    adjusted = false_discovery_rate(np.array([0.01, np.nan, 0.04]))
    assert adjusted[[0, 2]] == pytest.approx([0.02, 0.04])
    assert np.isnan(adjusted[1])
    assert np.isnan(false_discovery_rate(np.array([np.nan]))).all()


def test_permuting_within_folds_too_keeps_site_and_fold():
    site, fold = np.array(["a", "a", "b", "b", "a", "b"]), np.array([0, 1, 0, 1, 0, 0])
    inference = Inference(strata=site).within(fold).among(np.ones(6, bool))
    order = permuted_orders(np.random.default_rng(0), inference.codes, 20)
    assert (site[order] == site).all()
    assert (fold[order] == fold).all()
    assert len(np.unique(order, axis=0)) == 4
    free = Inference()
    assert free.within(None) is free
    assert len(np.unique(free.within(fold).strata)) == 2


def test_groups_are_rearranged_as_often_as_covariates_make_them():
    strata = np.array([0, 0, 0, 0, 1, 1])
    is_target = np.array([True, True, False, False, True, False])
    log_odds = np.array([0.0, 1.0, 0.5, -1.0, 2.0, 2.0])
    orders = conditional_orders(np.random.default_rng(0), strata, is_target, log_odds, 4000)
    assert (np.sort(orders, axis=1) == np.arange(6)).all()
    assert (strata[orders] == strata).all()
    found = is_target[orders]
    pairs = list(combinations(range(4), 2))
    likely = np.exp([log_odds[list(pair)].sum() for pair in pairs])
    counts = [found[:, pair].all(axis=1).sum() for pair in pairs]
    assert chisquare(counts, 4000 * likely / likely.sum()).pvalue > 0.001
    assert found[:, 4].mean() == pytest.approx(0.5, abs=0.03)
