"""Codes of several seeds: rotations undone, noise averaged away, agreement that is not fitted."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from adhd_cvae.analysis.seed_alignment import STABILITY_COLUMNS, agreement, aligned, rotation, stability_table
from adhd_cvae.errors import InputError

N, UNITS = 120, 3
FITTED = np.arange(N) < 80
TEST = {"test": ~FITTED}


def members(noise, count=4, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(N, UNITS)) * [3, 2, 1]
    turns = [ortho_group.rvs(UNITS, random_state=one) for one in range(count)]
    return truth, [truth @ turn + noise * rng.normal(size=truth.shape) for turn in turns]


def test_a_rotation_and_a_flip_are_undone_and_zero_stays_zero():
    _, (first, second, *_) = members(0.0)
    turn = rotation(second, first, FITTED)
    np.testing.assert_allclose(second @ turn, first, atol=1e-10)
    np.testing.assert_allclose(turn @ turn.T, np.eye(UNITS), atol=1e-12)
    shifted = rotation(second + 5.0, first, FITTED)
    np.testing.assert_allclose(np.zeros(UNITS) @ shifted, 0)


def test_the_average_is_nearer_the_truth_than_any_member():
    truth, codes = members(0.8, count=8)
    mean, _ = aligned(codes, FITTED)
    back = {name: agreement(c @ rotation(c, truth, FITTED), truth) for name, c in enumerate([mean, *codes])}
    assert back[0] > max(value for name, value in back.items() if name > 0)


def test_seeds_that_agree_have_stability_one_and_unrelated_ones_none_in_people_not_fitted():
    _, codes = members(0.0)
    table = stability_table("salient", dict(enumerate(codes)), FITTED, TEST)
    assert list(table) == STABILITY_COLUMNS
    assert len(table) == 6
    np.testing.assert_allclose(table["r"], 1)
    rng = np.random.default_rng(1)
    unrelated = {seed: rng.normal(size=(N, 30)) for seed in range(6)}
    table = stability_table("salient", unrelated, FITTED, {"train": FITTED, "test": ~FITTED})
    means = table.groupby("split")["r"].mean()
    assert means["train"] > 0.3, "fitted to these"
    assert abs(means["test"]) < 0.05


def test_a_dead_code_and_different_sizes_are_said():
    _, (first, *_) = members(0.0)
    table = stability_table("salient", {0: first, 1: np.zeros_like(first)}, FITTED, TEST)
    assert table["r"].isna().all()
    with pytest.raises(InputError, match="cannot be aligned"):
        rotation(first, first[:, :2], FITTED)
