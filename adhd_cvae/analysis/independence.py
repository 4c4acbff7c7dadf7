"""Dependence between the spaces: HSIC, critic accuracy, active units, norm of the background group's s."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adhd_cvae.analysis.kernels import gaussian_kernel
from adhd_cvae.analysis.permutation import (
    DEFAULTS,
    Inference,
    cell_generator,
    permuted_orders,
    upper_p_value,
)
from adhd_cvae.analysis.variables import Row
from adhd_cvae.names import BACKGROUND, SALIENT, TARGET

INDEPENDENCE_COLUMNS = ["measure", "space", "value", "p_value", "n", "note"]
BOTH = "salient and background"


def hsic(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    *,
    strata: NDArray[np.int64],
    permutations: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Hilbert-Schmidt independence criterion of two (n, units) arrays, and its permutation p-value.

    Gretton et al. 2005, doi 10.1007/11564089_7: trace(K H L H) / (n - 1)², Gaussian kernels of median width.
    0 for independent spaces, up to a bias that the permutations share.
    """
    n = len(first)
    inner, outer = gaussian_kernel(first), gaussian_kernel(second)
    centred = inner - inner.mean(axis=0) - inner.mean(axis=1, keepdims=True) + inner.mean()
    observed = float(np.sum(centred * outer))
    orders = permuted_orders(rng, strata, permutations)
    null = np.array([np.sum(centred * outer[np.ix_(order, order)]) for order in orders])
    return observed / (n - 1) ** 2, upper_p_value(observed, null)


def _hsic_row(salient: NDArray, background: NDArray, inference: Inference) -> Row:
    minimum = inference.sizes.minimum
    finite = np.isfinite(salient).all(axis=1) & np.isfinite(background).all(axis=1)
    row: Row = {"measure": "hsic", "space": BOTH, "n": int(finite.sum())}
    first, second = salient[finite], background[finite]
    if len(first) < minimum:
        return row | {"note": f"{len(first)} patients; at least {minimum} are needed"}
    if not (np.ptp(first, axis=0).any() and np.ptp(second, axis=0).any()):
        return row | {"note": "a space does not tell patients apart"}
    strata, rng = inference.codes[finite], cell_generator(inference.seed, "hsic")
    value, p_value = hsic(first, second, strata=strata, permutations=inference.permutations, rng=rng)
    return row | {"value": value, "p_value": p_value}


def _unit_rows(space: str, latents: NDArray[np.float64], active_variance: float) -> list[Row]:
    used = latents[np.isfinite(latents).all(axis=1)]
    active = (used.var(axis=0) > active_variance).sum() if len(used) else np.nan
    return [
        {"measure": "active_units", "space": space, "value": active, "n": len(used)},
        {"measure": "units", "space": space, "value": latents.shape[1]},
    ]


def _norm_rows(salient: NDArray[np.float64], patients: NDArray[np.bool_]) -> list[Row]:
    norms = np.linalg.norm(salient, axis=1)
    rows: list[Row] = []
    for measure, members in ((f"norm_{TARGET}", patients), (f"norm_{BACKGROUND}", ~patients)):
        known = norms[members & np.isfinite(norms)]
        value = known.mean() if len(known) else np.nan
        rows.append({"measure": measure, "space": SALIENT, "value": value, "n": len(known)})
    return rows


def independence_table(
    spaces: Mapping[str, NDArray],
    is_target: pd.Series | NDArray,
    inference: Inference,
    *,
    critic_accuracy: float | None = None,
    active_variance: float = DEFAULTS.active_variance,
) -> pd.DataFrame:
    """Measure what the model was asked for: independent spaces, units in use, no salient code in controls.

    Parameters
    ----------
    spaces
        ``salient``, ``background`` and any other: (n, units) posterior means.
    is_target
        (n,) True for patients; the salient space is a matter of patients only.
    inference
        Of the permutation test of HSIC. Codes of models of folds have to be permuted within folds: each fold's frame
        moves both spaces, which would count as dependence.
    critic_accuracy
        Of the training's critic on training batches, where known; 0.5 is chance.
    active_variance
        Variance of a unit's posterior mean above which it is active (Burda et al. 2016, arXiv 1509.00519).

    Returns
    -------
    pandas.DataFrame
        measure, space, value, p_value, n, note. Measures: `hsic` (patients); `critic_accuracy`; `active_units`
        (over patients for the salient space, over everybody for the others) and `units`; `norm_target`,
        `norm_background` (mean Euclidean norm of `s`).
    """
    patients = np.asarray(is_target).astype(bool)
    arrays = {name: np.asarray(latents, np.float64) for name, latents in spaces.items()}
    rows: list[Row] = []
    if {SALIENT, BACKGROUND} <= set(arrays):
        pair = arrays[SALIENT][patients], arrays[BACKGROUND][patients]
        rows.append(_hsic_row(*pair, inference.among(patients)))
    if critic_accuracy is not None:
        rows.append({"measure": "critic_accuracy", "space": BOTH, "value": critic_accuracy})
    for space, latents in arrays.items():
        rows += _unit_rows(space, latents[patients] if space == SALIENT else latents, active_variance)
    if SALIENT in arrays:
        rows += _norm_rows(arrays[SALIENT], patients)
    table = pd.DataFrame(rows, columns=INDEPENDENCE_COLUMNS).astype({"note": object})
    table.loc[table["value"].isna() & table["note"].isna(), "note"] = "no participant with finite latents"
    return table.astype({"value": np.float64, "p_value": np.float64, "n": "Int64"})
