"""Healthy anatomy learnt elsewhere: mean, spread, principal axes and their variances, and no participant. Numpy alone.

Second moments are taken within sites, so that what scanners differ in is not anatomy. They come from the participants'
Gram matrix, in blocks of features, which is exact and needs the memory of a block and of the axes.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adhd_cvae.errors import InputError

_BLOCK = 4096
"""Features that are in memory at once."""
_LEAST = 1e-9


@dataclass(frozen=True)
class Reference:
    """What is known of healthy anatomy.

    Attributes
    ----------
    mean
        (features,) of everybody.
    spread
        (features,) standard deviation within sites; 0 where a feature is constant.
    axes
        (axes, features) orthonormal, of features over their spread.
    variances
        (axes,) along them, decreasing, within sites.
    count
        Participants.
    freedom
        Participants less sites: what the moments are divided by.
    columns
        (features,) increasing, which of a participant's values the features are: voxels of a flattened grid.
    size
        How many values a participant has.
    """

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    axes: NDArray[np.float32]
    variances: NDArray[np.float64]
    count: int
    freedom: int
    columns: NDArray[np.integer]
    size: int

    @property
    def checksum(self) -> str:
        """SHA-256 of its arrays."""
        arrays = (self.mean, self.spread, self.axes, self.variances, self.columns)
        return hashlib.sha256(b"".join(np.ascontiguousarray(one).tobytes() for one in arrays)).hexdigest()

    @property
    def total_variance(self) -> float:
        """Of all features over their spread: how many there are that vary."""
        return float((self.spread > 0).sum())

    @property
    def explained(self) -> float:
        """Share of the total variance that the axes hold."""
        return float(self.variances.sum() / self.total_variance)


def fit_reference(
    values: NDArray,
    sites: Sequence[object] | NDArray | None = None,
    *,
    columns: NDArray[np.integer] | None = None,
    most_axes: int = 800,
) -> Reference:
    """Learn it from healthy participants.

    Parameters
    ----------
    values
        (n, values); anything that is read in parts of columns.
    sites
        (n,) scanning sites; None where there was one.
    columns
        (features,) increasing, the values that count; None: all.
    most_axes
        Kept of the principal axes.
    """
    count, size = len(values), values.shape[1]
    columns = np.arange(size) if columns is None else columns
    names = (
        np.zeros(count, int)
        if sites is None
        else np.unique(np.asarray(sites).astype(str), return_inverse=True)[1]
    )
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(columns), _BLOCK)]
    freedom = count - len(np.unique(names))
    mean, spread = np.zeros(len(columns)), np.zeros(len(columns))
    gram = np.zeros((count, count))
    for block in blocks:
        mean[block] = values[:, columns[block]].mean(axis=0, dtype=np.float64)
        within = _within_sites(values[:, columns[block]], names)
        spread[block] = np.sqrt(np.square(within).sum(axis=0, dtype=np.float64) / freedom)
        standard = _over(within, spread[block])
        gram += standard @ standard.T
    lengths, vectors = np.linalg.eigh(gram)
    keep = np.flatnonzero(lengths > max(lengths[-1], 0) * _LEAST)[::-1][: min(most_axes, freedom)]
    turn = vectors[:, keep] / np.sqrt(lengths[keep])
    axes = np.zeros((len(keep), len(columns)), np.float32)
    for block in blocks:
        axes[:, block] = turn.T @ _over(_within_sites(values[:, columns[block]], names), spread[block])
    return Reference(mean, spread, axes, lengths[keep] / freedom, count, freedom, columns, size)


def merge_references(references: Sequence[Reference], *, most_axes: int = 800) -> Reference:
    """Put together what was learnt apart, of the same features; nobody's data is needed.

    Count, mean, spread and total variance are exact. The axes are those of the moments that the parts kept, each
    weighted by its participants; what they had cut off stays cut off.

    Raises
    ------
    InputError
        Their features are not the same.
    """
    first = references[0]
    if any(one.size != first.size or not np.array_equal(one.columns, first.columns) for one in references):
        found = ", ".join(f"{len(one.columns)} of {one.size}" for one in references)
        raise InputError(
            f"the references have other features ({found}): learn them on one grid with one mask."
        )
    freedom = sum(one.freedom for one in references)
    count = sum(one.count for one in references)
    mean = np.sum([one.count / count * one.mean for one in references], axis=0)
    squares = [one.freedom / freedom * np.square(one.spread) for one in references]
    spread = np.sqrt(np.sum(squares, axis=0))
    rows = np.vstack(
        [np.sqrt(one.freedom / freedom) * _over(_rows(one) * one.spread, spread) for one in references]
    )
    axes, variances = _principal(rows, most_axes)
    return Reference(
        mean, spread, axes.astype(np.float32), variances, count, freedom, first.columns, first.size
    )


@dataclass(frozen=True)
class Borrowed:
    """A reference in the coordinates in which a cohort is given.

    Attributes
    ----------
    axes
        (axes, coordinates) orthonormal.
    variances
        (axes,) decreasing.
    count
        Participants of the reference.
    features
        How many the coordinates stand for.
    """

    axes: NDArray[np.floating]
    variances: NDArray[np.float64]
    count: int
    features: int

    def floor(self, share: float) -> float:
        """Variance of component `share` · count, which smaller ones and whatever lies off the axes are given."""
        return float(self.variances[min(round(share * self.count), len(self.variances) - 1)])

    def whitened(self, coordinates: NDArray, share: float) -> NDArray[np.float64]:
        """Coordinates (n, coordinates) times the inverse root of the floored covariance, which is symmetric."""
        off = 1 / np.sqrt(self.floor(share))
        along = 1 / np.sqrt(np.maximum(self.variances, self.floor(share))) - off
        return ((coordinates @ self.axes.T) * along) @ self.axes + coordinates * off

    def within(self, basis: NDArray) -> "Borrowed":
        """The same in coordinates on an orthonormal `basis` (coordinates, …) that spans its axes."""
        return Borrowed((self.axes @ basis.T).astype(np.float64), self.variances, self.count, self.features)


def borrowed(reference: Reference, columns: NDArray[np.integer], spread: NDArray) -> Borrowed:
    """Bring a reference to features standardised by a cohort's own `spread`.

    Parameters
    ----------
    columns
        (features,) which of a participant's values the cohort's features are; the reference has all of them.
    spread
        (features,) the cohort's.
    """
    places = np.searchsorted(reference.columns, columns)
    rows = _over((_rows(reference) * reference.spread)[:, places], spread)
    return Borrowed(*_principal(rows, len(rows)), reference.count, len(columns))


def _within_sites(features: NDArray, names: NDArray[np.integer]) -> NDArray:
    """Features (n, features) around their sites' means."""
    within = np.array(features, np.float32)
    for name in np.unique(names):
        within[names == name] -= within[names == name].mean(axis=0)
    return within


def _over(rows: NDArray, spread: NDArray) -> NDArray:
    """Rows over a spread; 0 where nothing varies."""
    varies = spread > _LEAST * max(float(spread.max(initial=0)), 1e-300)
    return np.where(varies, rows / np.where(varies, spread, 1), 0)


def _rows(reference: Reference) -> NDArray:
    """What stands for its participants: (axes, features) whose second moment is the covariance that it kept."""
    return np.sqrt(reference.variances)[:, None] * reference.axes


def _principal(rows: NDArray, most_axes: int) -> tuple[NDArray, NDArray[np.float64]]:
    """Orthonormal axes (axes, features) of the second moment ``rows.T @ rows``, and the variances along them."""
    values, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    keep = np.flatnonzero(values > max(values[-1], 0) * _LEAST)[::-1][:most_axes]
    return (vectors[:, keep] / np.sqrt(values[keep])).T @ rows, values[keep]
