"""Ways to find salient directions in scores of principal components around the controls' mean."""

import warnings
from collections.abc import Callable

import numpy as np
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning

from adhd_cvae.config import LinearConfig


def _contrastive_pca(
    scores: np.ndarray, is_target: np.ndarray, units: int, settings: LinearConfig, seed: int
) -> np.ndarray:
    """Directions (k, units) of much variation in patients and little in controls.

    Contrastive PCA (Abid et al. 2018, doi 10.1038/s41467-018-04608-8): leading eigenvectors of
    ``C_target − α C_background`` among the leading principal components. Both second moments are taken around the
    *controls'* mean: what patients share and controls lack is contrast too.
    """
    rank = min(max(round(settings.rank_share * len(scores)), units), scores.shape[1])
    target, background = (second_moment(scores[rows, :rank]) for rows in (is_target, ~is_target))
    directions = np.zeros((scores.shape[1], min(units, rank)))
    directions[:rank] = _leading(target - settings.alpha * background, units)
    return directions


def _contrast(
    scores: np.ndarray, is_target: np.ndarray, units: int, settings: LinearConfig, seed: int
) -> np.ndarray:
    """What patients share and controls lack, then what patients vary in and controls do not.

    The first direction is Fisher's linear discriminant, with the within-group covariance's small eigenvalues, which
    a sample underestimates, raised to that of component `floor_share` · n. The others are those on which contrastive
    PCAs of several ranks agree most: the leading eigenvectors of their projectors' mean.
    """
    within = scores.copy()
    for rows in (is_target, ~is_target):
        within[rows] -= within[rows].mean(axis=0)
    sizes, vectors = np.linalg.eigh(second_moment(within))
    floor = sizes[::-1][min(round(settings.floor_share * len(scores)), len(sizes) - 1)]
    shared = scores[is_target].mean(axis=0) - scores[~is_target].mean(axis=0)
    discriminant = vectors @ (vectors.T @ shared / np.maximum(sizes, max(floor, 1e-9 * sizes[-1])))
    found = [
        _contrastive_pca(
            *(scores, is_target, max(settings.agreeing_units, units - 1)),
            settings.model_copy(update={"rank_share": rank, "alpha": settings.agreeing_alpha}),
            seed,
        )
        for rank in settings.agreeing_ranks
    ]
    others = np.linalg.svd(np.column_stack(found), full_matrices=False)[0][:, : units - 1]
    return np.column_stack([discriminant / np.linalg.norm(discriminant), others])


def _pcpca(
    scores: np.ndarray, is_target: np.ndarray, units: int, settings: LinearConfig, seed: int
) -> np.ndarray:
    """Probabilistic contrastive PCA (Li, Jones & Engelhardt 2020, arXiv:2012.07977): its maximum likelihood.

    Loadings are the leading eigenvectors of ``n C_target − γ m C_background``, with γ below n / m.
    """
    targets, backgrounds = is_target.sum(), (~is_target).sum()
    weight = settings.pcpca_share * targets / backgrounds
    contrast = targets * second_moment(scores[is_target])
    return _leading(contrast - weight * backgrounds * second_moment(scores[~is_target]), units)


def _pca(
    scores: np.ndarray, is_target: np.ndarray, units: int, settings: LinearConfig, seed: int
) -> np.ndarray:
    """Those of the leading principal components in which patients exceed controls most."""
    rank = max(round(settings.rank_share * len(scores)), units)
    return _most_contrast(scores, is_target, np.eye(scores.shape[1])[:, :rank], units)


def _ica(
    scores: np.ndarray, is_target: np.ndarray, units: int, settings: LinearConfig, seed: int
) -> np.ndarray:
    """Independent components (Hyvärinen 1999, doi 10.1109/72.761722) in which patients exceed controls most."""
    rank = min(max(round(settings.rank_share * len(scores)), units), scores.shape[1] - 1)
    ica = FastICA(rank, whiten="unit-variance", max_iter=500, tol=1e-3, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # nearly converged components serve as well
        ica.fit(scores)
    return _most_contrast(scores, is_target, ica.components_.T, units)


Method = Callable[[np.ndarray, np.ndarray, int, LinearConfig, int], np.ndarray]
METHODS: dict[str, Method] = {
    "contrast": _contrast,
    "contrastive_pca": _contrastive_pca,
    "pcpca": _pcpca,
    "pca": _pca,
    "ica": _ica,
}
"""Scores (n, k) of principal components around the controls' mean, groups, units, settings, seed to directions."""


def _most_contrast(
    scores: np.ndarray, is_target: np.ndarray, directions: np.ndarray, units: int
) -> np.ndarray:
    """The `units` columns with the largest ratio of patients' to controls' second moment."""
    target, background = (
        np.square(scores[rows] @ directions).mean(axis=0) for rows in (is_target, ~is_target)
    )
    return directions[:, np.argsort(-target / np.maximum(background, 1e-12), kind="stable")[:units]]


def second_moment(scores: np.ndarray) -> np.ndarray:
    """Of scores (n, k) around zero: (k, k)."""
    return scores.T @ scores / len(scores)


def _leading(symmetric: np.ndarray, units: int) -> np.ndarray:
    """Eigenvectors (k, units) of the largest eigenvalues."""
    return np.linalg.eigh(symmetric)[1][:, ::-1][:, :units]
