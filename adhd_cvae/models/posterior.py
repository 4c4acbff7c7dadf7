"""How far codes are from what a map would say without noise: the posterior's spread, in closed form.

In the linear-Gaussian model ``x = origin + W h + e`` with codes ``E (x − origin)``, where ``E W`` is the identity, the
code's error is ``E e``, with variance ``E Ψ Eᵀ`` (Bishop 2006, Pattern Recognition and Machine Learning, 2.3.3). For z,
``e`` is what no unit explains. For s it is all of the background too, so its error is what s reads in controls, who
have none. Both are taken from participants that a fit has not seen: in those fitted s is near 0 by construction.
"""

from typing import NamedTuple

import numpy as np

from adhd_cvae.models.linear import Fit, LinearModel, folds_of


class CodeError(NamedTuple):
    """What makes codes err."""

    residual: float
    """Mean squared residual of a voxel, in participants that no fit has seen."""
    along: float
    """Variance of that residual along a direction in which it varies: tr Ψ² / tr Ψ."""
    salient: np.ndarray
    """(units,) second moment of controls' salient codes."""


def code_error(
    fit: Fit, voxels: np.ndarray, is_target: np.ndarray, *, folds: int, seed: int, size: int | None = None
) -> CodeError:
    """Measure it in folds, each held out once; in those fitted where a group is smaller than `folds`.

    Parameters
    ----------
    fit
        Fits rows of `voxels`.
    voxels
        (n, voxels) standardised; scores on orthonormal axes that span them serve as well.
    is_target
        (n,) bool.
    size
        Voxels that `voxels` stand for, where these are scores.
    """
    found = [
        _measured(fit(np.flatnonzero(fitted)), voxels[measured], is_target[measured])
        for fitted, measured in folds_of(is_target, folds, seed)
    ]
    squares, products, salient = (np.mean(part, axis=0) for part in zip(*found, strict=True))
    size = size or voxels.shape[1]
    return CodeError(float(squares / size), float(products / max(squares, 1e-12)), salient)


def posterior_variance(model: LinearModel, error: CodeError) -> tuple[np.ndarray, np.ndarray]:
    """Variance of each unit's posterior, the same for everybody: of s, of z, whose codes have variance 1 themselves."""
    background = error.along * np.square(model.background.encoder, dtype=float).sum(axis=1)
    return error.salient, np.minimum(background, 1.0)


def _measured(
    model: LinearModel, voxels: np.ndarray, is_target: np.ndarray
) -> tuple[float, float, np.ndarray]:
    """Squared length of the residual, mean squared product of two participants' residuals, second moments of s."""
    centred = voxels - model.background.origin
    salient, background = centred @ model.salient.encoder.T, centred @ model.background.encoder.T
    residual = centred - background @ model.background.decoder
    residual -= (salient * is_target[:, None]) @ model.salient.decoder
    products = residual @ residual.T
    squares = np.trace(products) / len(products)
    others = (np.square(products).sum() - np.square(np.diag(products)).sum()) / max(
        len(products) * (len(products) - 1), 1
    )
    return squares, others, np.square(salient[~is_target]).mean(axis=0)
