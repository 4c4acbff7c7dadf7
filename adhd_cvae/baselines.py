"""Linear latents: PCA, and contrastive PCA, which is also where the network starts. Numpy only.

Voxels come standardised, (participants, voxels); every fit sees training participants only.
"""

from dataclasses import dataclass

import numpy as np

SHARES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
"""Candidate ranks, as shares of the training participants."""
ALPHAS = (10.0, 50.0)
"""Candidate contrast strengths."""
FOLDS = 5
GUARD = 2
"""The background space keeps clear of this many times the salient units."""


@dataclass(frozen=True)
class LinearSpace:
    """A linear encoder and decoder: ``codes = (voxels − origin) @ encoder.T``, ``voxels ≈ origin + codes @ decoder``.

    Attributes
    ----------
    origin
        (voxels,)
    encoder, decoder
        (units, voxels)
    """

    origin: np.ndarray
    encoder: np.ndarray
    decoder: np.ndarray

    def embed(self, voxels: np.ndarray) -> np.ndarray:
        """Codes of (n, voxels): (n, units) float32."""
        return ((voxels - self.origin) @ self.encoder.T).astype(np.float32)


@dataclass(frozen=True)
class ContrastiveSpaces:
    """Salient and background linear spaces around the controls' mean, and how they were chosen."""

    salient: LinearSpace
    background: LinearSpace
    rank: int
    alpha: float


def fit_pca(voxels: np.ndarray, units: int) -> LinearSpace:
    """Principal components around the mean, scores of unit variance; missing components are zero."""
    origin = voxels.mean(axis=0)
    _, axes = _principal_axes(voxels - origin)
    return _orthogonal_space(origin, voxels, axes[:units], units)


def fit_contrastive_pca(
    voxels: np.ndarray, is_target: np.ndarray, salient: int, background: int, seed: int
) -> ContrastiveSpaces:
    """Directions of much variation in patients and little in controls.

    Contrastive PCA (Abid et al. 2018, doi 10.1038/s41467-018-04608-8): leading eigenvectors of
    ``C_target − α C_background`` among the first `rank` principal components. Both second moments are taken around
    the *controls'* mean: what patients share and controls lack is contrast too. Rank and α are those whose
    directions keep the largest log ratio of second moments in held-out training participants.

    The background space is the PCA of *controls*, who cannot teach it what only patients have. Its codes come from
    regressing voxels on its axes and on the maps of `GUARD` times as many contrastive directions together, so that
    what those maps explain does not enter; more than the salient ones, because those are not estimated exactly.

    Parameters
    ----------
    voxels
        (n, voxels) standardised, training participants only.
    is_target
        (n,) bool.
    salient, background
        Units; where the data has fewer dimensions the rest are zero.
    """
    share, alpha = _choose(voxels, is_target, salient, seed)
    origin = voxels[~is_target].mean(axis=0)
    centred = voxels - origin
    scores, axes = _principal_axes(centred)
    rank = _rank(share, len(voxels), salient)
    directions = _contrastive_directions(scores[:, :rank], is_target, alpha, GUARD * salient)
    encoder = directions.T @ axes[:rank]
    codes = centred[is_target] @ encoder.T
    spread = np.sqrt(np.mean(codes**2, axis=0))
    maps = np.linalg.lstsq(codes[:, :salient] / spread[:salient], centred[is_target], rcond=None)[0]
    salient_space = LinearSpace(origin, *_pad(salient, (encoder / spread[:, None])[:salient], maps))
    guarded = np.linalg.lstsq(codes / spread, centred[is_target], rcond=None)[0]
    _, axes = _principal_axes(centred[~is_target])
    background_space = _oblique_space(origin, voxels, axes[:background], guarded, background)
    return ContrastiveSpaces(salient_space, background_space, rank, alpha)


def _principal_axes(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores (n, k) and orthonormal axes (k, voxels), by the small side of the matrix."""
    values, vectors = np.linalg.eigh(centred.astype(np.float64) @ centred.T)
    keep = values[::-1] > values[-1] * 1e-9
    lengths = np.sqrt(values[::-1][keep])
    scores = vectors[:, ::-1][:, keep] * lengths
    axes = (vectors[:, ::-1][:, keep] / lengths).T @ centred
    return scores, axes


def _orthogonal_space(origin: np.ndarray, voxels: np.ndarray, axes: np.ndarray, units: int) -> LinearSpace:
    """Orthonormal axes (k, voxels), scaled so that the scores of `voxels` have unit variance."""
    spread = ((voxels - origin) @ axes.T).std(axis=0)
    return LinearSpace(origin, *_pad(units, axes / spread[:, None], axes * spread[:, None]))


def _oblique_space(
    origin: np.ndarray, voxels: np.ndarray, axes: np.ndarray, guarded: np.ndarray, units: int
) -> LinearSpace:
    """Axes (k, voxels) whose codes ignore the `guarded` maps: least squares on both, the guarded part dropped."""
    both = np.concatenate([axes, guarded])
    encoder = np.linalg.solve(both @ both.T, both)[: len(axes)]
    spread = ((voxels - origin) @ encoder.T).std(axis=0)
    return LinearSpace(origin, *_pad(units, encoder / spread[:, None], axes * spread[:, None]))


def _pad(units: int, *matrices: np.ndarray) -> list[np.ndarray]:
    """Rows of zeros up to `units`, float32."""
    return [
        np.concatenate([matrix, np.zeros((units - len(matrix), matrix.shape[1]))]).astype(np.float32)
        for matrix in matrices
    ]


def _rank(share: float, participants: int, salient: int) -> int:
    return max(min(round(share * participants), participants - 2), min(salient, participants - 2), 1)


def _contrastive_directions(
    scores: np.ndarray, is_target: np.ndarray, alpha: float, units: int
) -> np.ndarray:
    """Leading eigenvectors (rank, units) of the contrast of second moments."""
    target, background = scores[is_target], scores[~is_target]
    contrast = target.T @ target / len(target) - alpha * background.T @ background / len(background)
    return np.linalg.eigh(contrast)[1][:, ::-1][:, :units]


def _choose(voxels: np.ndarray, is_target: np.ndarray, salient: int, seed: int) -> tuple[float, float]:
    """Share and α with the largest held-out contrast; the middle ones where a group is too small to fold."""
    if min(is_target.sum(), (~is_target).sum()) < 2 * FOLDS or salient == 0:
        return 0.3, ALPHAS[-1]
    contrast = np.zeros((len(SHARES), len(ALPHAS)))
    for held_out in _folds(is_target, seed):
        fitted = ~held_out
        origin = voxels[fitted & ~is_target].mean(axis=0)
        scores, axes = _principal_axes(voxels[fitted] - origin)
        new_scores = (voxels[held_out] - origin) @ axes.T
        for row, share in enumerate(SHARES):
            rank = _rank(share, int(fitted.sum()), salient)
            for column, alpha in enumerate(ALPHAS):
                directions = _contrastive_directions(scores[:, :rank], is_target[fitted], alpha, salient)
                contrast[row, column] += _log_ratio(new_scores[:, :rank] @ directions, is_target[held_out])
    row, column = np.unravel_index(contrast.argmax(), contrast.shape)
    return SHARES[row], ALPHAS[column]


def _folds(is_target: np.ndarray, seed: int) -> list[np.ndarray]:
    """Held-out masks, both groups in proportion."""
    rng = np.random.default_rng(seed)
    fold = np.empty(len(is_target), dtype=int)
    for group in (True, False):
        rows = np.flatnonzero(is_target == group)
        fold[rng.permutation(rows)] = np.arange(len(rows)) % FOLDS
    return [fold == number for number in range(FOLDS)]


def _log_ratio(codes: np.ndarray, is_target: np.ndarray) -> float:
    """Half the log determinant ratio of the groups' second moments: how far patients spread beyond controls."""
    moments = [codes[rows].T @ codes[rows] / rows.sum() for rows in (is_target, ~is_target)]
    return 0.5 * float(np.linalg.slogdet(moments[0])[1] - np.linalg.slogdet(moments[1])[1])
