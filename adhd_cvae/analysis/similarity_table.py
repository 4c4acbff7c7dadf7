"""Every space against every variable: relations, their differences between spaces, what site and age leave."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import cast

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray

from adhd_cvae.analysis.ceiling import noise_ceiling
from adhd_cvae.analysis.dissimilarity import (
    Scale,
    check_rows,
    numeric_values,
)
from adhd_cvae.analysis.partial import Control, Partial, partial_rsa
from adhd_cvae.analysis.permutation import cell_generator, false_discovery_rate, stratum_codes
from adhd_cvae.analysis.similarity import RsaResult, interval, permutation_rsa

RSA_COLUMNS = ["space", "variable", "scale", "n", "tau", "ci_low", "ci_high", "null_sd", "p_value", "p_fdr"]
RSA_COLUMNS += ["null_mean", "difference", "difference_ci_low", "difference_ci_high", "tau_partial"]
RSA_COLUMNS += ["p_partial", "partial_permutations", "partial_note", "noise_ceiling", "note"]
Cell = dict[str, float | str | None]


def rsa_table(
    spaces: Mapping[str, NDArray],
    variables: pd.DataFrame,
    scales: Mapping[str, Scale],
    *,
    controls: Mapping[str, Scale] | None = None,
    draws: Mapping[str, NDArray] | None = None,
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
        Name: (n, units) posterior means. A variable is asked of the participants with finite means in all of
        them (but for a space that has none), so that spaces compare.
    variables
        n rows in the same order; only the columns named in `scales` and `controls` are used.
    scales
        Variable: ``ratio`` or ``nominal``.
    controls
        Variables held constant in the partial tau, such as site and age, with their scales.
    draws
        Name: (draws, n, units) posterior draws, for the noise ceiling.
    permutations, bootstraps, strata, n_jobs
        As in `permutation_rsa`; here threads share the cells.

    Returns
    -------
    pandas.DataFrame
        Columns `RSA_COLUMNS`. `difference`, in the salient rows: tau beyond its chance level (`null_mean`
        where participants are permuted within strata, else 0), salient minus background, with the interval
        over the same resamples of participants. `tau_partial`, `p_partial`: see `partial_rsa`; from
        `partial_permutations` rearrangements. `noise_ceiling`: see there.
    """
    check_rows(spaces, variables, {**scales, **(controls or {})})
    arrays = {name: np.asarray(latents, np.float64) for name, latents in spaces.items()}
    in_all = _finite_everywhere(arrays, len(variables))
    values = {
        name: np.where(in_all, numeric_values(variables[name], scale, name), np.nan)
        for name, scale in scales.items()
    }
    cells = [(space, name) for space in spaces for name in scales]
    related = (
        delayed(permutation_rsa)(
            arrays[space],
            values[name],
            scales[name],
            permutations=permutations,
            bootstraps=bootstraps,
            # One seed a variable: all spaces see the same permutations and resamples, so that they compare.
            seed=cell_generator(seed, "rsa", name),
            strata=strata,
        )
        for space, name in cells
    )
    results = dict(zip(cells, _in_threads(related, n_jobs), strict=True))
    held = {
        name: Control(numeric_values(variables[name], scale, name), scale)
        for name, scale in (controls or {}).items()
    }
    groups = stratum_codes(strata, len(variables))
    partials = (
        delayed(_partial)(
            name,
            results[space, name],
            arrays[space],
            values[name],
            scales[name],
            held,
            permutations,
            groups,
            cell_generator(seed, "partial", name),
        )
        for space, name in cells
    )
    partial = dict(zip(cells, _in_threads(partials, n_jobs), strict=True))
    ceilings = {
        name: noise_ceiling(latents, draws[name])
        for name, latents in arrays.items()
        if draws is not None and name in draws
    }
    rows = [
        {
            "space": space,
            "variable": name,
            "scale": scales[name],
            **_cell(result),
            **(_difference(result, results.get(("background", name))) if space == "salient" else {}),
            **partial[space, name],
            "noise_ceiling": ceilings.get(space),
        }
        for (space, name), result in results.items()
    ]
    table = pd.DataFrame(rows, columns=RSA_COLUMNS)
    table["p_fdr"] = false_discovery_rate(table["p_value"].to_numpy(np.float64))
    return table


def _finite_everywhere(spaces: Mapping[str, NDArray[np.float64]], n: int) -> NDArray[np.bool_]:
    """(n,) participants with finite means in every space that has any."""
    finite = [np.isfinite(latents).all(axis=1) for latents in spaces.values()]
    return np.all([rows for rows in finite if rows.any()] or [np.ones(n, bool)], axis=0)


def _cell(result: RsaResult) -> Cell:
    names = ("n", "tau", "ci_low", "ci_high", "null_sd", "p_value", "null_mean", "note")
    return {name: getattr(result, name) for name in names}


def _difference(salient: RsaResult, background: RsaResult | None) -> Cell:
    """Salient minus background, each beyond chance, for the same participants and the same resamples."""
    if background is None or not len(salient.null) or not len(background.null):
        return {}
    shift = background.chance - salient.chance
    low, high = interval(salient.resampled - background.resampled + shift)
    difference = salient.tau - background.tau + shift
    return {"difference": difference, "difference_ci_low": low, "difference_ci_high": high}


def _partial(
    name: str,
    result: RsaResult,
    space: NDArray[np.float64],
    numbers: NDArray[np.float64],
    scale: Scale,
    controls: Mapping[str, Control],
    permutations: int,
    strata: NDArray[np.int64],
    rng: np.random.Generator,
) -> Cell:
    """Partial columns of a cell; none without controls."""
    if not controls:
        return {}
    if name in controls:
        found = Partial(note="it is itself held constant")
    elif not len(result.null):
        found = Partial(note="not tested, see note")
    else:
        found = partial_rsa(
            space, numbers, scale, controls, permutations=permutations, strata=strata, rng=rng
        )
    return {
        "tau_partial": found.tau,
        "p_partial": found.p_value,
        "partial_permutations": found.permutations,
        "partial_note": found.note,
    }


def _in_threads(calls: Iterable, n_jobs: int) -> list:
    return cast("list", Parallel(n_jobs=n_jobs, prefer="threads")(calls))
