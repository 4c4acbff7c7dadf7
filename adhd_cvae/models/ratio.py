"""Directions of the largest ratio of patients' second moment to a covariance of controls that is shrunk.

Own controls are too few to say which variation is everybody's; what a reference knows of it takes part. Numpy alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adhd_cvae.models.reference_background import Borrowed

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Ratio:
    """How it is shrunk: (1 − `weight`) of own controls' covariance and `weight` of the other.

    Attributes
    ----------
    weight
        Above 0, at most 1.
    reference
        The other, in the coordinates of the participants that are fitted. None: the identity times own controls' mean
        variance, towards which Ledoit & Wolf 2004 (doi 10.1016/S0047-259X(03)00096-4) shrink.
    share
        Component of the reference, as a share of its participants, whose variance smaller ones are given.
    features
        How many the coordinates stand for, each of which has a variance; None: there are no more than coordinates.
    """

    weight: float
    reference: Borrowed | None = None
    share: float = 1.0
    features: int | None = None

    def whitened(self, coordinates: NDArray) -> Array:
        """Coordinates (n, coordinates) in which the other covariance is a multiple of the identity; symmetric."""
        return coordinates if self.reference is None else self.reference.whitened(coordinates, self.share)

    def background_rows(self, controls: NDArray, most: int) -> NDArray:
        """Controls (n, coordinates) and as many as `most` leading axes of the reference, (rows, coordinates).

        Their second moment is the mixed covariance, so that their principal axes are its.
        """
        if self.reference is None:
            return controls
        lengths = np.sqrt(self.weight * self.reference.variances[:most])
        own = np.sqrt((1 - self.weight) / len(controls)) * controls
        return np.vstack([own, lengths[:, None] * self.reference.axes[:most]])

    def directions(self, scores: Array, is_target: NDArray[np.bool_], units: int, coordinates: int) -> Array:
        """Fisher's discriminant, then leading generalised eigenvectors.

        The discriminant goes by the reference's covariance alone: that of the participants who are told apart makes
        them differ hardly at all along it, and new ones widely. Without a reference it is the shrunk one within groups.

        Parameters
        ----------
        scores
            (n, k) of whitened participants around the controls' mean, on orthonormal axes.
        units
            How many.
        coordinates
            In which there is a variance, beside those that the scores span.

        Returns
        -------
        numpy.ndarray
            (k, units)
        """
        patients, controls = scores[is_target], scores[~is_target]
        other = self._other(controls, coordinates) * np.eye(scores.shape[1])
        shared = patients.mean(axis=0) - controls.mean(axis=0)
        discriminant = shared  # where scores are whitened
        if self.reference is None:
            within = scores - np.where(is_target[:, None], patients.mean(axis=0), controls.mean(axis=0))
            discriminant = np.linalg.solve(self._mixed(within, other), shared)
        root = np.linalg.cholesky(self._mixed(controls, other))
        inner = np.linalg.solve(root, patients.T)
        ratios = np.linalg.svd(inner, full_matrices=False)[0][:, : units - 1]
        others = np.linalg.solve(root.T, ratios)
        return np.column_stack(
            [discriminant / np.linalg.norm(discriminant), others / np.linalg.norm(others, axis=0)]
        )

    def _other(self, controls: Array, coordinates: int) -> float:
        if self.reference is not None:
            return 1.0
        return max(float(np.square(controls).sum() / len(controls) / (self.features or coordinates)), 1e-12)

    def _mixed(self, rows: Array, other: Array) -> Array:
        return (1 - self.weight) * rows.T @ rows / len(rows) + self.weight * other

    def log_likelihoods(
        self, controls: NDArray, folds: Sequence[NDArray[np.integer]], weights: Sequence[float]
    ) -> Array:
        """Mean Gaussian log density of controls (n, coordinates), each fold's by the covariance of the others.

        Of what is borrowed along the axes whose variances are kept: off them a floor would be compared with others.

        Parameters
        ----------
        weights
            In place of its own.

        Returns
        -------
        numpy.ndarray
            (weights,)
        """
        if (reference := self.reference) is not None:
            kept = np.flatnonzero(reference.variances > reference.floor(self.share))
            controls = (controls @ reference.axes[kept].T) / np.sqrt(reference.variances[kept])
        total, size = np.zeros(len(weights)), controls.shape[1]
        for held in folds:
            fitted = np.delete(controls, held, axis=0)
            middle = fitted.mean(axis=0)
            fitted, asked = fitted - middle, controls[held] - middle
            total += _log_densities(asked, fitted, np.asarray(weights)[:, None], self._other(fitted, size))
        return total / len(controls)


def _log_densities(asked: NDArray, fitted: NDArray, weights: Array, other: float) -> Array:
    """Sum over those asked, less a constant, for each of weights (weights, 1); by the smaller side of the matrix."""
    sizes, vectors = np.linalg.eigh(fitted @ fitted.T)
    along = np.square((asked @ fitted.T) @ vectors).sum(axis=0)
    least, own = weights * other, (1 - weights) / len(fitted)
    mixed = least + own * np.maximum(
        sizes, 0
    )  # variances of the mixture where the fitted are, (weights, fitted)
    distance = (np.square(asked).sum() - (own * along / mixed).sum(axis=1)) / least[:, 0]
    determinant = np.log(mixed).sum(axis=1) + (asked.shape[1] - len(fitted)) * np.log(least[:, 0])
    return -(distance + len(asked) * determinant) / 2
