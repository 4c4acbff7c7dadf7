"""Random rearrangements of participants and the p-values they give; each cell of a table has its own seed."""

import zlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import false_discovery_control

from adhd_cvae.config import AnalysisConfig, SizesConfig

Strata = Sequence[Hashable] | pd.Series | NDArray | None
"""(n,) levels within which participants are permuted; None: freely."""
DEFAULTS = AnalysisConfig()
PERMUTED_FREELY = "permuted freely: it does not vary within strata"


@dataclass(frozen=True)
class Inference:
    """How chance and uncertainty are estimated.

    Parameters
    ----------
    permutations
        Rearrangements of participants for a p-value.
    bootstraps
        Resamples of participants for an interval; 0: no interval.
    seed
        Of both; each cell of a table has a generator of its own.
    strata
        (n,) participants are permuted within its levels only; None: freely.
    sizes
        From how many participants on something is given, beyond how many it is drawn.
    """

    permutations: int = DEFAULTS.permutations
    bootstraps: int = DEFAULTS.bootstraps
    seed: int = 0
    strata: Strata = None
    sizes: SizesConfig = DEFAULTS.sizes

    def among(self, rows: NDArray[np.bool_]) -> "Inference":
        """Give the same for some of the (n,) participants, strata as `codes`.

        They are numbered among all, and never again: the order of the numbers is that in which strata are permuted.
        """
        return replace(self, strata=stratum_codes(self.strata, len(rows))[rows])

    def within(self, levels: Strata) -> "Inference":
        """Give the same with participants permuted within these levels too, such as folds; None: as it is."""
        if levels is None:
            return self
        n = len(levels)
        both = np.column_stack([stratum_codes(self.strata, n), stratum_codes(levels, n)])
        return replace(self, strata=np.unique(both, axis=0, return_inverse=True)[1].ravel())

    @property
    def codes(self) -> NDArray[np.int64]:
        """(n,) numbers of the strata, after `among`."""
        return np.asarray(self.strata, np.int64)


_CHANGES = 50
"""Rounds of pairs, with which the sampler forgets where it started (Berrett et al.'s number)."""


def cell_generator(seed: int, *names: str) -> np.random.Generator:
    """Give the random generator of one table cell: it depends on the names alone, not on the other cells."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def stratum_codes(strata: Strata, n: int) -> NDArray[np.int64]:
    """Number the strata from 0; participants without one form a stratum of their own, None is one stratum."""
    if strata is None:
        return np.zeros(n, np.int64)
    codes, _ = pd.factorize(pd.Series(strata).to_numpy(), use_na_sentinel=False)
    return np.asarray(codes, np.int64)


def strata_to_permute(
    values: NDArray[np.number], strata: NDArray[np.int64]
) -> tuple[NDArray[np.int64], str | None]:
    """Give the strata, or a single one and a note where the values vary in none, as site does within site."""
    levels = np.unique(np.column_stack([strata, values]), axis=0)
    if 1 < len(np.unique(strata)) == len(levels):
        return np.zeros_like(strata), PERMUTED_FREELY
    return strata, None


def permuted_orders(rng: np.random.Generator, strata: NDArray[np.int64], count: int) -> NDArray[np.int32]:
    """Rearrange participants within strata.

    Parameters
    ----------
    strata
        (n,) stratum of each participant.
    count
        Number of permutations.

    Returns
    -------
    numpy.ndarray
        (count, n): participant k gets the values of participant ``[permutation, k]``.
    """
    order = np.argsort(strata, kind="stable")
    permutations = np.empty((count, len(strata)), np.int32)
    for stratum in np.unique(strata):
        members = order[strata[order] == stratum].astype(np.int32)
        permutations[:, members] = rng.permuted(np.broadcast_to(members, (count, len(members))), axis=1)
    return permutations


def conditional_orders(
    rng: np.random.Generator,
    strata: NDArray[np.int64],
    is_target: NDArray[np.bool_],
    log_odds: NDArray[np.float64],
    count: int,
) -> NDArray[np.int32]:
    """Rearrange groups within strata, each arrangement as likely as the covariates make it.

    Groups that are permuted whatever the covariates say have no relation with these, which a difference beyond
    covariates would be compared with wrongly. The pairwise sampler of Berrett et al. 2020 (doi 10.1111/rssb.12340):
    from a common start, which is as far from the observed arrangement, members of random pairs change places by the
    odds of either way.

    Parameters
    ----------
    strata
        (n,) stratum of each participant.
    is_target
        (n,) bool.
    log_odds
        (n,) of being a patient, given the covariates.
    count
        Number of rearrangements.

    Returns
    -------
    numpy.ndarray
        As of `permuted_orders`.
    """
    first = _paired(rng, strata, is_target, log_odds, np.arange(len(strata), dtype=np.int32)[None])
    return _paired(rng, strata, is_target, log_odds, np.repeat(first, count, axis=0))


def _paired(
    rng: np.random.Generator,
    strata: NDArray[np.int64],
    is_target: NDArray[np.bool_],
    log_odds: NDArray[np.float64],
    orders: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Let pairs of each stratum change places, `_CHANGES` times."""
    orders, rows = orders.copy(), np.arange(len(orders))[:, None]
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        for _ in range(_CHANGES):
            places = rng.permuted(np.broadcast_to(members, (len(orders), len(members))), axis=1)
            half = len(members) // 2
            one, other = places[:, :half], places[:, half : 2 * half]
            labels = is_target[orders[rows, one]].astype(int) - is_target[orders[rows, other]]
            gain = labels * (log_odds[other] - log_odds[one])
            changes = rng.random(gain.shape) < expit(gain)
            moved = np.where(changes, orders[rows, other], orders[rows, one])
            orders[rows, other] = np.where(changes, orders[rows, one], orders[rows, other])
            orders[rows, one] = moved
    return orders


def upper_p_value(observed: float, null: NDArray[np.floating]) -> float:
    """Give the share of rearrangements, the observed one included, that reach the observed value.

    Exact where the observed arrangement is one of the equally likely ones (Phipson & Smyth 2010,
    doi 10.2202/1544-6115.1585). Values within rounding error of the observed one count as reaching it.
    """
    if not np.isfinite(observed):
        return float("nan")
    slack = 1e-12 * max(1.0, abs(observed))
    return float((1 + np.sum(null >= observed - slack)) / (len(null) + 1))


def false_discovery_rate(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Benjamini-Hochberg adjusted p-values; NaN stays NaN and is no test."""
    adjusted = np.full(len(p_values), np.nan)
    tested = np.isfinite(p_values)
    if tested.any():
        adjusted[tested] = false_discovery_control(p_values[tested])
    return adjusted
