"""Separation of the spaces by the labels of participants."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from adhd_cvae.analysis.permutation import (
    Inference,
    cell_generator,
    permuted_orders,
    strata_to_permute,
    upper_p_value,
)
from adhd_cvae.analysis.rsa.dissimilarity import latent_dissimilarity
from adhd_cvae.analysis.rsa.permutation_rsa import interval
from adhd_cvae.analysis.variables import Row, Scale, check_rows, numeric_values
from adhd_cvae.names import BACKGROUND, SALIENT

SILHOUETTE_COLUMNS = [
    *("space", "variable", "n", "silhouette", "p_value"),
    *("difference", "difference_ci_low", "difference_ci_high", "labels", "null_mean", "note"),
]
_BATCH = 64
"""Labellings whose sums of distances are in memory at once."""


def silhouettes(
    distances: NDArray[np.float64], codes: NDArray[np.int64], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Mean silhouette (Rousseeuw 1987, doi 10.1016/0377-0427(87)90125-7) of each labelling.

    Parameters
    ----------
    distances
        (n, n)
    codes
        (labellings, n) class codes from 0.
    weights
        (labellings, n) how often each participant counts, 1 where absent. A participant's copies are no
        neighbours of it.

    Returns
    -------
    numpy.ndarray
        (labellings,); NaN where fewer than two classes have members.
    """
    count, n = codes.shape
    classes = int(codes.max()) + 1
    weights = np.ones(codes.shape) if weights is None else weights
    members = (codes[:, :, None] == np.arange(classes)) * weights[:, :, None]
    sums = (
        (distances @ members.transpose(1, 0, 2).reshape(n, -1)).reshape(n, count, classes).transpose(1, 0, 2)
    )
    sizes = members.sum(axis=1)[:, None, :]
    own = np.take_along_axis(sums, codes[:, :, None], axis=2)[:, :, 0]
    companions = (
        np.take_along_axis(np.broadcast_to(sizes, sums.shape), codes[:, :, None], axis=2)[:, :, 0] - weights
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.where(sizes > 0, sums / sizes, np.inf)
        np.put_along_axis(means, codes[:, :, None], np.inf, axis=2)
        nearest = means.min(axis=2)
        inside = own / companions
        values = (nearest - inside) / np.maximum(nearest, inside)
    values = np.where((companions > 0) & np.isfinite(values), values, 0.0)
    result = (values * weights).sum(axis=1) / weights.sum(axis=1)
    return np.where((sizes[:, 0] > 0).sum(axis=1) > 1, result, np.nan)


def _labels(numbers: NDArray[np.float64], scale: Scale) -> tuple[NDArray[np.int64], str]:
    """Class codes: a nominal variable's labels; a ratio variable split at its median."""
    if scale == "nominal":
        return np.unique(numbers, return_inverse=True)[1].astype(np.int64), "levels"
    middle = float(np.median(numbers))
    above = numbers > middle
    if not above.any():  # more than half share the largest value
        return (numbers >= middle).astype(np.int64), f"below {middle:g} or not (median)"
    return above.astype(np.int64), f"above {middle:g} or not (median)"


def _null_silhouettes(
    distances: NDArray[np.float64], codes: NDArray[np.int64], orders: NDArray[np.int32]
) -> NDArray[np.float64]:
    parts = [silhouettes(distances, codes[orders[k : k + _BATCH]]) for k in range(0, len(orders), _BATCH)]
    return np.concatenate(parts)


def _difference(
    pair: tuple[NDArray[np.float64], NDArray[np.float64]],
    codes: NDArray[np.int64],
    chance: float,
    times: NDArray[np.float64],
) -> Row:
    """Difference of two spaces' silhouettes beyond `chance`, with its interval over resamples of participants.

    `times`, (bootstraps, n), is how often each participant is in a resample.
    """
    first, second = pair
    estimate = silhouettes(first, codes[None]) - silhouettes(second, codes[None]) - chance
    parts = []
    for k in range(0, len(times), _BATCH):
        weights = times[k : k + _BATCH]
        repeated = np.broadcast_to(codes, weights.shape)
        parts.append(silhouettes(first, repeated, weights) - silhouettes(second, repeated, weights))
    resampled = np.concatenate(parts) if parts else np.empty(0)
    low, high = interval(resampled - chance)
    return {"difference": float(estimate[0]), "difference_ci_low": low, "difference_ci_high": high}


@threadpool_limits.wrap(limits=1)  # thousands of small products: threads only get in each other's way
def silhouette_table(
    spaces: Mapping[str, NDArray],
    variables: pd.DataFrame,
    scales: Mapping[str, Scale],
    inference: Inference,
) -> pd.DataFrame:
    """How well each variable's groups separate in each space.

    Parameters
    ----------
    spaces
        Name: (n, units). Every variable is judged on the participants with finite latents in all of them.
    variables, scales
        As in `rsa_table`; ratio variables are split at their median, as the column `labels` says.
    inference
        The labels are permuted; p is one-sided, for a larger silhouette. Participants are resampled for the interval
        of the difference.

    Returns
    -------
    pandas.DataFrame
        space, variable, n, silhouette, p_value, difference, difference_ci_low, difference_ci_high, labels,
        null_mean, note. `difference` is salient minus background, each beyond its `null_mean`, in the salient row:
        sites shift the one space more than the other, and silhouettes shrink as units are added.
    """
    check_rows(spaces, variables, scales)
    arrays = {name: np.asarray(latents, np.float64) for name, latents in spaces.items()}
    finite = np.all([np.isfinite(latents).all(axis=1) for latents in arrays.values()], axis=0)
    rows = []
    for name, scale in scales.items():
        numbers = numeric_values(variables[name], scale, name)
        kept = finite & np.isfinite(numbers)
        kept_spaces = {space: latents[kept] for space, latents in arrays.items()}
        rng = cell_generator(inference.seed, "silhouette", name)
        found = _variable_silhouettes(kept_spaces, numbers[kept], scale, inference.among(kept), rng)
        rows += [{"variable": name, **row} for row in found]
    table = pd.DataFrame(rows, columns=SILHOUETTE_COLUMNS)
    order = {space: place for place, space in enumerate(spaces)}
    return table.sort_values("space", key=lambda names: names.map(order), kind="stable", ignore_index=True)


def _variable_silhouettes(
    spaces: Mapping[str, NDArray[np.float64]],
    numbers: NDArray[np.float64],
    scale: Scale,
    inference: Inference,
    rng: np.random.Generator,
) -> list[Row]:
    n = len(numbers)
    base: Row = {"n": n}
    if n < (minimum := inference.sizes.minimum):
        note = f"{n} participants with a value; at least {minimum} are needed"
        return [{**base, "space": space, "note": note} for space in spaces]
    codes, base["labels"] = _labels(numbers, scale)
    if not 1 < len(np.unique(codes)) < n:
        note = "fewer than two groups, or no two participants in one"
        return [{**base, "space": space, "note": note} for space in spaces]
    strata, base["note"] = strata_to_permute(codes, inference.codes)
    orders = permuted_orders(rng, strata, inference.permutations)
    distances = {space: latent_dissimilarity(latents) for space, latents in spaces.items()}
    nulls = {space: _null_silhouettes(between, codes, orders) for space, between in distances.items()}
    rows = []
    for space, between in distances.items():
        observed = float(silhouettes(between, codes[None])[0])
        null = nulls[space]
        row = {**base, "space": space, "silhouette": observed, "null_mean": float(null.mean())}
        if np.all(codes[orders] == codes):
            row["note"] = "every permutation leaves the variable as it is"
        else:
            row["p_value"] = upper_p_value(observed, null)
        if space == SALIENT and BACKGROUND in distances:
            chance = float(null.mean() - nulls[BACKGROUND].mean())
            times = rng.multinomial(n, np.full(n, 1 / n), size=inference.bootstraps).astype(np.float64)
            row |= _difference((between, distances[BACKGROUND]), codes, chance, times)
        rows.append(row)
    return rows
