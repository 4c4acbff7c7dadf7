"""Participants in few coordinates: on the axes that their features and a reference span, where fits cost little."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adhd_cvae.models.linear import principal_axes
from adhd_cvae.models.reference_background import Borrowed

_LEAST = 1e-6
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
    added = reference.axes - (reference.axes @ axes.T) @ axes
    values, vectors = np.linalg.eigh((added @ added.T).astype(np.float64))
    keep = np.flatnonzero(values > _LEAST)[::-1]
    others = (vectors[:, keep] / np.sqrt(values[keep])).T @ added
    joined = np.vstack([axes, others])
    padded = np.hstack([scores, np.zeros((len(scores), len(others)))])
    return Coordinates(joined, padded, reference.within(joined))
