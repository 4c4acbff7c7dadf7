"""Kernels between participants, and kernel ridge regression for thousands of arrangements of the outcomes."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist, squareform

_PENALTIES = np.logspace(-3, 3, 7)


def gaussian_kernel(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Gaussian kernel among the rows of (n, units), its width the median distance between two rows."""
    distances = pdist(np.asarray(values, np.float64), "sqeuclidean")
    positive = distances[distances > 0]
    width = 2 * float(np.median(positive)) if len(positive) else 1.0
    return np.exp(-squareform(distances) / width)


def split_kernels(
    train: NDArray[np.float64], test: NDArray[np.float64], probe: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Kernels train x train and test x train of features scaled by the training participants alone."""
    mean, spread = train.mean(axis=0), train.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    train, test = (train - mean) / spread, (test - mean) / spread
    if probe == "linear":
        return train @ train.T, test @ train.T
    distances = pdist(train, "sqeuclidean")
    width = float(np.median(distances)) if len(distances) else 0.0
    width = width if width > 0 else 1.0
    return np.exp(-cdist(train, train, "sqeuclidean") / width), np.exp(
        -cdist(test, train, "sqeuclidean") / width
    )


def ridge_predictions(
    train: NDArray[np.float64], test: NDArray[np.float64], outcomes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Kernel ridge with an intercept; each arrangement of the outcomes chooses its own penalty.

    The penalty (relative to the kernel's mean eigenvalue) minimises the leave-one-out error inside the
    training participants, which for ridge needs no refitting: residual / (1 - leverage).

    Parameters
    ----------
    train, test
        (n, n) and (m, n) kernels.
    outcomes
        (n, arrangements, columns); the columns of an arrangement share the penalty.

    Returns
    -------
    numpy.ndarray
        (m, arrangements, columns)
    """
    n, arrangements, columns = outcomes.shape
    column_means = train.mean(axis=0)
    centred = train - column_means - column_means[:, None] + column_means.mean()
    across = test - test.mean(axis=1, keepdims=True) - column_means + column_means.mean()
    values, vectors = np.linalg.eigh(centred)
    values = np.clip(values, 0.0, None)
    means = outcomes.mean(axis=0)
    rotated = vectors.T @ (outcomes - means).reshape(n, -1)
    best = np.full(arrangements, np.inf)
    predictions = np.zeros((len(test), arrangements, columns))
    for penalty in _PENALTIES * max(values.mean(), 1e-12):
        shrunk = values / (values + penalty)
        leverage = (vectors**2) @ shrunk + 1 / n
        fitted = (vectors @ (shrunk[:, None] * rotated)).reshape(outcomes.shape)
        left_out = (outcomes - means - fitted) / np.maximum(1 - leverage, 1e-6)[:, None, None]
        error = (left_out**2).sum(axis=(0, 2))
        better = error < best * (1 - 1e-12)
        weights = (vectors @ (rotated / (values + penalty)[:, None])).reshape(outcomes.shape)[:, better]
        predictions[:, better] = np.einsum("mn,nac->mac", across, weights, optimize=True)
        best[better] = error[better]
    return predictions + means
