"""Pairs of participants in the order of one dissimilarity, and dense ranks of another."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class PairOrder(NamedTuple):
    """The pairs i < j of n participants, sorted by one dissimilarity."""

    first: NDArray[np.int32]
    """(pairs,) participant i of each pair."""
    second: NDArray[np.int32]
    """(pairs,) participant j of each pair."""
    run: NDArray[np.int32]
    """(pairs,) number of the run of equal dissimilarities that the pair is in, rising."""


def pair_order(dissimilarity: NDArray[np.float64]) -> PairOrder:
    """Sort the pairs of a symmetric (n, n) dissimilarity."""
    first, second = np.triu_indices(len(dissimilarity), 1)
    return sorted_pairs(first, second, dissimilarity[first, second])


def sorted_pairs(
    first: NDArray[np.integer], second: NDArray[np.integer], values: NDArray[np.float64]
) -> PairOrder:
    """Sort some pairs by their (pairs,) dissimilarities."""
    order = np.argsort(values, kind="stable")
    run = np.concatenate([[0], np.cumsum(np.diff(values[order]) != 0)]) if len(order) else order
    return PairOrder(first[order].astype(np.int32), second[order].astype(np.int32), run.astype(np.int32))


def dense_codes(dissimilarity: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Replace a symmetric (n, n) dissimilarity with a zero diagonal by dense ranks over its pairs.

    Returns
    -------
    codes
        (levels, levels) between the distinct rows: participants with the same value share one.
    levels
        (n,) the row of each participant.
    """
    first, second = np.triu_indices(len(dissimilarity), 1)
    _, ranks = np.unique(dissimilarity[first, second], return_inverse=True)
    codes = np.zeros(dissimilarity.shape, np.int32)
    codes[first, second] = ranks
    codes[second, first] = ranks
    _, representatives, levels = np.unique(codes, axis=0, return_index=True, return_inverse=True)
    return codes[np.ix_(representatives, representatives)], levels.ravel().astype(np.int32)


@njit(cache=True, nogil=True)
def tied_pairs(counts):  # pragma: no cover - compiled
    """Number of unordered pairs inside groups of the given int64 sizes."""
    return (counts * (counts - 1) // 2).sum()
