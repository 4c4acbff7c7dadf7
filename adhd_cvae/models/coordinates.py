"""Participants in few coordinates: on the axes that their features and a reference span, where fits cost little."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adhd_cvae.models.linear import principal_axes
from adhd_cvae.models.reference_background import Borrowed

_LEAST = 1e-4
"""Squared length of what a reference's axis adds, which is 1 where participants know nothing of it."""


class Coordinates(NamedTuple):
    """Where linear models are fitted.

    Attributes
    ----------
    axes
        (coordinates, features) orthonormal: the principal ones of the participants, then what a reference adds.
    values
        (n, coordinates) of the participants.
    reference
        In these coordinates; None without one.
    """

    axes: NDArray
    values: NDArray[np.float64]
    reference: Borrowed | None


def in_coordinates(centred: NDArray, reference: Borrowed | None = None) -> Coordinates:
    """Find them for features (n, features) around their mean; a `reference` is in those features."""
    scores, axes = principal_axes(centred)
    if reference is None:
        return Coordinates(axes, scores, None)
    known = axes.astype(reference.axes.dtype)
    along = reference.axes @ known.T
    added = reference.axes - along @ known
    values, vectors = np.linalg.eigh(
        np.eye(len(along)) - along.astype(np.float64) @ along.T
    )  # of added, by itself
    keep = np.flatnonzero(values > _LEAST)[::-1]
    lengths = np.sqrt(values[keep])
    others = (vectors[:, keep] / lengths).astype(added.dtype).T @ added
    padded = np.hstack([scores, np.zeros((len(scores), len(others)))])
    inside = np.hstack([along, vectors[:, keep] * lengths])
    every = np.vstack([axes, others])
    return Coordinates(every, padded, replace(reference, mean=every @ reference.mean, axes=inside))
