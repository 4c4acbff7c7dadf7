"""Representational similarity: does a space order pairs of participants as a variable does?

Kriegeskorte et al. 2008, doi 10.3389/neuro.06.004.2008. Participants are the unit: they are permuted and
resampled, never pairs or posterior draws.
"""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import squareform

from adhd_cvae.analysis.permutation import (
    DEFAULTS,
    Strata,
    permuted_orders,
    strata_to_permute,
    stratum_codes,
)
from adhd_cvae.analysis.rsa.dissimilarity import (
    latent_dissimilarity,
    model_dissimilarity,
    without_rounding_error,
)
from adhd_cvae.analysis.rsa.kendall import Comparison, bootstrap_taus, compare, scores
from adhd_cvae.analysis.rsa.pair_sampling import (
    SampledPairs,
    distances,
    permuted_taus,
    resampled_taus,
    sample,
    sample_pairs,
)
from adhd_cvae.analysis.variables import Scale, numeric_values
from adhd_cvae.config import SizesConfig
from adhd_cvae.errors import InputError


@dataclass(frozen=True)
class RsaResult:
    """One cell of the table; statistics are NaN and `note` says why where they cannot be had."""

    n: int
    tau: float = float("nan")
    ci_low: float = float("nan")
    ci_high: float = float("nan")
    null_mean: float = float("nan")
    null_sd: float = float("nan")
    p_value: float = float("nan")
    note: str | None = None
    null: NDArray[np.float64] = field(default_factory=lambda: np.empty(0), repr=False, compare=False)
    """(permutations,) tau of each permutation."""
    resampled: NDArray[np.float64] = field(default_factory=lambda: np.empty(0), repr=False, compare=False)
    """(bootstraps,) tau of each resample of participants; NaN where it has none."""
    freely: bool = True
    """Whether participants were permuted freely, not within strata."""

    @property
    def chance(self) -> float:
        """What tau is on average by chance: exactly 0 where participants are permuted freely."""
        return 0.0 if self.freely else self.null_mean


def _two_sided(observed: int, null: NDArray[np.int64], *, centred_at_zero: bool) -> float:
    """(1 + number of permutations at least as far from the null's centre) / (permutations + 1).

    Freely permuted, the expected score is exactly 0 (exchanging two pairs of participants is a permutation
    too), so |tau| is compared. Within strata it is not: if both dissimilarities differ between sites, every
    rearrangement inherits that agreement. There the centre is the mean over all arrangements, the observed
    one among them, which keeps the test exact. Scores are whole numbers: no rounding decides a tie.
    """
    arrangements = np.concatenate([[observed], null])
    offset = 0 if centred_at_zero else arrangements.sum()
    scale = 1 if centred_at_zero else len(arrangements)
    distances = np.abs(scale * arrangements - offset)
    return float(np.mean(distances >= distances[0]))


def _resampled(comparison: Comparison, bootstraps: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Tau over resampled participants, pairs of a participant with itself left out."""
    n = len(comparison.levels)
    times = rng.multinomial(n, np.full(n, 1 / n), size=bootstraps).astype(np.int32)
    return bootstrap_taus(*comparison.order, comparison.codes, comparison.levels, times)


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95 % percentile interval."""
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return float("nan"), float("nan")
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


class _Question(NamedTuple):
    """The participants that know the variable and have finite latents."""

    latents: NDArray[np.float64]
    numbers: NDArray[np.float64]
    scale: Scale
    strata: NDArray[np.int64]
    """(n,) within which they are permuted."""
    note: str | None = None

    def obstacle(self, sizes: SizesConfig) -> str | None:
        """Why nothing can be said about these participants, or None."""
        levels = len(np.unique(self.numbers))
        if len(self.numbers) < sizes.minimum:
            return f"{len(self.numbers)} participants with a value; at least {sizes.minimum} are needed"
        if levels < 2:
            return "the variable is the same for every participant"
        if self.scale == "nominal" and levels == len(self.numbers):
            return "no two participants share a value"
        if not np.ptp(_some_distances(self.latents, sizes)) > 0:
            return "the space does not tell participants apart"
        return None

    def comparison(self) -> Comparison:
        """Sort both dissimilarities."""
        model = without_rounding_error(model_dissimilarity(self.numbers, self.scale))
        labels = self.numbers.astype(np.int32) if self.scale == "nominal" else None
        return compare(latent_dissimilarity(self.latents), model, labels)


def _some_distances(latents: NDArray[np.float64], sizes: SizesConfig) -> NDArray[np.float64]:
    """Of all pairs, or of some where there are too many."""
    if len(latents) > sizes.all_pairs:
        return distances(latents, sample_pairs(len(latents), np.random.default_rng(0), sizes.sampled_pairs))
    return squareform(latent_dissimilarity(latents), checks=False)


def _question(latents: ArrayLike, values: ArrayLike | pd.Series, scale: Scale, strata: Strata) -> _Question:
    space = np.asarray(latents, np.float64)
    numbers = numeric_values(values, scale)
    if space.ndim != 2 or len(space) != len(numbers):
        raise InputError(
            f"Latents of shape {space.shape} do not fit {len(numbers)} values; expected (n, units)."
        )
    kept = np.isfinite(numbers) & np.isfinite(space).all(axis=1)
    groups, note = strata_to_permute(numbers[kept], stratum_codes(strata, len(numbers))[kept])
    return _Question(space[kept], numbers[kept], scale, groups, note)


def _tested(estimate: RsaResult, taus: NDArray[np.float64], p_value: float) -> RsaResult:
    """Add the null to an estimate."""
    return replace(
        estimate,
        null_mean=float(taus.mean()),
        null_sd=float(taus.std(ddof=1)) if len(taus) > 1 else float("nan"),
        p_value=p_value,
        null=taus,
    )


def _sampled(
    question: _Question, pairs: SampledPairs, counts: tuple[int, int], rng: np.random.Generator
) -> RsaResult:
    """`permutation_rsa` from drawn pairs; `counts` are of permutations and bootstraps."""
    n, strata = len(question.numbers), question.strata
    freely = len(np.unique(strata)) == 1
    sampled = (
        f"from {len(pairs.order.first):,} of {n * (n - 1) // 2:,} pairs: standard error of tau from that"
    )
    note = "; ".join(filter(None, [question.note, f"{sampled} at most {pairs.error:.4f}"]))
    tau = float(pairs.taus(np.arange(n, dtype=np.int32)[None])[0])
    resampled = resampled_taus(pairs, counts[1], rng)
    estimate = RsaResult(n, tau, *interval(resampled), note=note, resampled=resampled, freely=freely)
    null = permuted_taus(pairs, strata, counts[0], rng)
    if np.allclose(null, tau, rtol=0, atol=1e-12):
        return replace(estimate, note=f"every permutation leaves the variable as it is; {note}")
    away = np.abs(np.append(null, tau) - (0.0 if freely else np.append(null, tau).mean()))
    return _tested(estimate, null, float(np.mean(away >= away[-1] - 1e-12)))


def permutation_rsa(
    latents: ArrayLike,
    values: ArrayLike | pd.Series,
    scale: Scale,
    *,
    permutations: int = DEFAULTS.permutations,
    bootstraps: int = DEFAULTS.bootstraps,
    seed: int | np.random.Generator = 0,
    strata: Strata = None,
    sizes: SizesConfig = DEFAULTS.sizes,
) -> RsaResult:
    """Kendall's tau-b between a space's and a variable's dissimilarities, tested by permuting participants.

    Parameters
    ----------
    latents
        (n, units), one row a participant.
    values
        (n,) the variable; participants without a value, or with a latent that is not finite, are left out.
    scale
        ``ratio``: absolute differences; ``nominal``: equal 0, unequal 1.
    permutations, bootstraps, seed
        Rearrangements for the p-value; resamples for the interval (0: none); a number or generator to draw from.
    strata
        (n,) participants are permuted within its levels only; None: freely.
    sizes
        Participants from whom on there is a result, and beyond whom tau is from some of their pairs; `note` says so
        then, with a bound on the standard error that this adds.

    Raises
    ------
    InputError
        Latents and values of different length, or a ratio variable that holds text.
    """
    question = _question(latents, values, scale, strata)
    n = len(question.numbers)
    if note := question.obstacle(sizes):
        return RsaResult(n, note=note)
    freely = len(np.unique(question.strata)) == 1
    rng = np.random.default_rng(seed)
    if n > sizes.all_pairs:
        pairs = sample(question.latents, question.numbers, scale, sizes, rng)
        return _sampled(question, pairs, (permutations, bootstraps), rng)
    comparison = question.comparison()
    observed = int(scores(comparison, np.arange(n, dtype=np.int32)[None])[0])
    tau, resampled = observed / comparison.norm, _resampled(comparison, bootstraps, rng)
    ends = interval(resampled)
    estimate = RsaResult(n, tau, *ends, note=question.note, resampled=resampled, freely=freely)
    null = scores(comparison, permuted_orders(rng, question.strata, permutations))
    if np.all(null == observed):
        return replace(estimate, note="every permutation leaves the variable as it is")
    return _tested(estimate, null / comparison.norm, _two_sided(observed, null, centred_at_zero=freely))
