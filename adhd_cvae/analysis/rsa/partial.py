"""What is left of a relation once site and age are held constant.

Kendall's partial tau (1942) would not do: with a space and a variable that both depend on age, and on nothing
else in common, it stays above zero (see the tests). Instead only pairs of the same site are looked at, the ranks
of their dissimilarities are freed of a smooth function of the difference in age (a partial Mantel test on ranks:
Smouse et al. 1986, doi 10.2307/2413122; Legendre 2000, doi 10.1080/00949650008812035), and participants are
exchanged only with others of the same site and nearly the same age, which keeps what the variable owes to both
(restricted exchangeability: Winkler et al. 2015, doi 10.1016/j.neuroimage.2015.05.092).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from adhd_cvae.analysis.permutation import Inference, permuted_orders
from adhd_cvae.analysis.rsa.dissimilarity import (
    latent_dissimilarity,
    model_dissimilarity,
    without_rounding_error,
)
from adhd_cvae.analysis.rsa.kendall import permuted_scores
from adhd_cvae.analysis.rsa.pair_order import sorted_pairs, tied_pairs
from adhd_cvae.analysis.variables import Scale
from adhd_cvae.config import PartialConfig


class Control(NamedTuple):
    """A variable to hold constant."""

    numbers: NDArray[np.float64]
    """(n,) values or codes, NaN where missing."""
    scale: Scale


class Partial(NamedTuple):
    """A cell of the table."""

    tau_partial: float = float("nan")
    p_partial: float = float("nan")
    partial_permutations: int | None = None
    partial_note: str = ""


class _Pairs(NamedTuple):
    """The pairs i < j that agree in every nominal control, and what the other controls say of them."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    basis: NDArray[np.float64]
    """(pairs, columns) orthonormal: one column a stratum, and powers of the ranked differences."""


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mid-ranks from -1 to 1."""
    return 2 * rankdata(without_rounding_error(values)) / (len(values) + 1) - 1


def _pairs(controls: Mapping[str, Control], degree: int) -> _Pairs:
    """Pairs of the same stratum, and the basis of polynomials of that degree."""
    numbers = [control.numbers for control in controls.values() if control.scale == "nominal"]
    ratio = [control.numbers for control in controls.values() if control.scale == "ratio"]
    n = len((numbers + ratio)[0])
    _, codes = np.unique(np.column_stack([np.zeros(n), *numbers]), axis=0, return_inverse=True)
    codes = codes.ravel()
    first, second = np.triu_indices(n, 1)
    same = codes[first] == codes[second]
    first, second = first[same], second[same]
    columns = [(codes[first] == code).astype(np.float64) for code in np.unique(codes[first])]
    for values in ratio:
        ranks = _ranks(np.abs(values[first] - values[second]))
        columns += [ranks**power for power in range(1, degree + 1)]
    basis = np.linalg.qr(np.column_stack(columns))[0] if columns else np.empty((0, 0))
    return _Pairs(first, second, basis)


def _residual(dissimilarity: NDArray[np.float64], pairs: _Pairs) -> NDArray[np.float64]:
    """Free a dissimilarity's ranks of the controls: (pairs,) rounded so that ties stay ties."""
    ranks = _ranks(dissimilarity[pairs.first, pairs.second])
    return np.round(ranks - pairs.basis @ (pairs.basis.T @ ranks), 9)


def _taus(
    left: NDArray[np.float64], levels: NDArray[np.int32], pairs: _Pairs, arrangements: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Tau-b of two residuals (pairs,), the second in levels, for each arrangement of the second's participants."""
    n = arrangements.shape[1]
    codes = np.zeros((n, n), np.int32)
    codes[pairs.first, pairs.second] = codes[pairs.second, pairs.first] = levels
    total = len(left) * (len(left) - 1) // 2
    ties = [tied_pairs(np.unique(values, return_counts=True)[1]) for values in (left, levels)]
    order = sorted_pairs(pairs.first, pairs.second, left)
    as_is = np.arange(n, dtype=np.int32)
    scores = permuted_scores(*order, total - sum(ties), codes, as_is, arrangements)
    return scores / (np.sqrt(total - ties[0]) * np.sqrt(total - ties[1]))


def neighbour_strata(
    controls: Mapping[str, Control], strata: NDArray[np.int64], neighbours: int
) -> NDArray[np.int64]:
    """Split the strata by nominal controls, then by rising values of the first ratio control, so many each."""
    nominal = [control.numbers for control in controls.values() if control.scale == "nominal"]
    _, codes = np.unique(np.column_stack([strata, *nominal]), axis=0, return_inverse=True)
    ratio = [control.numbers for control in controls.values() if control.scale == "ratio"]
    if not ratio:
        return codes.ravel().astype(np.int64)
    fine = np.empty(len(strata), np.int64)
    used = 0
    for code in np.unique(codes):
        members = np.flatnonzero(codes.ravel() == code)
        members = members[np.argsort(ratio[0][members], kind="stable")]
        parts = max(1, round(len(members) / neighbours))
        for part in np.array_split(members, parts):
            fine[part] = used
            used += 1
    return fine


def _chosen(kept: NDArray[np.bool_], most: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw `most` of the participants that are kept."""
    rows = np.flatnonzero(kept)
    chosen = np.zeros_like(kept)
    chosen[rows[rng.choice(len(rows), min(most, len(rows)), replace=False)]] = True
    return chosen


def partial_rsa(
    space: NDArray[np.float64],
    numbers: NDArray[np.float64],
    scale: Scale,
    controls: Mapping[str, Control],
    *,
    inference: Inference,
    settings: PartialConfig,
    rng: np.random.Generator,
) -> Partial:
    """Kendall's tau-b of the ranked dissimilarities' residuals over pairs that agree in every nominal control.

    The p-value is two-sided, by distance from the mean over all arrangements, the observed one among them.

    Parameters
    ----------
    space
        (n, units); participants with a value that is not finite are left out.
    numbers, scale
        (n,) the variable, NaN where missing, and how two values differ.
    controls
        Name to what is held constant; at most one ratio control orders the neighbours.
    inference
        Participants are exchanged within its `codes` too, at most `settings.permutations` times.
    """
    sizes = inference.sizes
    asked = np.isfinite(numbers) & np.isfinite(space).all(axis=1)
    kept = asked & np.all([np.isfinite(control.numbers) for control in controls.values()], axis=0)
    if kept.sum() < sizes.minimum:
        needed = f"{sizes.minimum} are needed"
        return Partial(partial_note=f"{kept.sum()} participants with {', '.join(controls)}; {needed}")
    varying = [name for name, control in controls.items() if len(np.unique(control.numbers[kept])) > 1]
    if not varying:
        return Partial(partial_note=f"{' and '.join(controls)} do not vary")
    if kept.sum() > sizes.all_pairs:
        kept = _chosen(kept, sizes.partial, rng)
    known = {name: Control(controls[name].numbers[kept], controls[name].scale) for name in varying}
    fine = neighbour_strata(known, inference.codes[kept], settings.neighbours)
    orders = permuted_orders(rng, fine, min(inference.permutations, settings.permutations))
    held = f"once {' and '.join(known)} are held constant"
    if (numbers[kept][orders] == numbers[kept]).all():
        return Partial(partial_note=f"it does not vary {held}")
    pairs = _pairs(known, settings.degree)
    model = _residual(model_dissimilarity(numbers[kept], scale), pairs)
    left = _residual(latent_dissimilarity(space[kept]), pairs)
    if len(pairs.first) < sizes.minimum or not (np.ptp(left) > 1e-6 and np.ptp(model) > 1e-6):
        return Partial(partial_note=f"nothing is left {held}")
    levels = np.floor(rankdata(model) * settings.levels / (len(model) + 1)).astype(np.int32)
    observed = np.arange(kept.sum(), dtype=np.int32)[None]
    taus = _taus(left, levels, pairs, np.concatenate([observed, orders]))
    distances = np.abs(taus - taus.mean())
    p_value = float(np.mean(distances >= distances[0] - 1e-12))
    missing = f" (n = {kept.sum()})" if kept.sum() < asked.sum() else ""
    return Partial(float(taus[0]), p_value, len(orders), f"held constant: {', '.join(known)}{missing}")
