"""Pairwise dissimilarities of participants: in a space, and by a variable."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from adhd_cvae.analysis.variables import Scale


def latent_dissimilarity(latents: NDArray[np.floating]) -> NDArray[np.float64]:
    """Euclidean distances between the rows of an (n, units) array, as a symmetric (n, n) one."""
    return squareform(pdist(np.asarray(latents, np.float64)))


def model_dissimilarity(numbers: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Pairwise (n, n) model of a variable: absolute difference (ratio), or unequal = 1 (nominal)."""
    difference = np.abs(numbers[:, None] - numbers[None, :])
    return difference if scale == "ratio" else (difference > 0).astype(np.float64)


def without_rounding_error(dissimilarity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale to 1 and round to twelve digits: 7.3 - 7.1 and 7.5 - 7.3 become the tie that they are."""
    largest = float(dissimilarity.max(initial=0.0))
    return np.round(dissimilarity / largest, 12) if largest > 0 else dissimilarity
