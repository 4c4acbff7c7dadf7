"""An average of seeds: weights for codes that were turned, spread and agreement in one frame."""

import numpy as np
from scipy.stats import ortho_group

from adhd_cvae.names import OUT_OF_FOLD, UNKNOWN
from pipelines.workflows.seed_average import _averaged_by_fold, _Member, _stability, _turned

FOLDS = np.arange(60) % 5
UNITS = 16  # more than are held out of a fold


def member(seed, in_sample, common):
    """Codes in a frame of the seed's own, and those out of fold in another one in each fold."""
    turn = ortho_group.rvs(UNITS, random_state=seed)
    turns = np.stack([ortho_group.rvs(UNITS, random_state=100 * seed + fold) for fold in range(5)])
    held_out = np.einsum("nu,nvu->nv", common @ turn, turns[FOLDS])
    arrays = {"folds": np.arange(5), "salient_turn": turns}
    return _Member({"salient": in_sample @ turn}, {"salient": held_out}, {}, arrays)


def agreement_by_split(*codes):
    rng = np.random.default_rng(0)
    in_sample = rng.standard_normal((60, UNITS))
    found = [member(seed + 1, in_sample, one) for seed, one in enumerate(codes)]
    return _stability("salient", FOLDS, found).set_index("split")


def test_seeds_that_agree_out_of_fold_do_so_in_whatever_frames():
    codes = np.random.default_rng(1).standard_normal((60, UNITS))
    table = agreement_by_split(codes, codes)
    np.testing.assert_allclose(table["r"], 1)
    assert table["n"].to_dict() == {UNKNOWN: 60, OUT_OF_FOLD: 60}


def test_seeds_that_do_not_agree_out_of_fold_are_not_made_to():
    """A rotation of twelve codes of sixteen units onto others would fit them nearly: r .8."""
    codes = np.random.default_rng(1).standard_normal((2, 60, UNITS))
    table = agreement_by_split(*codes)
    assert abs(table.loc[OUT_OF_FOLD, "r"]) < 0.15
    assert table.loc[UNKNOWN, "r"] > 0.99


def test_one_seed_with_itself_gives_its_own_codes():
    codes = np.random.default_rng(1).standard_normal((60, UNITS))
    (mean, spread), turns = _averaged_by_fold([codes, codes], FOLDS)
    np.testing.assert_allclose(mean, codes)
    np.testing.assert_allclose(spread, 0, atol=1e-12)
    assert turns[1].shape == (5, UNITS, UNITS)


def test_a_fold_is_averaged_by_those_held_out_of_it_alone():
    first, second = np.random.default_rng(1).standard_normal((2, 60, 3))
    other = np.where((FOLDS == 2)[:, None], 2 * second[::-1], second)
    before, after = (_averaged_by_fold([first, one], FOLDS)[0][0] for one in (second, other))
    same = (before == after).all(axis=1)
    np.testing.assert_array_equal(same, FOLDS != 2)


def test_turned_weights_give_turned_codes_the_same_scores():
    rng = np.random.default_rng(0)
    salient, background = rng.standard_normal((5, 2)), rng.standard_normal((5, 3))
    turns = [np.linalg.qr(rng.standard_normal((n, n)))[0] for n in (2, 3)]
    weights = rng.standard_normal((1, 6))
    before = np.column_stack([salient, background, np.ones(5)]) @ weights[0]
    found = _turned(weights, [turn[None] for turn in turns])
    after = np.column_stack([salient @ turns[0], background @ turns[1], np.ones(5)]) @ found[0]
    np.testing.assert_allclose(after, before)
