"""Patients told from controls."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from adhd_cvae.analysis.group_measures import AUC, BEYOND, Groups, pairwise_auc
from adhd_cvae.analysis.permutation import Inference, permuted_orders, upper_p_value
from adhd_cvae.analysis.refits import Fold, Refit, discriminant
from adhd_cvae.analysis.separation import (
    UNIDENTIFIED,
    Separation,
    orders_given_covariates,
    separation_table,
    supervised_scores,
)
from adhd_cvae.config import ModelConfig, SeparationConfig
from adhd_cvae.names import SALIENT

MODEL = ModelConfig(salient=2, background=3)
SPACES = ("salient", "background", "both")


def separation_of(seed, n=48, effect=0.0, *, is_linear=True):
    """Noise that sites shift and, with an effect, patients; sites have their own share of patients."""
    rng = np.random.default_rng(seed)
    sites = np.arange(n) % 3
    is_target = rng.random(n) < np.array([0.3, 0.5, 0.7])[sites]
    folds = np.empty(n, int)
    for cell in np.unique(np.column_stack([sites, is_target]), axis=0):
        rows = np.flatnonzero((sites == cell[0]) & (is_target == cell[1]))
        folds[rows] = rng.permutation(np.arange(len(rows)) % 3)
    scores = rng.standard_normal((n, 30)) + 0.7 * sites[:, None] * (np.arange(30) < 2)
    scores[:, 5] += effect * is_target
    parts = [Fold(scores, np.flatnonzero(folds != k), folds == k) for k in range(3)]
    refit = Refit(parts, sites.astype(str), MODEL, 0)
    groups = Groups(is_target, folds, sites.astype(str), np.eye(3)[sites])
    observed = {SALIENT: rng.standard_normal(n)}
    return Separation(groups, {} if is_linear else observed, observed, refit, is_linear), sites


def table_of(separation, sites, refits=19):
    return separation_table(separation, Inference(bootstraps=20, strata=sites), SeparationConfig(), refits)


def of_everybody(table, space):
    rows = table[table["site"].isna() & (table["space"] == space) & (table["measure"] == AUC)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_a_planted_difference_is_found_and_named():
    table = table_of(*separation_of(0, n=90, effect=4.0))
    row = of_everybody(table, "salient")
    assert row["value"] > 0.8
    assert row["p_value"] == pytest.approx(1 / 20)
    assert row["ci_low"] < row["value"]
    assert {"salient", "background", "both", "covariates", "supervised"} == set(table["space"])
    assert table["site"].notna().tolist() == sorted(table["site"].notna())  # everybody first


def test_nothing_planted_is_found_no_more_often_than_by_chance():
    quick = SeparationConfig(penalties=(0.01,), inner_folds=2)
    rows = []
    for seed in range(60):
        separation, sites = separation_of(seed, n=60)
        table = separation_table(separation, Inference(bootstraps=0, strata=sites), quick, 9)
        rows += [of_everybody(table, space) for space in ("salient", "background", "both")]
    found = pd.DataFrame(rows).groupby("space")
    for space, part in found:
        below = int((part["p_value"] <= 0.2).sum())
        assert binomtest(below, 60, 0.2, alternative="greater").pvalue > 0.01, space
        over = part["value"] - part["null_mean"]
        assert abs(over.mean()) < 3 * over.std() / 60**0.5, space


def test_labels_of_finished_codes_permuted_would_be_noticed():
    """The codes were found with the true labels: most of such p-values are small."""
    below = 0
    for seed in range(20):
        separation, sites = separation_of(seed, n=60)
        fold = separation.refit.folds[0]
        codes = fold.scores @ discriminant(fold.scores, separation.groups.is_target)[:-1]
        everybody = np.zeros(60)
        observed = pairwise_auc(codes, separation.groups.is_target, everybody)
        orders = permuted_orders(np.random.default_rng(seed), sites, 9)
        null = [pairwise_auc(codes, separation.groups.is_target[order], everybody) for order in orders]
        below += upper_p_value(observed, np.array(null)) <= 0.2
    assert binomtest(below, 20, 0.2, alternative="greater").pvalue < 0.001


def test_models_are_fitted_to_the_permuted_groups():
    separation, sites = separation_of(4)
    order = permuted_orders(np.random.default_rng(0), sites, 1)
    (found,) = separation.permuted(order, SeparationConfig())
    is_target = separation.groups.is_target[order[0]]
    np.testing.assert_array_equal(found["salient"], separation.refit.scores(is_target)["salient"])
    by_covariates = separation.groups.covariate_scores(is_target, SeparationConfig().covariate_ridge)
    np.testing.assert_array_equal(found["covariates"], by_covariates)


def test_beyond_covariates_permuted_groups_have_the_gap_that_the_groups_have():
    separation, sites = separation_of(5, n=120)
    age = separation.groups.is_target + np.random.default_rng(5).standard_normal(120)
    groups = replace(separation.groups, covariates=np.column_stack([separation.groups.covariates, age]))

    def gaps(orders):
        permuted = groups.is_target[orders]
        return [age[one].mean() - age[~one].mean() for one in permuted]

    observed = gaps(np.arange(120)[None])[0]
    given = orders_given_covariates(groups, sites, SeparationConfig(), 0, 99)
    assert (sites[given] == sites).all()
    assert np.mean(gaps(given)) == pytest.approx(observed, rel=0.25)
    assert (
        abs(np.mean(gaps(permuted_orders(np.random.default_rng(0), sites, 99)))) < 0.25 * observed
    )  # what sites tell
    table = table_of(replace(separation, groups=groups), sites)
    assert table.loc[table["measure"] == BEYOND, "p_value"].notna().sum() == len(SPACES)


def test_covariates_that_tell_no_two_of_a_stratum_apart_ask_for_no_rearrangement_of_their_own():
    separation, sites = separation_of(5)
    assert not len(orders_given_covariates(separation.groups, sites, SeparationConfig(), 0, 9))
    table = table_of(separation, sites)
    assert table.loc[table["measure"] == BEYOND, "p_value"].notna().sum() == len(SPACES)


def test_sites_of_one_group_give_no_p_value_and_say_why():
    separation, _ = separation_of(1, n=60, effect=4.0)
    table = table_of(separation, separation.groups.is_target.astype(int))
    assert table["value"].notna().any()
    assert table["p_value"].isna().all()
    assert table["null_mean"].isna().all()
    assert UNIDENTIFIED in of_everybody(table, "salient")["note"]


def test_codes_of_deep_models_have_no_p_value_and_linear_ones_beside():
    table = table_of(*separation_of(1, is_linear=False))
    assert np.isnan(of_everybody(table, "salient")["p_value"])
    assert "not fitted again" in of_everybody(table, "salient")["note"]
    assert of_everybody(table, "linear_salient")["p_value"] > 0


def test_what_a_model_knows_of_its_own_stands_beside():
    separation, sites = separation_of(2)
    known = of_everybody(table_of(separation, sites), "salient")["in_sample"]
    assert 0 <= known <= 1
    alone = Separation(separation.groups, {}, separation.in_sample, None, is_linear=False)
    row = of_everybody(table_of(alone, sites), "salient")
    assert np.isnan(row["value"])
    assert row["in_sample"] == known
    assert "in sample or unknown" in row["note"]


def test_the_supervised_classifier_does_not_see_those_held_out():
    separation, _ = separation_of(3)
    folds, is_target = separation.refit.folds, separation.groups.is_target
    flipped = is_target ^ folds[0].held_out
    before, after = (supervised_scores(folds, y, SeparationConfig(), 0) for y in (is_target, flipped))
    np.testing.assert_array_equal(before[folds[0].held_out], after[folds[0].held_out])
