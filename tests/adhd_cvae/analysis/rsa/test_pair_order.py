"""Pairs in the order of a dissimilarity, and dense ranks of another."""

import numpy as np

from adhd_cvae.analysis.rsa.dissimilarity import model_dissimilarity
from adhd_cvae.analysis.rsa.pair_order import dense_codes, pair_order, tied_pairs


def test_pairs_rise_and_equal_ones_share_a_run():
    order = pair_order(np.array([[0.0, 2, 1], [2, 0, 1], [1, 1, 0]]))
    assert list(zip(order.first, order.second, order.run, strict=True)) == [(0, 2, 0), (1, 2, 0), (0, 1, 1)]


def test_codes_of_participants_with_one_value_are_held_once_and_keep_the_order():
    numbers = np.array([4.0, 1.0, 4.0, 9.0])
    model = model_dissimilarity(numbers, "ratio")
    codes, levels = dense_codes(model)
    assert codes.shape == (3, 3)
    whole = codes[np.ix_(levels, levels)]
    first, second = np.triu_indices(4, 1)
    assert (np.unique(model[first, second], return_inverse=True)[1] == whole[first, second]).all()


def test_pairs_within_groups_are_counted():
    assert tied_pairs(np.array([1, 2, 4])) == 0 + 1 + 6
