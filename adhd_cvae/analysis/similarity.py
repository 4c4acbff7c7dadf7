"""Representational similarity: does a space order pairs of participants as a variable does?

Kriegeskorte et al. 2008, doi 10.3389/neuro.06.004.2008. Participants are the unit: they are permuted and
resampled, never pairs or posterior draws.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import squareform
from scipy.stats import t as student

from adhd_cvae.analysis.comparison import Comparison, compare, kendall_tau, scores
from adhd_cvae.analysis.dissimilarity import (
    MINIMUM_PARTICIPANTS,
    Scale,
    check_rows,
    latent_dissimilarity,
    model_dissimilarity,
    numeric_values,
    without_rounding_error,
)
from adhd_cvae.analysis.kendall import bootstrap_taus
from adhd_cvae.analysis.permutation import (
    cell_generator,
    draw_permutations,
    false_discovery_rate,
    strata_to_permute,
    stratum_codes,
)
from adhd_cvae.errors import InputError

RSA_COLUMNS = ["space", "variable", "scale", "n", "tau", "ci_low", "ci_high", "null_sd", "p_value", "p_fdr"]
RSA_COLUMNS += ["null_mean", "note"]
PUBLISHED_COLUMNS = ["space", "variable", "mean", "t", "df", "p_value", "n", "note"]


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


def _two_sided(observed: int, null: NDArray[np.int64], centred_at_zero: bool) -> float:
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


def _bootstrap_interval(
    comparison: Comparison, bootstraps: int, rng: np.random.Generator
) -> tuple[float, float]:
    """95 % percentile interval over resampled participants, pairs of a participant with itself left out."""
    n = len(comparison.codes)
    times = rng.multinomial(n, np.full(n, 1 / n), size=bootstraps).astype(np.int32)
    taus = bootstrap_taus(*comparison.order, comparison.codes, times)
    taus = taus[np.isfinite(taus)]
    if len(taus) < 2:
        return float("nan"), float("nan")
    low, high = np.percentile(taus, [2.5, 97.5])
    return float(low), float(high)


def _obstacle(latents: NDArray[np.float64], numbers: NDArray[np.float64], scale: Scale) -> str | None:
    """Why nothing can be said about these participants, or None."""
    levels = len(np.unique(numbers))
    if len(numbers) < MINIMUM_PARTICIPANTS:
        return f"{len(numbers)} participants with a value; at least {MINIMUM_PARTICIPANTS} are needed"
    if levels < 2:
        return "the variable is the same for every participant"
    if scale == "nominal" and levels == len(numbers):
        return "no two participants share a value"
    if not np.ptp(squareform(latent_dissimilarity(latents), checks=False)) > 0:
        return "the space does not tell participants apart"
    return None


def permutation_rsa(
    latents: ArrayLike,
    values: ArrayLike | pd.Series,
    scale: Scale,
    *,
    permutations: int = 5000,
    bootstraps: int = 1000,
    seed: int | np.random.Generator = 0,
    strata: Sequence[Hashable] | pd.Series | NDArray | None = None,
    n_jobs: int = 1,
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
    permutations, bootstraps
        Rearrangements for the p-value; resamples for the interval (0: no interval).
    seed
        A number, or a generator to draw from.
    strata
        (n,) participants are permuted within its levels only; None: freely.
    n_jobs
        Threads; the result does not depend on it.

    Raises
    ------
    InputError
        Latents and values of different length, or a ratio variable that holds text.
    """
    space = np.asarray(latents, np.float64)
    numbers = numeric_values(values, scale)
    if space.ndim != 2 or len(space) != len(numbers):
        raise InputError(
            f"Latents of shape {space.shape} do not fit {len(numbers)} values; expected (n, units)."
        )
    kept = np.isfinite(numbers) & np.isfinite(space).all(axis=1)
    groups = stratum_codes(strata, len(numbers))[kept]
    space, numbers = space[kept], numbers[kept]
    n = len(numbers)
    if note := _obstacle(space, numbers, scale):
        return RsaResult(n, note=note)
    groups, note = strata_to_permute(numbers, groups)
    rng = np.random.default_rng(seed)
    model = without_rounding_error(model_dissimilarity(numbers, scale))
    labels = numbers.astype(np.int32) if scale == "nominal" else None
    comparison = compare(latent_dissimilarity(space), model, labels)
    observed = int(scores(comparison, np.arange(n, dtype=np.int32)[None], 1)[0])
    low, high = _bootstrap_interval(comparison, bootstraps, rng)
    estimate = RsaResult(n, observed / comparison.norm, low, high, note=note)
    null = scores(comparison, draw_permutations(rng, groups, permutations), n_jobs)
    if np.all(null == observed):
        return replace(estimate, note="every permutation leaves the variable as it is")
    taus = null / comparison.norm
    return replace(
        estimate,
        null_mean=float(taus.mean()),
        null_sd=float(taus.std(ddof=1)) if permutations > 1 else float("nan"),
        p_value=_two_sided(observed, null, centred_at_zero=len(np.unique(groups)) == 1),
        null=taus,
    )


def rsa_table(
    spaces: Mapping[str, NDArray],
    variables: pd.DataFrame,
    scales: Mapping[str, Scale],
    *,
    permutations: int = 5000,
    bootstraps: int = 1000,
    seed: int = 0,
    strata: Sequence[Hashable] | pd.Series | NDArray | None = None,
    n_jobs: int = -1,
) -> pd.DataFrame:
    """Every space against every variable, with Benjamini-Hochberg's correction over the whole table.

    Parameters
    ----------
    spaces
        Name: (n, units) posterior means.
    variables
        n rows in the same order; only the columns named in `scales` are used.
    scales
        Variable: ``ratio`` or ``nominal``.
    permutations, bootstraps, strata, n_jobs
        As in `permutation_rsa`; here threads share the cells.

    Returns
    -------
    pandas.DataFrame
        space, variable, scale, n, tau, ci_low, ci_high, null_sd, p_value, p_fdr, null_mean, note
    """
    check_rows(spaces, variables, scales)
    cells = [(space, name) for space in spaces for name in scales]
    calls = (
        delayed(permutation_rsa)(
            spaces[space],
            numeric_values(variables[name], scales[name], name),
            scales[name],
            permutations=permutations,
            bootstraps=bootstraps,
            seed=cell_generator(seed, "rsa", space, name),
            strata=strata,
        )
        for space, name in cells
    )
    results = cast("list[RsaResult]", Parallel(n_jobs=n_jobs, prefer="threads")(calls))
    rows = [
        {"space": space, "variable": name, "scale": scales[name], **_row(result)}
        for (space, name), result in zip(cells, results, strict=True)
    ]
    table = pd.DataFrame(rows, columns=RSA_COLUMNS)
    table["p_fdr"] = false_discovery_rate(table["p_value"].to_numpy(np.float64))
    return table


def _row(result: RsaResult) -> dict[str, float | str | None]:
    names = ("n", "tau", "ci_low", "ci_high", "null_sd", "p_value", "null_mean", "note")
    return {name: getattr(result, name) for name in names}


def as_published_table(
    draws: Mapping[str, NDArray], variables: pd.DataFrame, scales: Mapping[str, Scale]
) -> pd.DataFrame:
    """Compute the study's own statistic: arctan of tau in each posterior draw, a one-sample t over the draws.

    Reported for comparison only. The draws come from one model of one cohort, so that they are no sample of
    participants, and the arctan stands where Fisher's arctanh was meant: p-values say nothing about people.

    Parameters
    ----------
    draws
        Space: (draws, n, units).
    variables, scales
        As in `rsa_table`.

    Returns
    -------
    pandas.DataFrame
        space, variable, mean, t, df, p_value, n, note
    """
    check_rows(draws, variables, scales, axis=1)
    rows = []
    for space, samples in draws.items():
        for name, scale in scales.items():
            numbers = numeric_values(variables[name], scale, name)
            kept = np.isfinite(numbers) & np.isfinite(samples).all(axis=(0, 2))
            rows.append(
                {"space": space, "variable": name, **_published(samples[:, kept], numbers[kept], scale)}
            )
    return pd.DataFrame(rows, columns=PUBLISHED_COLUMNS)


def _published(samples: NDArray, numbers: NDArray[np.float64], scale: Scale) -> dict[str, float | str | None]:
    row: dict[str, float | str | None] = {"n": len(numbers)}
    if len(numbers) < 3 or len(samples) < 2:
        return {**row, "note": "at least 3 participants with a value and 2 draws are needed"}
    model = model_dissimilarity(numbers, scale)
    bent = np.arctan([kendall_tau(latent_dissimilarity(sample), model) for sample in samples])
    if not np.ptp(bent) > 0:
        return {**row, "note": "tau is constant over draws or not defined"}
    df = len(bent) - 1
    t = float(bent.mean() / (bent.std(ddof=1) / np.sqrt(len(bent))))
    p_value = float(2 * student.sf(abs(t), df))
    return {**row, "mean": float(bent.mean()), "t": t, "df": df, "p_value": p_value}
