"""How far scores tell two groups apart."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from adhd_cvae.analysis.group_measures import (
    ACCURACY,
    AUC,
    BEYOND,
    Groups,
    balanced_accuracy,
    interval,
    measures,
    pairwise_auc,
    permutation_strata,
)
from adhd_cvae.analysis.permutation import Inference


@pytest.fixture
def scored():
    rng = np.random.default_rng(1)
    is_target = np.arange(80) % 2 == 0
    return rng.standard_normal(80).round(1) + 0.5 * is_target, is_target


def groups_of(is_target, folds, covariates=None, sites=None):
    nothing = np.zeros((len(is_target), 0)) if covariates is None else covariates
    return Groups(is_target, folds, sites, nothing)


def test_one_fold_is_the_usual_auc_with_ties(scored):
    scores, is_target = scored
    found = pairwise_auc(scores, is_target, np.zeros(80))
    assert found == pytest.approx(roc_auc_score(is_target, scores))
    assert balanced_accuracy(scores, is_target, np.zeros(80)) == pytest.approx(
        balanced_accuracy_score(is_target, scores > 0)
    )


def test_a_fold_s_own_scale_does_not_count():
    # Within each fold the patient is first; the second fold's scores are all higher.
    scores, is_target = np.array([1.0, 0.0, 11.0, 10.0]), np.array([True, False, True, False])
    assert pairwise_auc(scores, is_target, np.array([0, 0, 1, 1])) == 1
    assert pairwise_auc(scores, is_target, np.zeros(4)) == 0.75


def test_without_a_pair_there_is_no_auc():
    assert np.isnan(pairwise_auc(np.ones(2), np.array([True, True]), np.zeros(2)))
    assert np.isnan(balanced_accuracy(np.ones(2), np.array([True, True]), np.zeros(2)))


@pytest.mark.parametrize("measure", [AUC, ACCURACY])
def test_the_interval_holds_the_value(scored, measure):
    scores, is_target = scored
    groups = groups_of(is_target, np.arange(80) // 2 % 4)
    value = measures(groups, beyond=False)[measure, None](scores, is_target)
    found = interval(measure, scores, groups, Inference(bootstraps=300), ["s"])
    assert found["ci_low"] < value < found["ci_high"]
    assert 0.1 < found["ci_high"] - found["ci_low"] < 0.4


@pytest.mark.parametrize(("measure", "truth"), [(AUC, norm.cdf(0.8 / 2**0.5)), (ACCURACY, norm.cdf(0.4))])
def test_the_interval_covers_the_truth(measure, truth):
    is_target, folds = np.arange(100) % 2 == 0, np.arange(100) // 2 % 5
    groups, rng, covered = groups_of(is_target, folds), np.random.default_rng(3), 0
    for _ in range(200):
        # Scores of a fold have a scale and, but for the accuracy, a middle of their own.
        scores = rng.standard_normal(100) + 0.8 * is_target - 0.4
        scores = scores * (1 + folds) + (3.0 * folds if measure == AUC else 0)
        found = interval(measure, scores, groups, Inference(bootstraps=200), ["s"])
        covered += found["ci_low"] <= truth <= found["ci_high"]
    assert 0.88 <= covered / 200 <= 0.99


def test_few_have_no_interval():
    groups = groups_of(np.array([True, False] * 3), np.zeros(6))
    assert interval(AUC, np.arange(6.0), groups, Inference(bootstraps=10), ["s"]) == {}


def test_one_pair_in_each_fold_has_no_interval():
    groups = groups_of(np.array([True, False] * 8), np.repeat(np.arange(8), 2))
    assert interval(AUC, np.arange(16.0), groups, Inference(bootstraps=10), ["s"]) == {}


def test_what_a_covariate_says_is_taken_out_and_the_group_is_not():
    rng = np.random.default_rng(2)
    is_target, folds = np.arange(200) % 2 == 0, np.arange(200) // 2 % 2
    age = rng.standard_normal(200) + is_target
    groups = groups_of(is_target, folds, age[:, None])
    compute = measures(groups, beyond=True)[BEYOND, None]
    assert compute(age + 0.01 * rng.standard_normal(200), is_target) == pytest.approx(0.5, abs=0.1)
    assert compute(age + 3 * is_target, is_target) > 0.95


def test_covariates_are_judged_in_other_folds():
    is_target, folds = np.arange(40) % 2 == 0, np.arange(40) // 2 % 2
    groups = groups_of(is_target, folds, is_target[:, None].astype(float))
    assert pairwise_auc(groups.covariate_scores(is_target, 0.01), is_target, folds) == 1
    flipped = is_target ^ (folds == 0)
    before, after = (groups.covariate_scores(y, 0.01)[folds == 0] for y in (is_target, flipped))
    np.testing.assert_array_equal(before, after)


def test_a_site_is_asked_alone():
    is_target, sites = np.array([True, False, True, False]), np.array(["a", "a", "b", "b"])
    groups = groups_of(is_target, np.zeros(4), sites=sites)
    found = measures(groups, beyond=False)
    scores = np.array([1.0, 0.0, 0.0, 1.0])
    assert found[AUC, "a"](scores, is_target) == 1
    assert found[AUC, "b"](scores, is_target) == 0


def test_groups_are_permuted_within_fold_and_stratum():
    is_target, folds = np.arange(24) % 2 == 0, np.arange(24) // 12
    strata = np.arange(24) // 6 % 2
    found, note = permutation_strata(groups_of(is_target, folds), strata)
    assert note is None
    assert len(np.unique(found)) == 4
    alone, note = permutation_strata(groups_of(is_target, np.arange(24)), strata)
    assert note is not None
    np.testing.assert_array_equal(alone, strata)
