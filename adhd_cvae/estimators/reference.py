"""Healthy anatomy, learnt elsewhere, as a scikit-learn estimator."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from adhd_cvae.config import ImageConfig
from adhd_cvae.errors import InputError
from adhd_cvae.estimators.inputs import Maps, features_of, sites_of
from adhd_cvae.models.reference_background import Reference, fit_reference, merge_references
from adhd_cvae.models.reference_file import load_reference, save_reference

FLOATS = [np.float32, np.float64]


class ReferenceBackground(BaseEstimator):
    """Healthy anatomy: mean, spread, principal axes and their variances, learnt within sites.

    Parameters
    ----------
    most_axes
        Kept of the principal axes.
    least_participants
        Below which nothing is learnt: a covariance of fewer is no better than a clinic's own.
    image
        Grid that NIfTI files are brought onto; None: `ImageConfig`'s own.

    Attributes
    ----------
    reference_
        What was learnt.
    n_features_in_
        Values a participant has.
    """

    n_features_in_: int

    def __init__(
        self, most_axes: int = 800, least_participants: int = 200, image: ImageConfig | None = None
    ) -> None:
        self.most_axes = most_axes
        self.least_participants = least_participants
        self.image = image

    def fit(self, X: Maps, y: object = None, sites: ArrayLike | None = None) -> Self:
        """Learn it.

        Parameters
        ----------
        X
            (n, features) of healthy participants, or `Maps`.
        y
            Nothing; there for scikit-learn.
        sites
            (n,) scanning sites: what they differ in is not anatomy.

        Raises
        ------
        ValueError
            There are fewer than `least_participants`, or as many sites as participants.
        """
        found = features_of(X, self.image or ImageConfig()).values
        values: NDArray = cast("Any", validate_data)(self, found, dtype=FLOATS, ensure_min_samples=2)
        if len(values) < self.least_participants:
            raise InputError(
                f"n_samples = {len(values)} healthy participants, and a reference takes at least "
                f"{self.least_participants} (least_participants)."
            )
        self.reference_ = fit_reference(values, sites_of(sites, len(values)), most_axes=self.most_axes)
        return self

    def merge(self, others: Sequence["ReferenceBackground"]) -> "ReferenceBackground":
        """Put this and others, learnt elsewhere of the same features, together; without anybody's data."""
        merged = ReferenceBackground(**self.get_params())
        merged.reference_ = merge_references(
            [one.reference_ for one in (self, *others)], most_axes=self.most_axes
        )
        merged.n_features_in_ = merged.reference_.size
        return merged

    def save(self, folder: Path | str) -> None:
        """Write ``reference.safetensors`` and ``reference.json``."""
        check_is_fitted(self)
        save_reference(self.reference_, Path(folder), {})

    @classmethod
    def load(cls, folder: Path | str) -> "ReferenceBackground":
        """Read what `save` wrote, or ``adhd-cvae background``."""
        loaded = cls()
        loaded.reference_, _ = load_reference(Path(folder))
        loaded.n_features_in_ = loaded.reference_.size
        return loaded


Lender = ReferenceBackground | Path | str
"""Healthy anatomy, or the folder in which it was saved."""


def merged_reference(given: Sequence[Lender], features: int) -> Reference | None:
    """What may be borrowed for so many features; None where nothing is given.

    Raises
    ------
    InputError
        One is of other features, or not in its folder.
    """
    lenders = [
        one if isinstance(one, ReferenceBackground) else ReferenceBackground.load(one) for one in given
    ]
    for one in lenders:
        check_is_fitted(one)
        if one.n_features_in_ != features:
            raise InputError(
                f"a reference has {one.n_features_in_} features and X has {features}: learn it on the same ones."
            )
    return merge_references([one.reference_ for one in lenders]) if lenders else None
