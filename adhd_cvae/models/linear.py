"""Linear models with a salient and a background space. One of them is where the network starts; each is one itself.

Voxels come standardised, (participants, voxels); every fit sees training participants only. Numpy and scikit-learn.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from adhd_cvae.config import LinearConfig
from adhd_cvae.models.directions import METHODS, second_moment
from adhd_cvae.models.ratio import Ratio

_USUAL = LinearConfig()


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
class LinearModel:
    """Salient and background space around the controls' mean."""

    salient: LinearSpace
    background: LinearSpace
    sites: np.ndarray | None = None
    """(sites, voxels) added to what is decoded of `known_sites`; None where the decoder takes no site."""


Fit = Callable[[np.ndarray], LinearModel]
"""Rows to the linear model that is fitted to them."""


def fit_linear(
    method: str | Ratio,
    voxels: np.ndarray,
    is_target: np.ndarray,
    salient: int,
    background: int,
    *,
    sites: Sequence[object] | np.ndarray | None = None,
    settings: LinearConfig = _USUAL,
    seed: int = 0,
) -> LinearModel:
    """Fit one of `METHODS`, or a `Ratio`.

    The salient codes come from the method's directions, turned and scaled so that patients' codes are uncorrelated
    with second moment one; of a ratio all but the first, which has second moment one too.

    Where a ratio borrows, patients' directions are sought around the controls' mean as `shrunk_mean` knows it, with the
    lenders'. All codes are around that of the controls alone.

    The background codes come from the PCA of *controls*, who cannot teach it what only patients have, and of a ratio's
    reference, in the ratio's weights: voxels are regressed on its axes and on the first salient directions' maps
    together, so that what those explain does not enter.

    Both decoders regress voxels on the codes of both spaces, the salient ones of controls set to zero.

    Parameters
    ----------
    voxels
        (n, voxels) standardised, training participants only.
    is_target
        (n,) bool.
    salient, background
        Units; where the data has fewer dimensions the rest are zero.
    sites
        (n,) scanning sites. Where given, no salient direction lies along a difference between them.
    settings
        Rank, floor and strength.
    seed
        Of ICA's start.
    """
    origin = voxels[~is_target].mean(axis=0)
    centred = voxels - origin
    lent = None
    if isinstance(method, Ratio) and method.reference is not None:
        lent = method.reference.mean - origin
    usual = {"sites": sites, "settings": settings, "seed": seed}
    encoder = salient_encoder(method, centred, is_target, salient, lent=lent, **usual)
    salient_codes = (centred @ encoder.T) * is_target[:, None]
    maps = _regression(salient_codes[is_target], centred[is_target])
    controls = centred[~is_target]
    if isinstance(method, Ratio):
        controls = method.background_rows(controls, settings.reference_rows * background)
    _, control_axes = principal_axes(controls)
    shared = _oblique_encoder(centred, control_axes[:background], maps[: settings.guarded])
    return decoded(origin, _pad(salient, encoder), _pad(background, shared), voxels, is_target)


def salient_encoder(
    method: str | Ratio,
    centred: np.ndarray,
    is_target: np.ndarray,
    salient: int,
    *,
    lent: np.ndarray | None = None,
    sites: Sequence[object] | np.ndarray | None = None,
    settings: LinearConfig = _USUAL,
    seed: int = 0,
) -> np.ndarray:
    """Encoder (units, voxels) of the salient space, as `fit_linear` has it, of voxels around the controls' mean.

    Units are at most `salient`, fewer where the data has fewer dimensions. `lent`, (voxels,), is the mean of those who
    lend, around the controls'.
    """
    usual = {"sites": sites, "settings": settings, "seed": seed}
    if not isinstance(method, Ratio):
        return encoder_of_whitened(method, centred, is_target, salient, **usual)
    lent = None if lent is None else method.whitened(lent)
    seen = method.whitened(centred)
    return method.whitened(encoder_of_whitened(method, seen, is_target, salient, lent=lent, **usual))


def encoder_of_whitened(
    method: str | Ratio,
    seen: np.ndarray,
    is_target: np.ndarray,
    salient: int,
    *,
    lent: np.ndarray | None = None,
    sites: Sequence[object] | np.ndarray | None = None,
    settings: LinearConfig = _USUAL,
    seed: int = 0,
) -> np.ndarray:
    """`salient_encoder` of voxels (n, voxels) that a ratio has whitened, for such voxels."""
    if sites is not None:
        _, maps = site_maps(seen, is_target, np.asarray(sites).astype(str), settings.smallest_site)
        seen, lent = without_sites(seen, maps), None if lent is None else without_sites(lent, maps)
    moved = seen
    if lent is not None:
        moved = seen - is_target[:, None] * shrunk_mean(seen[~is_target], lent)
    scores, axes = principal_axes(moved)
    units = max(min(salient, int(is_target.sum()) - 1, scores.shape[1]), 1)
    patients = seen[is_target] @ axes.T
    if not isinstance(method, Ratio):
        directions = METHODS[method](scores, is_target, units, settings, seed)
        return _uncorrelated(patients @ directions, directions).T @ axes
    # Made uncorrelated with the discriminant, on which those it was fitted to hardly differ, the others would be noise.
    directions = method.directions(scores, is_target, units, seen.shape[1])
    parts = [_uncorrelated(patients @ part, part) for part in (directions[:, :1], directions[:, 1:])]
    return np.hstack(parts).T @ axes


def with_salient_encoder(
    model: LinearModel, encoder: np.ndarray, voxels: np.ndarray, is_target: np.ndarray
) -> LinearModel:
    """Exchange the salient encoder (units, voxels), scaled and turned as `fit_linear` does, and decode anew."""
    codes = (voxels[is_target] - model.salient.origin) @ encoder.T
    turned = _pad(len(encoder), _uncorrelated(codes, encoder.T).T)
    return decoded(model.background.origin, turned, model.background.encoder, voxels, is_target)


def decoded(
    origin: np.ndarray, salient: np.ndarray, background: np.ndarray, voxels: np.ndarray, is_target: np.ndarray
) -> LinearModel:
    """Both encoders with decoders that regress voxels on the codes of both, the salient ones of controls zero."""
    centred = voxels - origin
    salient_codes = (centred @ salient.T) * is_target[:, None]
    decoder = _regression(np.column_stack([salient_codes, centred @ background.T]), centred)
    decoder = decoder.astype(np.float32)
    return LinearModel(
        LinearSpace(origin, salient, decoder[: len(salient)]),
        LinearSpace(origin, background, decoder[len(salient) :]),
    )


def folds_of(is_target: np.ndarray, folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows that are fitted and rows that are measured, (n,) bool each, both groups in proportion."""
    if min(is_target.sum(), (~is_target).sum()) < folds:
        everyone = np.ones(len(is_target), dtype=bool)
        return [(everyone, everyone)]
    rng = np.random.default_rng(seed)
    place = np.empty(len(is_target), dtype=int)
    for group in (is_target, ~is_target):
        place[group] = rng.permutation(np.arange(group.sum()) % folds)
    return [(place != fold, place == fold) for fold in range(folds)]


def fit_pca(voxels: np.ndarray, units: int) -> LinearSpace:
    """Principal components around the mean, scores of unit variance; missing components are zero."""
    origin = voxels.mean(axis=0)
    _, axes = principal_axes(voxels - origin)
    axes = axes[:units]
    spread = ((voxels - origin) @ axes.T).std(axis=0)
    return LinearSpace(origin, _pad(units, axes / spread[:, None]), _pad(units, axes * spread[:, None]))


def site_maps(
    voxels: np.ndarray, is_target: np.ndarray, sites: np.ndarray, smallest: int
) -> tuple[np.ndarray, np.ndarray]:
    """Names of sites, the small ones together as "", and the mean map of each one's controls, (sites, voxels).

    Sites are told apart within groups: what patients have beside is one map for all.
    """
    names, counts = np.unique(sites, return_counts=True)
    sites = np.where(np.isin(sites, names[counts < smallest]), "", sites)
    names = np.unique(sites)
    design = np.column_stack([is_target, *[sites == name for name in names]]).astype(float)
    return names, _regression(design, voxels)[1:]


def without_sites(centred: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Voxels (…, voxels) projected off what `site_maps` (sites, voxels) differ in."""
    _, axes = principal_axes(maps - maps.mean(axis=0))
    return centred - (centred @ axes.T) @ axes


def shrunk_mean(controls: np.ndarray, lent: np.ndarray) -> np.ndarray:
    """Mean of few controls (n, voxels), who are whitened and around it, shrunk towards the mean `lent`, (voxels,).

    James & Stein 1961, positive part: whatever the lenders' mean, its expected squared error is not above that of the
    controls' own. Where the two are no further apart than so few controls scatter, it is the lenders'; of other
    scanners, much further away, it stays where it was.
    """
    scatter = np.square(controls).sum() / (len(controls) * max(len(controls) - 1, 1))
    return lent * min(1.0, scatter / max(float(np.square(lent).sum()), np.finfo(float).tiny))


def _uncorrelated(codes: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Turn and scale directions so that these codes (n, units) have the identity as second moment, in their order."""
    triangle = np.linalg.qr(codes / np.sqrt(len(codes)), mode="r")
    kept = np.abs(np.diag(triangle)) > 1e-6 * np.abs(np.diag(triangle)).max(initial=0)
    inner = np.linalg.cholesky(second_moment(codes[:, kept]))
    return np.linalg.solve(inner, directions[:, kept].T).T


def principal_axes(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores (n, k) and orthonormal axes (k, voxels), by the small side of the matrix."""
    values, vectors = np.linalg.eigh(centred.astype(np.float64) @ centred.T)
    keep = values[::-1] > values[-1] * 1e-9
    lengths = np.sqrt(values[::-1][keep])
    scores = vectors[:, ::-1][:, keep] * lengths
    axes = (vectors[:, ::-1][:, keep] / lengths).T @ centred
    return scores, axes


def _regression(design: np.ndarray, voxels: np.ndarray) -> np.ndarray:
    """Coefficients (columns of the design, voxels) of least squares; a solver would go through it for every voxel."""
    return np.linalg.pinv(design, rtol=len(design) * np.finfo(float).eps) @ voxels


def _oblique_encoder(centred: np.ndarray, axes: np.ndarray, guarded: np.ndarray) -> np.ndarray:
    """Least squares on axes and `guarded` maps together, the guarded part dropped; codes of unit variance."""
    both = np.concatenate([axes, guarded])
    encoder = (np.linalg.pinv(both @ both.T, rcond=1e-12, hermitian=True) @ both)[: len(axes)]
    spread = (centred @ encoder.T).std(axis=0)
    return encoder / np.where(spread > 0, spread, 1)[:, None]


def _pad(units: int, matrix: np.ndarray) -> np.ndarray:
    """Rows of zeros up to `units`, float32."""
    missing = np.zeros((units - len(matrix), matrix.shape[1]))
    return np.concatenate([matrix, missing]).astype(np.float32)
