"""Linear discriminant analysis of voxels with a shrunk covariance, of which there are more than memory has room for."""

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf_shrinkage

from pipelines.benchmarks.separation.cohorts import SimulatedMaps


def discriminant_scores(cohort: SimulatedMaps) -> NDArray[np.float64]:
    """How much everybody looks like a patient, (n,), learnt from those not held out.

    As scikit-learn's ``LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")``: Ledoit & Wolf 2004 (doi
    10.1016/S0047-259X(03)00096-4) in each group, of standardised voxels; solved with as many unknowns as participants.
    """
    flat = cohort.images.reshape(len(cohort.images), -1)
    mask = np.flatnonzero(flat.mean(axis=0, dtype=np.float32) > cohort.image.mask_threshold)
    voxels, fitted = flat[:, mask].astype(np.float64), ~cohort.is_held_out
    diagonal, rows, means = np.zeros(len(mask)), [], []
    for group in (cohort.is_target, ~cohort.is_target):
        part = voxels[fitted & group]
        share = len(part) / fitted.sum()
        means.append(part.mean(axis=0))
        spread = np.maximum(part.std(axis=0), 1e-12)
        standard = (part - means[-1]) / spread
        shrinkage = ledoit_wolf_shrinkage(standard)
        diagonal += share * shrinkage * np.square(spread)  # times the mean variance, which is 1
        rows.append(np.sqrt(share * (1 - shrinkage) / len(part)) * standard * spread)
    # Woodbury: the covariance is this diagonal and the second moment of these rows.
    low, difference = np.vstack(rows), means[0] - means[1]
    over = low / diagonal
    inner = np.eye(len(low)) + over @ low.T
    weights = difference / diagonal - over.T @ np.linalg.solve(inner, over @ difference)
    return voxels @ weights
