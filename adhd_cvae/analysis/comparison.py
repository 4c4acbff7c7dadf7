"""Kendall's tau-b of two dissimilarities and of their permutations: the bridge to the compiled loops."""

from typing import NamedTuple, cast

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

from adhd_cvae.analysis.kendall import (
    PairOrder,
    dense_codes,
    pair_order,
    permuted_label_scores,
    permuted_scores,
    tied_pairs,
)


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


def scores(comparison: Comparison, permutations: NDArray[np.int32], n_jobs: int) -> NDArray[np.int64]:
    """Concordant minus discordant pairs of pairs for each permutation; threads share the permutations."""
    parts = np.array_split(permutations, max(1, min(effective_n_jobs(n_jobs), len(permutations))))
    if comparison.labels is None:
        calls = (
            delayed(permuted_scores)(
                *comparison.order, comparison.untied, comparison.codes, comparison.levels, part
            )
            for part in parts
        )
    else:
        calls = (
            delayed(permuted_label_scores)(comparison.weights, comparison.labels, part) for part in parts
        )
    return np.concatenate(
        cast("list[NDArray[np.int64]]", Parallel(n_jobs=len(parts), prefer="threads")(calls))
    )


def kendall_tau(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """tau-b between two symmetric (n, n) dissimilarities; NaN where either is constant."""
    comparison = compare(np.asarray(first, np.float64), np.asarray(second, np.float64))
    if not comparison.norm:
        return float("nan")
    identity = np.arange(len(first), dtype=np.int32)[None]
    return float(scores(comparison, identity, 1)[0] / comparison.norm)
