"""Kendall's tau-b between dissimilarities, exact and fast enough to permute thousands of times.

The pairs of participants are sorted once by one dissimilarity. Each permutation only gathers the codes (dense
ranks) of the other dissimilarity in that order and counts their strict inversions. The numbers of ties do not
change under permutation, except that of the pairs of pairs tied in both.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

from adhd_cvae.analysis.rsa.inversions import count_inversions
from adhd_cvae.analysis.rsa.pair_order import PairOrder, dense_codes, pair_order, tied_pairs


@njit(cache=True, nogil=True)
def _equal_weight(codes, weights):  # pragma: no cover - compiled
    """Sum of the products of weights over the unordered pairs of equal codes."""
    order = np.argsort(codes)
    total = np.int64(0)
    before = np.int64(0)
    for k in range(len(order)):
        if k and codes[order[k]] != codes[order[k - 1]]:
            before = np.int64(0)
        weight = np.int64(1)
        if weights is not None:
            weight = np.int64(weights[order[k]])
        total += weight * before
        before += weight
    return total


@njit(cache=True, nogil=True)
def _inside_run(codes, weights, spare):  # pragma: no cover - compiled
    """Inversions and equal codes among pairs that the sorted axis does not tell apart."""
    if len(codes) >= 32:
        equal = _equal_weight(codes, weights)
        if weights is None:
            return count_inversions(codes.copy(), None, spare), equal
        return count_inversions(codes.copy(), weights.copy(), spare), equal
    inversions = np.int64(0)
    equal = np.int64(0)
    for p in range(len(codes)):
        for q in range(p + 1, len(codes)):
            product = np.int64(1)
            if weights is not None:
                product = np.int64(weights[p]) * np.int64(weights[q])
            if codes[p] > codes[q]:
                inversions += product
            elif codes[p] == codes[q]:
                equal += product
    return inversions, equal


@njit(cache=True, nogil=True)
def _score(codes, weights, run, tied, untied, spare):  # pragma: no cover - compiled
    """Concordant minus discordant pairs of pairs; `untied` is their number but for those tied in both.

    `tied` says whether any run of the sorted axis is longer than one.
    """
    inside = np.int64(0)
    equal = np.int64(0)
    start = 0
    while tied and start < len(codes):
        stop = start + 1
        while stop < len(codes) and run[stop] == run[start]:
            stop += 1
        if stop - start > 1:
            buffers = (spare[0][start:stop], spare[1][start:stop])
            if weights is None:
                part = _inside_run(codes[start:stop], None, buffers)
            else:
                part = _inside_run(codes[start:stop], weights[start:stop], buffers)
            inside += part[0]
            equal += part[1]
        start = stop
    return untied + equal - 2 * (count_inversions(codes, weights, spare) - inside)


@njit(cache=True, nogil=True)
def permuted_scores(first, second, run, untied, codes, levels, permutations):  # pragma: no cover - compiled
    """Concordant minus discordant pairs of pairs for each permutation of the participants of `codes`.

    Parameters
    ----------
    first, second, run
        A `PairOrder`.
    untied
        All pairs of pairs, minus those tied in the sorted axis, minus those tied in `codes`.
    codes
        (levels, levels) dense ranks.
    levels
        (n,) int32, the row of `codes` that each participant has: a small table is read fast.
    permutations
        (count, n) whose values each participant gets.

    Returns
    -------
    numpy.ndarray
        (count,) int64
    """
    scores = np.empty(len(permutations), np.int64)
    gathered = np.empty(len(first), np.int32)
    spare = (np.empty(len(first), np.int32), np.empty(len(first), np.int32))
    tied = run[-1] != len(run) - 1
    for k in range(len(permutations)):
        permuted = levels[permutations[k]]
        for p in range(len(first)):
            one, other = np.uint64(first[p]), np.uint64(second[p])
            gathered[p] = codes[np.uint64(permuted[one]), np.uint64(permuted[other])]
        scores[k] = _score(gathered, None, run, tied, untied, spare)
    return scores


@njit(cache=True, nogil=True)
def permuted_label_scores(weights, labels, permutations):  # pragma: no cover - compiled
    """`permuted_scores` where the permuted dissimilarity is equal (0) or unequal (1) labels.

    With two levels, concordant minus discordant is a sum of centred mid-ranks over the unequal pairs; since
    the centred ranks sum to zero it is minus their sum over the equal pairs.

    Parameters
    ----------
    weights
        (n, n) int32, twice the centred mid-rank of each pair, symmetric with a zero diagonal.
    labels
        (n,) int32
    permutations
        (count, n)
    """
    scores = np.empty(len(permutations), np.int64)
    for k in range(len(permutations)):
        permuted = labels[permutations[k]]
        total = np.int64(0)
        for i in range(len(labels)):
            label = permuted[i]
            for j in range(i):
                total += np.int64(weights[i, j]) * np.int64(permuted[j] == label)
        scores[k] = -total
    return scores


@njit(cache=True, nogil=True)
def _resample(order, codes, levels, times, sampled, counts):  # pragma: no cover - compiled
    """Write the pairs that a resample has to `sampled` (codes, copies, runs), and count levels and runs.

    Returns how many different pairs there are, and the pairs of a pair's own copies.
    """
    first, second, run = order
    gathered, weights, runs = sampled
    level_counts, run_counts = counts
    level_counts[:] = 0
    run_counts[:] = 0
    size = np.uint64(0)
    copies_tied = np.int64(0)
    for p in range(len(first)):
        one, other = np.uint64(first[p]), np.uint64(second[p])
        copies = times[one] * times[other]
        code = codes[np.uint64(levels[one]), np.uint64(levels[other])]
        level_counts[np.uint64(code)] += copies
        run_counts[np.uint64(run[p])] += copies
        copies_tied += np.int64(copies) * (copies - 1) // 2
        # Written always, kept where the place moves on: cheaper than a branch that cannot be foreseen.
        gathered[size], weights[size], runs[size] = code, copies, run[p]
        size += np.uint64(copies > 0)
    return np.int64(size), copies_tied


@njit(cache=True, nogil=True)
def bootstrap_taus(first, second, run, codes, levels, multiplicities):  # pragma: no cover - compiled
    """tau-b of each resample of participants, without the pairs of a participant with itself.

    Parameters
    ----------
    first, second, run
        A `PairOrder`.
    codes, levels
        As in `permuted_scores`.
    multiplicities
        (count, n) int32, how often each participant was drawn.

    Returns
    -------
    numpy.ndarray
        (count,) float64, NaN where either dissimilarity is constant in the resample.
    """
    taus = np.full(len(multiplicities), np.nan)
    size = len(first)
    sampled = (np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.int32))
    spare = (np.empty(size, np.int32), np.empty(size, np.int32))
    counts = (np.empty(np.int64(codes.max()) + 1, np.int64), np.empty(np.int64(run[-1]) + 1, np.int64))
    tied = run[-1] != len(run) - 1
    for k in range(len(multiplicities)):
        kept, copies_tied = _resample((first, second, run), codes, levels, multiplicities[k], sampled, counts)
        level_ties, run_ties = tied_pairs(counts[0]), tied_pairs(counts[1])
        total = counts[0].sum()
        pairs = total * (total - 1) // 2
        scale = np.sqrt(float(pairs - run_ties)) * np.sqrt(float(pairs - level_ties))
        if scale > 0:
            untied = pairs - run_ties - level_ties + copies_tied
            buffers = (spare[0][:kept], spare[1][:kept])
            score = _score(sampled[0][:kept], sampled[1][:kept], sampled[2][:kept], tied, untied, buffers)
            taus[k] = score / scale
    return taus


class Comparison(NamedTuple):
    """Two dissimilarities of the same participants, sorted by the one with fewer ties."""

    order: PairOrder
    codes: NDArray[np.int32]
    levels: NDArray[np.int32]
    """The other one's dense ranks between its distinct rows, and which row each participant has."""
    untied: int
    """Pairs of pairs, minus those tied in the one, minus those tied in the other."""
    norm: float
    """Denominator of tau-b."""
    labels: NDArray[np.int32] | None
    weights: NDArray[np.int32]
    """Labels of a nominal variable and doubled centred mid-ranks of the space, for the faster sum."""


def _tie_count(dissimilarity: NDArray[np.float64]) -> int:
    _, counts = np.unique(squareform(dissimilarity, checks=False), return_counts=True)
    return tied_pairs(counts)


def compare(
    space: NDArray[np.float64], model: NDArray[np.float64], labels: NDArray[np.int32] | None = None
) -> Comparison:
    """Sort two symmetric (n, n) dissimilarities for counting; `labels` (n,) where the second is of labels."""
    space_ties, model_ties = _tie_count(space), _tie_count(model)
    pairs = len(space) * (len(space) - 1) // 2
    total = pairs * (pairs - 1) // 2
    fixed, moving = (space, model) if space_ties <= model_ties else (model, space)
    weights = np.zeros((0, 0), np.int32)
    if labels is not None:
        ranks = rankdata(squareform(space, checks=False))
        weights = squareform((2 * ranks - (pairs + 1)).round().astype(np.int32), checks=False)
    codes, levels = dense_codes(moving)
    return Comparison(
        order=pair_order(fixed),
        codes=codes,
        levels=levels,
        untied=total - space_ties - model_ties,
        norm=float(np.sqrt(total - space_ties) * np.sqrt(total - model_ties)),
        labels=labels,
        weights=weights,
    )


def scores(comparison: Comparison, permutations: NDArray[np.int32]) -> NDArray[np.int64]:
    """Concordant minus discordant pairs of pairs for each permutation."""
    if comparison.labels is not None:
        return permuted_label_scores(comparison.weights, comparison.labels, permutations)
    return permuted_scores(
        *comparison.order, comparison.untied, comparison.codes, comparison.levels, permutations
    )


def kendall_tau(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """tau-b between two symmetric (n, n) dissimilarities; NaN where either is constant."""
    comparison = compare(np.asarray(first, np.float64), np.asarray(second, np.float64))
    if not comparison.norm:
        return float("nan")
    identity = np.arange(len(first), dtype=np.int32)[None]
    return float(scores(comparison, identity)[0] / comparison.norm)
