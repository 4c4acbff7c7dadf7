"""How well a reference describes participants that it has not met: whether it fits a cohort. Numpy alone."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adhd_cvae.models.linear import principal_axes
from adhd_cvae.models.reference_background import Reference

_LEAST = 1e-3
"""Share that axes are taken to leave at least: with as many as participants they leave nothing of these."""


class Explained(NamedTuple):
    """Shares of the variance of controls that equally many axes explain.

    Attributes
    ----------
    own
        By the principal axes of the other half of the controls.
    borrowed
        By the reference's first ones.
    """

    own: float
    borrowed: float


def unexplained(reference: Reference, values: NDArray, sites: NDArray) -> NDArray[np.float64]:
    """What the reference's axes leave of each participant, as a share: (n,), NaN of whoever is alone at a site.

    Parameters
    ----------
    values
        (n, values) as the reference was learnt from.
    sites
        (n,) scanning sites, around whose means they are taken.
    """
    standard = _standard(reference, values, sites)
    taken = np.square(standard @ reference.axes.T).sum(axis=1)
    whole = np.square(standard).sum(axis=1)
    return np.where(whole > 0, 1 - taken / np.where(whole > 0, whole, 1), np.nan)


def explained(reference: Reference, controls: NDArray, sites: NDArray) -> Explained:
    """Compare the reference with what each half of the controls (n, values) says of the other.

    Each half is taken around the means of its own sites: around those of everybody one half would be what the other is
    not, and tell too much of it.
    """
    half = np.zeros(len(controls), int)
    for site in np.unique(sites):
        half[sites == site] = np.arange((sites == site).sum()) % 2
    parts = [_standard(reference, controls[half == one], sites[half == one]) for one in (0, 1)]
    found = np.zeros(2)
    for asked, others in (parts, parts[::-1]):
        own = principal_axes(others)[1]
        most = min(len(own), len(reference.axes))
        found += [np.square(asked @ axes[:most].T).sum() for axes in (own, reference.axes)]
    return Explained(*map(float, found / sum(np.square(part).sum() for part in parts)))


def look_like_members(
    reference: Reference, values: NDArray, sites: NDArray, is_target: NDArray[np.bool_]
) -> tuple[int, int]:
    """Count controls and patients whose maps the axes hold as they hold those that they were learnt from.

    That is where the share that they leave is nearer, as a ratio, to what they leave of their own participants than to
    what they leave of most patients, who are not among healthy participants of anybody's.

    Parameters
    ----------
    values
        (n, values) as the reference was learnt from.
    sites
        (n,) scanning sites.
    is_target
        (n,) bool.
    """
    left, of_members = unexplained(reference, values, sites), max(1 - reference.explained, _LEAST)
    nearer = left < np.sqrt(of_members * max(float(np.nanmedian(left[is_target])), _LEAST))
    return int(nearer[~is_target].sum()), int(nearer[is_target].sum())


def common(reference: Reference, mask: NDArray[np.integer]) -> float:
    """Share of a mask's values that the reference has."""
    return float(np.isin(mask, reference.columns).mean())


def _standard(reference: Reference, values: NDArray, sites: NDArray) -> NDArray[np.float32]:
    """Values around the means of their sites, over the reference's spread."""
    within = values[:, reference.columns].astype(np.float32)
    for site in np.unique(sites):
        within[sites == site] -= within[sites == site].mean(axis=0)
    varies = reference.spread > 0
    return np.where(varies, within / np.where(varies, reference.spread, 1), 0).astype(np.float32)
