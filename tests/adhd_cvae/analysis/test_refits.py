"""The linear model fitted anew in every fold."""

import numpy as np
import pytest

from adhd_cvae.analysis.refits import BOTH, Fold, Refit, applied, discriminant, with_both
from adhd_cvae.config import ModelConfig
from adhd_cvae.models.refinement import linear_solution
from adhd_cvae.names import BACKGROUND, SALIENT

MODEL = ModelConfig(salient=2, background=3)


def refit_of(scores, folds, model=MODEL):
    parts = [Fold(scores, np.flatnonzero(folds != number), folds == number) for number in np.unique(folds)]
    return Refit(parts, None, model, 0)


@pytest.fixture
def cohort():
    rng = np.random.default_rng(0)
    is_target = np.arange(60) % 2 == 0
    scores = rng.standard_normal((60, 40)) * np.linspace(3, 1, 40)
    return scores, is_target, np.arange(60) // 2 % 3


def test_discriminant_by_hand():
    codes, is_target = np.array([[1.0], [3.0], [-1.0], [-3.0]]), np.array([True, True, False, False])
    # Means 2 and -2, variance within groups 1: weight 4, constant 0.
    np.testing.assert_allclose(discriminant(codes, is_target), [4, 0])
    np.testing.assert_allclose(applied(np.array([4.0, -1.0]), codes), [3, 11, -5, -13])


def test_a_unit_that_does_not_vary_has_no_weight():
    codes = np.column_stack([np.repeat([1.0, 0.0], 2), [1.0, 2.0, -1.0, -2.0]])
    assert discriminant(codes, np.array([True, True, False, False]))[0] == 0


def test_both_are_side_by_side():
    found = with_both({SALIENT: np.ones((3, 2)), BACKGROUND: np.zeros((3, 1))})
    assert found[BOTH].shape == (3, 3)
    assert BOTH not in with_both({SALIENT: np.ones((3, 2))})


def test_scores_are_those_of_the_linear_solution_outside_of_the_fold(cohort):
    scores, is_target, folds = cohort
    found = refit_of(scores, folds).scores(is_target)
    outside, held = folds != 1, folds == 1
    model = linear_solution(MODEL, scores[outside], is_target[outside], 0, None)
    codes = model.salient.embed(scores).astype(float)
    weights = discriminant(codes[outside], is_target[outside])
    np.testing.assert_allclose(found[SALIENT][held], applied(weights, codes[held]), rtol=1e-6)


def test_groups_of_those_held_out_do_not_change_their_scores(cohort):
    scores, is_target, folds = cohort
    refit, flipped = refit_of(scores, folds), is_target ^ (folds == 2)
    for space, values in refit.scores(is_target).items():
        changed = refit.scores(flipped)[space]
        np.testing.assert_array_equal(values[folds == 2], changed[folds == 2])
        assert not np.array_equal(values[folds == 0], changed[folds == 0])


def test_a_map_of_one_held_out_changes_their_own_score_alone(cohort):
    scores, is_target, folds = cohort
    other, row = scores.copy(), int(np.flatnonzero(folds == 0)[0])
    other[row] += 1
    only = [refit_of(part, folds).folds[0] for part in (scores, other)]
    before, after = (Refit([fold], None, MODEL, 0).scores(is_target)[SALIENT] for fold in only)
    assert before[row] != after[row]
    same = (folds == 0) & (np.arange(60) != row)
    np.testing.assert_array_equal(before[same], after[same])


def test_permuted_scores_are_in_the_order_of_the_permutations(cohort):
    scores, is_target, folds = cohort
    refit = refit_of(scores, folds)
    orders = np.stack([np.arange(60), np.roll(np.arange(60), 1)])
    first, second = refit.permuted(is_target, orders)
    np.testing.assert_array_equal(first[SALIENT], refit.scores(is_target)[SALIENT])
    np.testing.assert_array_equal(second[SALIENT], refit.scores(is_target[orders[1]])[SALIENT])


def test_a_fold_without_a_group_to_learn_from_has_no_scores(cohort):
    scores, _, folds = cohort
    found = refit_of(scores, folds).scores(folds == 0)
    assert np.isnan(found[SALIENT][folds == 0]).all()
