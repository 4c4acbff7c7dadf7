"""Principal components of the salient effect maps, and whether they are those of patients of another site.

Aglinskas et al. (2022, doi:10.1126/science.abm2461) describe what varies between patients' disorder-specific
maps by principal components. Here each site is left out in turn: the components come from the other sites' patients
and are tried on the left-out ones.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adhd_cvae.analysis.permutation import DEFAULTS
from adhd_cvae.analysis.variables import Row
from adhd_cvae.names import code_label

TABLE_COLUMNS = (
    *("left_out", "component", "n", "n_others", "explained", "explained_others", "explained_own"),
    *("cosine", "cosine_own", "note"),
)
ALIKE = "the patients' maps do not differ"


@dataclass(frozen=True)
class EffectComponents:
    """What `effect_components` finds.

    Attributes
    ----------
    table
        One row a left-out site and component; `left_out` is missing in the rows of all patients together.
        `explained`: share of the variance between the left-out patients that lies along the component;
        `explained_others`: the same in the patients it was fitted on; `explained_own`: what the left-out
        patients' own component of that rank takes. `cosine`: with the component of the other folds, mean over
        folds, signs aligned; they share patients, so it is high wherever the order of components is firm.
        `cosine_own`: with the left-out patients' own component, which shares nobody (absolute).
    scores
        (patients, components) of each patient by the components fitted without their site; missing where
        there is no such fold.
    maps
        (components, voxels): change of gray-matter volume per voxel for one standard deviation of the score,
        fitted on everybody.
    """

    table: pd.DataFrame
    scores: NDArray[np.float64]
    maps: NDArray[np.float64]


@dataclass(frozen=True)
class _Fit:
    """Components as weights of the patients' maps: component = weights @ effect, of length 1.

    Attributes
    ----------
    rows
        (m,) patients it was fitted on.
    weights
        (components, n), 0 for everybody else; each row sums to 0.
    shares
        (components,) of the variance between `rows`.
    """

    rows: NDArray[np.intp]
    weights: NDArray[np.float64]
    shares: NDArray[np.float64]


def effect_components(
    effect: NDArray[np.floating],
    sites: NDArray | pd.Series,
    *,
    components: int = DEFAULTS.maps.components,
    minimum: int = DEFAULTS.sizes.minimum_patients,
) -> EffectComponents | None:
    """Find the leading components of patients' effect maps with every site left out once.

    All of it happens in the patients' (n, n) products of maps: no fold touches the voxels again.

    Parameters
    ----------
    effect
        (patients, voxels) full decoding minus twin, gray-matter volume per voxel.
    sites
        (patients,) codes; patients without one are in every fold and never left out.
    components
        At most so many.
    minimum
        Patients below which there are none.

    Returns
    -------
    EffectComponents or None
        None with too few usable patients, or where they do not differ.
    """
    effect = np.asarray(effect, np.float64)
    usable = np.flatnonzero(np.isfinite(effect).all(axis=1))
    if len(usable) < minimum:
        return None
    products = np.zeros((len(effect), len(effect)))
    products[np.ix_(usable, usable)] = effect[usable] @ effect[usable].T
    everyone = _fit(products, usable, components, minimum)
    if everyone is None:
        return None
    codes = pd.Series(np.asarray(sites))
    folds: dict[str, tuple[NDArray[np.intp], _Fit]] = {}
    for site in sorted(codes.dropna().unique(), key=str):
        left_out = usable[(codes == site).to_numpy()[usable]]
        fit = _fit(products, np.setdiff1d(usable, left_out), len(everyone.shares), minimum)
        if len(left_out) and fit is not None and len(fit.shares) == len(everyone.shares):
            folds[code_label(site, {})] = left_out, _aligned(fit, everyone, products)
    scores = np.full((len(effect), len(everyone.shares)), np.nan)
    for left_out, fit in folds.values():
        scores[left_out] = _scores(fit, left_out, products)
    spread = _scores(everyone, usable, products).std(axis=0, ddof=1)
    maps = spread[:, None] * (everyone.weights[:, usable] @ effect[usable])
    return EffectComponents(_table(everyone, folds, products, minimum), scores, maps)


def _fit(products: NDArray, rows: NDArray[np.intp], components: int, minimum: int) -> _Fit | None:
    """Components of these patients; None where they are too few or do not differ."""
    if len(rows) < minimum:
        return None
    values, vectors = np.linalg.eigh(_centred(products[np.ix_(rows, rows)]))
    values, vectors = values[::-1], vectors[:, ::-1]
    # Products of identical maps leave rounding errors only.
    scale = float(np.trace(products[np.ix_(rows, rows)]))
    found = int((values[: min(components, len(rows) - 1)] > 1e-10 * max(scale, np.finfo(float).tiny)).sum())
    if not found:
        return None
    weights = np.zeros((found, len(products)))
    vectors = vectors[:, :found] - vectors[:, :found].mean(axis=0)
    weights[:, rows] = (vectors / np.sqrt(values[:found])).T
    return _Fit(rows, weights, values[:found] / values.clip(min=0).sum())


def _centred(products: NDArray) -> NDArray:
    """Products of maps around their mean map."""
    return products - products.mean(axis=0) - products.mean(axis=1)[:, None] + products.mean()


def _aligned(fit: _Fit, reference: _Fit, products: NDArray) -> _Fit:
    """Turn each component to the side of the reference's component of the same rank."""
    sides = np.sign(np.einsum("cn,nm,cm->c", fit.weights, products, reference.weights))
    return _Fit(fit.rows, fit.weights * np.where(sides < 0, -1, 1)[:, None], fit.shares)


def _scores(fit: _Fit, rows: NDArray[np.intp], products: NDArray) -> NDArray[np.float64]:
    """Projections of patients' maps, (rows, components), around the mean map of those fitted on."""
    origin = products[fit.rows].mean(axis=0)
    return (products[rows] - origin) @ fit.weights.T


def _explained(fit: _Fit, rows: NDArray[np.intp], products: NDArray) -> NDArray[np.float64]:
    """Share of the variance between these patients along each component."""
    total = np.trace(_centred(products[np.ix_(rows, rows)]))
    along = _scores(fit, rows, products).var(axis=0) * len(rows)
    return along / total if total > 0 else np.full(len(along), np.nan)


def _table(
    everyone: _Fit, folds: dict[str, tuple[NDArray[np.intp], _Fit]], products: NDArray, minimum: int
) -> pd.DataFrame:
    rows: list[Row] = [
        {"component": rank, "n_others": len(everyone.rows), "explained_others": share, "note": None}
        for rank, share in enumerate(everyone.shares, start=1)
    ]
    for site, (left_out, fit) in folds.items():
        others = [other for name, (_, other) in folds.items() if name != site]
        own = _fit(products, left_out, len(fit.shares), minimum)
        note = f"fewer than {minimum} patients" if len(left_out) < minimum else ALIKE
        of_site: Row = {"left_out": site, "n": len(left_out), "n_others": len(fit.rows)}
        of_site["note"] = None if own is not None else note
        explained = _explained(fit, left_out, products)
        for rank, share in enumerate(fit.shares):
            row: Row = {**of_site, "component": rank + 1, "explained_others": share}
            if others:
                row["cosine"] = float(np.mean([_cosine(fit, other, rank, products) for other in others]))
            if own is not None:
                row["explained"] = explained[rank]
            if own is not None and rank < len(own.shares):
                row["explained_own"] = own.shares[rank]
                row["cosine_own"] = abs(_cosine(fit, own, rank, products))
            rows.append(row)
    return pd.DataFrame(rows, columns=list(TABLE_COLUMNS))


def _cosine(one: _Fit, other: _Fit, rank: int, products: NDArray) -> float:
    """Of two components of length 1."""
    return float(one.weights[rank] @ products @ other.weights[rank])
