"""What is left of a relation once site and covariates, such as age and head size, are held constant.

Kendall's partial tau (1942) would not do: with a space and a variable that both depend on age, and on nothing
else in common, it stays above zero (see the tests). Instead only pairs of the same site are looked at, the ranks
of their dissimilarities are freed of a smooth function of the difference in age (a partial Mantel test on ranks:
Smouse et al. 1986, doi 10.2307/2413122; Legendre 2000, doi 10.1080/00949650008812035), and participants are
exchanged only with others of the same site and nearly the same age, which keeps what the variable owes to both
(restricted exchangeability: Winkler et al. 2015, doi 10.1016/j.neuroimage.2015.05.092).

That is not enough where a covariate bends what it moves, nor of several covariates: participants near in all of them
are rare, and two whose age and head size differ in the same sense lie farther apart than differences one by one say. So
the values themselves, in the space and of the variable, are first freed of a polynomial in each covariate. Neighbours
are those in the first.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
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
from adhd_cvae.analysis.variables import Scale, check_rows, numeric_values
from adhd_cvae.config import PartialConfig


class Held(NamedTuple):
    """What is held constant."""

    covariates: NDArray[np.float64]
    """(n, k) numbers, NaN where missing; the first orders the neighbours."""
    names: tuple[str, ...]
    """Of the k columns; columns of one variable share its name."""
    sites: NDArray[np.float64] | None = None
    """(n,) codes within which participants are compared and exchanged, NaN where missing."""
    site: str = "site"
    """Their name."""

    @property
    def all_names(self) -> list[str]:
        """Each once, the site's first."""
        return list(dict.fromkeys([*([] if self.sites is None else [self.site]), *self.names]))

    @property
    def known(self) -> NDArray[np.bool_]:
        """(n,) participants with all values."""
        columns = [self.covariates, *([] if self.sites is None else [self.sites])]
        return np.asarray(np.isfinite(np.column_stack(columns)).all(axis=1))

    def among(self, rows: NDArray[np.bool_]) -> "Held":
        """Give what varies among some of the (n,) participants."""
        covariates = self.covariates[rows]
        varies = [len(np.unique(column)) > 1 for column in covariates.T]
        names = tuple(name for name, kept in zip(self.names, varies, strict=True) if kept)
        sites = None if self.sites is None or len(np.unique(self.sites[rows])) < 2 else self.sites[rows]
        return Held(covariates[:, varies], names, sites, self.site)

    def strata(self, within: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """(n,) codes of the sites, within other codes."""
        columns = [np.zeros(len(self.covariates)) if within is None else within]
        columns += [] if self.sites is None else [self.sites]
        return np.unique(np.column_stack(columns), axis=0, return_inverse=True)[1].ravel()


def held_columns(table: pd.DataFrame, site: str | None, names: Sequence[str]) -> Held:
    """Hold columns of a table constant.

    Raises
    ------
    InputError
        There is no such column, or one of `names` holds text.
    """
    check_rows({}, table, dict.fromkeys([*names, *([] if site is None else [site])], "ratio"))
    columns = [numeric_values(table[name], "ratio", name) for name in names]
    covariates = np.column_stack([np.empty((len(table), 0)), *columns])
    if site is None:
        return Held(covariates, tuple(names))
    return Held(covariates, tuple(names), numeric_values(table[site], "nominal"), site)


class Partial(NamedTuple):
    """A cell of the table."""

    tau_partial: float = float("nan")
    p_partial: float = float("nan")
    partial_permutations: int | None = None
    partial_note: str = ""


class _Pairs(NamedTuple):
    """The pairs i < j of the same site, and what covariates say of them."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    basis: NDArray[np.float64]
    """(pairs, columns) orthonormal: one column a stratum, and powers of the ranked differences."""


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mid-ranks from -1 to 1."""
    return 2 * rankdata(without_rounding_error(values)) / (len(values) + 1) - 1


def _basis(columns: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Orthonormal basis, (rows, rank), of columns of which some may follow from those before them."""
    if not columns:
        return np.empty((0, 0))
    matrix = np.column_stack(columns)
    basis, triangle = np.linalg.qr(matrix)
    left = np.zeros(matrix.shape[1])
    left[: len(triangle)] = np.abs(np.diag(triangle))
    free = left > 1e-9 * np.linalg.norm(matrix, axis=0)
    return basis if free.all() else np.linalg.qr(matrix[:, free])[0]


def _pairs(held: Held, degree: int) -> _Pairs:
    """Pairs of the same site, and the basis of polynomials of that degree."""
    codes = held.strata()
    first, second = np.triu_indices(len(codes), 1)
    same = codes[first] == codes[second]
    first, second = first[same], second[same]
    columns = [(codes[first] == code).astype(np.float64) for code in np.unique(codes[first])]
    for values in held.covariates.T:
        ranks = _ranks(np.abs(values[first] - values[second]))
        columns += [ranks**power for power in range(1, degree + 1)]
    return _Pairs(first, second, _basis(columns))


def _values_basis(held: Held, degree: int) -> NDArray[np.float64]:
    """(n, rank) what values are freed of: sites, and powers of each covariate."""
    if not held.covariates.shape[1]:
        return np.empty((len(held.covariates), 0))
    codes = held.strata()
    columns = [(codes == code).astype(np.float64) for code in np.unique(codes)]
    for values in held.covariates.T:
        scores = (values - values.mean()) / values.std()
        columns += [scores**power for power in range(1, degree + 1)]
    return _basis(columns)


def _freed(values: NDArray[np.float64], basis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take a basis out of (n, columns) of values; what is rounding error of them is 0."""
    left = values - basis @ (basis.T @ values)
    return np.where(np.abs(left) > 1e-9 * np.abs(values).max(axis=0), left, 0)


def _dissimilarities(
    space: NDArray[np.float64], numbers: NDArray[np.float64], scale: Scale, basis: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, n) of the space and of the variable, of values freed of the basis."""
    if not basis.shape[1]:
        return latent_dissimilarity(space), model_dissimilarity(numbers, scale)
    values = numbers[:, None] if scale == "ratio" else (numbers[:, None] == np.unique(numbers)).astype(float)
    return latent_dissimilarity(_freed(space, basis)), latent_dissimilarity(_freed(values, basis))


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


def neighbour_strata(held: Held, strata: NDArray[np.int64], neighbours: int) -> NDArray[np.int64]:
    """Split the strata by site, then by rising values of the first covariate, so many each."""
    codes = held.strata(strata)
    if not held.names:
        return codes
    fine = np.empty(len(strata), np.int64)
    used = 0
    for code in np.unique(codes):
        members = np.flatnonzero(codes == code)
        members = members[np.argsort(held.covariates[members, 0], kind="stable")]
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
    held: Held,
    *,
    inference: Inference,
    settings: PartialConfig,
    rng: np.random.Generator,
) -> Partial:
    """Kendall's tau-b of the ranked dissimilarities' residuals over pairs of the same site.

    The p-value is two-sided, by distance from the mean over all arrangements, the observed one among them.

    Parameters
    ----------
    space
        (n, units); participants with a value that is not finite are left out.
    numbers, scale
        (n,) the variable, NaN where missing, and how two values differ.
    held
        Any number of covariates of the (n,) participants; those with all values are asked.
    inference
        Participants are exchanged within its `codes` too, at most `settings.permutations` times.
    """
    sizes = inference.sizes
    asked = np.isfinite(numbers) & np.isfinite(space).all(axis=1)
    kept = asked & held.known
    if kept.sum() < sizes.minimum:
        needed = f"{sizes.minimum} are needed"
        return Partial(partial_note=f"{kept.sum()} participants with {', '.join(held.all_names)}; {needed}")
    if not held.among(kept).all_names:
        return Partial(partial_note=f"{' and '.join(held.all_names)} do not vary")
    if kept.sum() > sizes.all_pairs:
        kept = _chosen(kept, sizes.partial, rng)
    held = held.among(kept)
    fine = neighbour_strata(held, inference.codes[kept], settings.neighbours)
    orders = permuted_orders(rng, fine, min(inference.permutations, settings.permutations))
    once = f"once {' and '.join(held.all_names)} are held constant"
    if (numbers[kept][orders] == numbers[kept]).all():
        return Partial(partial_note=f"it does not vary {once}")
    basis = _values_basis(held, settings.value_degree)
    if kept.sum() - basis.shape[1] < sizes.minimum:
        return Partial(partial_note=f"{kept.sum()} participants are too few {once}")
    pairs = _pairs(held, settings.degree)
    both = _dissimilarities(space[kept], numbers[kept], scale, basis)
    left, model = (_residual(dissimilarity, pairs) for dissimilarity in both)
    if len(pairs.first) < sizes.minimum or not (np.ptp(left) > 1e-6 and np.ptp(model) > 1e-6):
        return Partial(partial_note=f"nothing is left {once}")
    levels = np.floor(rankdata(model) * settings.levels / (len(model) + 1)).astype(np.int32)
    observed = np.arange(kept.sum(), dtype=np.int32)[None]
    taus = _taus(left, levels, pairs, np.concatenate([observed, orders]))
    distances = np.abs(taus - taus.mean())
    p_value = float(np.mean(distances >= distances[0] - 1e-12))
    missing = f" (n = {kept.sum()})" if kept.sum() < asked.sum() else ""
    return Partial(
        float(taus[0]), p_value, len(orders), f"held constant: {', '.join(held.all_names)}{missing}"
    )
