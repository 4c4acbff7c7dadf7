"""Kendall's tau of so many participants that their pairs do not fit into memory: from some of the pairs, drawn once.

Every participant takes part, and is permuted or resampled as ever; only the sum over pairs is an estimate. (Fewer
participants with all their pairs need the same memory and know less: with m of n participants tau's own standard
error grows by √(n/m), while that from P drawn pairs has a bound that is small whatever n.)

Given the participants, the drawn pairs are a simple random sample and the share of concordant minus discordant pairs of
pairs is a U-statistic of order two with a kernel h between -1 and 1. Its variance is at most 2 Var(h) / P ≤ 2 / P
(Hoeffding 1948, doi 10.1214/aoms/1177730196: 2 ζ₁ ≤ ζ₂), and it is further off than t with a probability of at most
2 exp(-⌊P/2⌋ t² / 2) (Hoeffding 1963, doi 10.1080/01621459.1963.10500830, section 5b; section 6 for draws without
replacement). Tau-b divides by the share of untied pairs of pairs, and so does the bound.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adhd_cvae.analysis.permutation import permuted_orders
from adhd_cvae.analysis.rsa.dissimilarity import model_dissimilarity, without_rounding_error
from adhd_cvae.analysis.rsa.kendall import bootstrap_taus
from adhd_cvae.analysis.rsa.pair_order import PairOrder, sorted_pairs, tied_pairs
from adhd_cvae.analysis.variables import Scale
from adhd_cvae.config import SizesConfig

_AT_ONCE = 50
"""Arrangements held in memory."""
_BLOCK = 20_000
"""Pairs whose codes are held in memory."""


class SampledPairs(NamedTuple):
    """Two dissimilarities of the same drawn pairs, and how far tau may be off for it."""

    order: PairOrder
    codes: NDArray[np.int32]
    levels: NDArray[np.int32]
    """As in `adhd_cvae.analysis.rsa.kendall.Comparison`."""
    error: float
    """Bound on the standard error of tau-b from drawing pairs."""

    def taus(self, arrangements: NDArray[np.int32], times: NDArray[np.int32] | None = None) -> NDArray:
        """Tau-b of each (n,) arrangement of the variable, or of the one given with `times` (count, n) copies."""
        if times is not None:
            return bootstrap_taus(*self.order, self.codes, self.levels[arrangements], times)
        once = np.ones((1, len(self.levels)), np.int32)
        each = (bootstrap_taus(*self.order, self.codes, self.levels[one], once)[0] for one in arrangements)
        return np.fromiter(each, np.float64, len(arrangements))


def sample_pairs(n: int, rng: np.random.Generator, count: int) -> NDArray[np.int32]:
    """(2, count) different pairs i < j of n participants; all of them where there are no more."""
    total = n * (n - 1) // 2
    numbers = rng.choice(total, size=min(count, total), replace=False, shuffle=False)
    second = np.floor((1 + np.sqrt(8 * numbers.astype(np.float64) + 1)) / 2).astype(np.int64)
    return np.stack([numbers - second * (second - 1) // 2, second]).astype(np.int32)


def distances(latents: NDArray[np.float64], pairs: NDArray[np.int32]) -> NDArray[np.float64]:
    """Euclidean distance of each pair, (pairs,)."""
    blocks = (pairs[:, start : start + _BLOCK] for start in range(0, pairs.shape[1], _BLOCK))
    return np.concatenate([np.linalg.norm(latents[i] - latents[j], axis=1) for i, j in blocks])


def _model_codes(
    numbers: NDArray[np.float64], scale: Scale, most: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Dense ranks of the dissimilarities of a variable's at `most` different values, and each participant's value."""
    values, levels = np.unique(numbers, return_inverse=True)
    if scale == "ratio" and len(values) > most:
        steps = (numbers - values[0]) / (values[-1] - values[0]) * (most - 1)
        values, levels = np.unique(np.round(steps), return_inverse=True)
    model = without_rounding_error(model_dissimilarity(values, scale))
    _, codes = np.unique(model, return_inverse=True)
    return codes.reshape(model.shape).astype(np.int32), levels.ravel().astype(np.int32)


def sample(
    latents: NDArray[np.float64],
    numbers: NDArray[np.float64],
    scale: Scale,
    sizes: SizesConfig,
    rng: np.random.Generator,
) -> SampledPairs:
    """Draw pairs of (n, units) latents and (n,) numbers, and sort them by their distances."""
    pairs = sample_pairs(len(numbers), rng, sizes.sampled_pairs)
    values = distances(latents, pairs)
    codes, levels = _model_codes(numbers, scale, sizes.sampled_levels)
    count = len(values)
    total = count * (count - 1) // 2
    untied = 1.0
    for tied in (values, codes[levels[pairs[0]], levels[pairs[1]]]):
        untied *= 1 - tied_pairs(np.unique(tied, return_counts=True)[1]) / total
    error = np.sqrt(2 / count / untied) if untied > 0 else np.nan
    return SampledPairs(sorted_pairs(pairs[0], pairs[1], values), codes, levels, float(error))


def in_parts(count: int) -> Iterator[int]:
    """Sizes of the parts in which arrangements are drawn."""
    for start in range(0, count, _AT_ONCE):
        yield min(_AT_ONCE, count - start)


def permuted_taus(
    pairs: SampledPairs, strata: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Tau-b of `count` permutations of the participants within strata."""
    return np.concatenate([pairs.taus(permuted_orders(rng, strata, part)) for part in in_parts(count)])


def resampled_taus(pairs: SampledPairs, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Tau-b over `count` resamples of the participants."""
    n = len(pairs.levels)
    each, as_is = np.full(n, 1 / n), np.arange(n, dtype=np.int32)
    taus = [
        pairs.taus(as_is, rng.multinomial(n, each, size=part).astype(np.int32)) for part in in_parts(count)
    ]
    return np.concatenate(taus) if taus else np.empty(0)
