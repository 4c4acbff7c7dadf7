"""Healthy anatomy learnt elsewhere: mean, spread, principal axes and their variances, and no participant. Numpy alone.

Second moments are taken within sites, so that what scanners differ in is not anatomy. They come from the participants'
Gram matrix, in blocks of features, which is exact and needs the memory of a block and of the axes.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adhd_cvae.errors import InputError

_BLOCK = 4096
"""Features that are in memory at once."""
_LEAST = 1e-9
_ROUNDING = 1e-6
"""Share of the largest eigenvalue of a Gram matrix of numbers of single precision below which there is no axis."""


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

    def explained_of(self, values: NDArray) -> float:
        """Share of one participant's squared distance from the mean, of its values (size,), that the axes hold."""
        standard = _over(values[self.columns] - self.mean, self.spread)
        return float(np.square(self.axes @ standard).sum() / np.square(standard).sum())


@dataclass(frozen=True)
class Moments:
    """What is known of participants before any axis is: mean, spread, and their Gram matrix.

    Attributes
    ----------
    names
        (n,) numbers of their sites.
    gram
        (n, n) inner products of their features over the spread, around their sites' means.
    """

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    gram: NDArray[np.float64]
    names: NDArray[np.integer]
    columns: NDArray[np.integer]

    @property
    def freedom(self) -> int:
        """Participants less sites."""
        return len(self.names) - len(np.unique(self.names))

    @property
    def blocks(self) -> list[slice]:
        """Features that are in memory at once."""
        return [slice(start, start + _BLOCK) for start in range(0, len(self.columns), _BLOCK)]


def moments_of(
    values: NDArray,
    sites: Sequence[object] | NDArray | None = None,
    columns: NDArray[np.integer] | None = None,
    tick: Callable[[int, int], None] = lambda done, total: None,
) -> Moments:
    """Take them, as `fit_reference`, in one pass over the features; `tick` hears of every block."""
    count = len(values)
    columns = np.arange(values.shape[1]) if columns is None else columns
    labels = np.zeros(count, int) if sites is None else np.asarray(sites).astype(str)
    names = np.unique(labels, return_inverse=True)[1]
    found = Moments(np.zeros(len(columns)), np.zeros(len(columns)), np.zeros((count, count)), names, columns)
    for number, block in enumerate(blocks := found.blocks):
        tick(number, len(blocks))
        part = values[:, columns[block]]
        found.mean[block] = part.mean(axis=0, dtype=np.float64)
        within = _within_sites(part, names)
        found.spread[block] = np.sqrt(np.square(within).sum(axis=0, dtype=np.float64) / found.freedom)
        standard = _over(within, found.spread[block].astype(np.float32))
        found.gram[:] += standard @ standard.T
    return found


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
    return reference_of(values, moments_of(values, sites, columns), most_axes)


def reference_of(
    values: NDArray,
    moments: Moments,
    most_axes: int,
    tick: Callable[[int, int], None] = lambda done, total: None,
) -> Reference:
    """Find the axes of values (n, values) whose moments were taken; `tick` hears of every block."""
    spread, columns, freedom = moments.spread, moments.columns, moments.freedom
    lengths, vectors = np.linalg.eigh(moments.gram)
    keep = np.flatnonzero(lengths > max(lengths[-1], 0) * _ROUNDING)[::-1][: min(most_axes, freedom)]
    turn = (vectors[:, keep] / np.sqrt(lengths[keep])).astype(np.float32)
    axes = np.zeros((len(keep), len(columns)), np.float32)
    for number, block in enumerate(blocks := moments.blocks):
        tick(number, len(blocks))
        within = _within_sites(values[:, columns[block]], moments.names)
        axes[:, block] = turn.T @ _over(within, spread[block].astype(np.float32))
    counts = (len(values), freedom)
    return Reference(moments.mean, spread, axes, lengths[keep] / freedom, *counts, columns, values.shape[1])


def truncated(reference: Reference, axes: int) -> Reference:
    """Keep the first axes alone."""
    return replace(reference, axes=reference.axes[:axes], variances=reference.variances[:axes])


def merge_references(
    references: Sequence[Reference], *, most_axes: int = 800, least_common: float = 0.95
) -> Reference:
    """Put together what was learnt apart, of the features that all have; nobody's data is needed.

    Count, mean, spread and total variance are exact. The axes are those of the moments that the parts kept, each
    weighted by its participants; what they had cut off stays cut off.

    Parameters
    ----------
    least_common
        Share of each part's features that all must have: masks of two cohorts differ at the brain's edge.

    Raises
    ------
    InputError
        They have fewer in common, or the values of a participant are not as many.
    """
    columns = references[0].columns
    for one in references[1:]:
        columns = np.intersect1d(columns, one.columns, assume_unique=True)
    size = references[0].size
    if any(one.size != size or len(columns) < least_common * len(one.columns) for one in references):
        found = ", ".join(f"{len(one.columns)} of {one.size}" for one in references)
        raise InputError(
            f"the references have other features ({found}; {len(columns)} in common, expected {least_common:.0%} of "
            "each): learn them on one grid with one mask."
        )
    parts = [(one, np.searchsorted(one.columns, columns)) for one in references]
    freedom = sum(one.freedom for one in references)
    count = sum(one.count for one in references)
    mean = np.sum([one.count / count * one.mean[places] for one, places in parts], axis=0)
    squares = [one.freedom / freedom * np.square(one.spread[places]) for one, places in parts]
    spread = np.sqrt(np.sum(squares, axis=0))
    rows = [
        np.sqrt(one.freedom / freedom) * _over((_rows(one) * one.spread)[:, places], spread)
        for one, places in parts
    ]
    axes, variances = _principal(np.vstack(rows), most_axes)
    return Reference(mean, spread, axes.astype(np.float32), variances, count, freedom, columns, size)


@dataclass(frozen=True)
class Borrowed:
    """A reference in the coordinates in which a cohort is given.

    Attributes
    ----------
    mean
        (coordinates,) of everybody.
    axes
        (axes, coordinates) orthonormal.
    variances
        (axes,) decreasing.
    count
        Participants of the reference.
    features
        How many the coordinates stand for.
    """

    mean: NDArray[np.floating]
    axes: NDArray[np.floating]
    variances: NDArray[np.float64]
    count: int
    features: int

    def floor(self, share: float) -> float:
        """Variance of component `share` · count, which smaller ones and whatever lies off the axes are given."""
        return float(self.variances[min(round(share * self.count), len(self.variances) - 1)])

    def whitened(self, coordinates: NDArray, share: float) -> NDArray[np.float64]:
        """Coordinates (…, coordinates) times the inverse root of the floored covariance, which is symmetric."""
        off = 1 / np.sqrt(self.floor(share))
        along = 1 / np.sqrt(np.maximum(self.variances, self.floor(share))) - off
        return ((coordinates @ self.axes.T) * along) @ self.axes + coordinates * off


def borrowed(reference: Reference, columns: NDArray[np.integer], mean: NDArray, spread: NDArray) -> Borrowed:
    """Bring a reference to features around a cohort's own `mean`, standardised by its `spread`.

    Parameters
    ----------
    columns
        (features,) which of a participant's values the cohort's features are; the reference has all of them.
    mean, spread
        (features,) the cohort's.
    """
    places = np.searchsorted(reference.columns, columns)
    ratio = np.sqrt(reference.variances)[:, None] * _over(reference.spread[places], spread)
    rows = (reference.axes[:, places] * ratio).astype(np.float32)
    theirs = _over(reference.mean[places] - mean, spread)
    return Borrowed(theirs, *_principal(rows, len(rows)), reference.count, len(columns))


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
    least = _LEAST if rows.dtype == np.float64 else _ROUNDING
    keep = np.flatnonzero(values > max(values[-1], 0) * least)[::-1][:most_axes]
    return (vectors[:, keep] / np.sqrt(values[keep])).T @ rows, values[keep]
