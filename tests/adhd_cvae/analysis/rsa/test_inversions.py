"""Inversions counted digit by digit are those that brute force counts."""

import numpy as np
import pytest

from adhd_cvae.analysis.rsa import inversions, kendall
from adhd_cvae.analysis.rsa.inversions import count_inversions


@pytest.mark.parametrize("levels", [1, 2, 3, 60, 200, 500, 1000, 5000, 200_000, 2**27])
@pytest.mark.parametrize("weighted", [False, True])
def test_inversions_equal_brute_force(levels, weighted):
    rng = np.random.default_rng(levels)
    codes = rng.integers(0, levels, 700).astype(np.int32)
    weights = rng.integers(1, 5, 700).astype(np.int32)
    products = np.outer(weights, weights) if weighted else np.ones((700, 700), int)
    expected = (np.triu(codes[:, None] > codes[None, :], 1) * products).sum()
    spare = (np.empty_like(codes), np.empty_like(codes))
    assert count_inversions(codes.copy(), weights if weighted else None, spare) == expected


def test_inversions_when_most_codes_share_their_upper_bits():
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.integers(0, 200, 900), rng.integers(0, 2**20, 20)]).astype(np.int32)
    rng.shuffle(codes)
    expected = np.triu(codes[:, None] > codes[None, :], 1).sum()
    assert count_inversions(codes.copy(), None, (np.empty_like(codes), np.empty_like(codes))) == expected


@pytest.mark.parametrize("levels", [5, 40, 3000])
@pytest.mark.parametrize("weighted", [False, True])
def test_inversions_of_a_sequence_longer_than_a_counter_counts(levels, weighted):
    """Counted in parts, and again from nothing where the higher digits change."""
    rng = np.random.default_rng(levels)
    codes = rng.integers(0, 5, 150_000).astype(np.int32) * (levels // 5)
    weights = rng.integers(1, 4, 150_000).astype(np.int32) if weighted else np.ones_like(codes)
    expected = 0
    for high in np.unique(codes):
        for low in np.unique(codes[codes < high]):
            expected += int(
                (np.cumsum(weights * (codes == high)) * weights)[codes == low].sum(dtype=np.int64)
            )
    spare = (np.empty_like(codes), np.empty_like(codes))
    assert count_inversions(codes.copy(), weights if weighted else None, spare) == expected


def test_compiled_functions_are_no_closures():
    """Numba's cache gives closures of one name one symbol: a process may run one of them for another."""
    compiled = [found for module in (inversions, kendall) for found in vars(module).values()]
    compiled = [found for found in compiled if hasattr(found, "py_func")]
    assert len(compiled) > 5
    assert not any("<locals>" in found.py_func.__qualname__ for found in compiled)
