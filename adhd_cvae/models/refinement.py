"""The linear solution that a network starts from: salient codes without the background that they read.

A salient direction is chosen where the controls it was fitted to vary little; the background of others it reads all the
same. How much of that follows from their background codes is learnt from controls held out of the fit, and taken
away. As a regression on nuisance variables it leaves what patients alone have.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from sklearn.linear_model import RidgeCV

from adhd_cvae.config import ModelConfig
from adhd_cvae.models.linear import (
    LinearModel,
    LinearSpace,
    decoded,
    fit_linear,
    fit_pca,
    folds_of,
    salient_encoder,
    site_maps,
    with_salient_encoder,
    without_sites,
)
from adhd_cvae.models.ratio import Ratio
from adhd_cvae.models.sites import known_sites, site_columns

_PENALTIES = np.logspace(0, 5, 16)


def linear_solution(
    config: ModelConfig,
    voxels: np.ndarray,
    is_target: np.ndarray,
    seed: int,
    sites: np.ndarray | None,
    method: str | Ratio | None = None,
) -> LinearModel:
    """Fit the linear model of both spaces; of a plain VAE the principal components, without a salient space.

    Where the decoder is conditioned on sites it has their maps, and no encoder reads what these differ in.

    Parameters
    ----------
    voxels
        (n, voxels) standardised; scores on orthonormal axes that span them serve as well.
    is_target
        (n,) bool.
    sites
        (n,) scanning sites, where known.
    method
        In place of the configuration's start; a ratio reads no more background than its reference leaves in it, and
        is taken as it is.
    """
    if sites is not None and (names := known_sites(config, sites)):
        return _conditioned(config, voxels, is_target, seed, sites, names, method)
    if not config.salient:
        components = fit_pca(voxels, config.background)
        nothing = np.zeros((0, voxels.shape[1]), np.float32)
        return LinearModel(LinearSpace(components.origin, nothing, nothing), components)
    start, folds = method or config.start, config.linear.background_folds
    usual = {"settings": config.linear, "seed": seed}
    model = fit_linear(start, voxels, is_target, config.salient, config.background, sites=sites, **usual)
    if start != "contrast" or not folds:
        return model

    def salient_codes(rows: np.ndarray) -> np.ndarray:
        origin = voxels[rows & ~is_target].mean(axis=0)
        known, part = None if sites is None else sites[rows], voxels[rows] - origin
        encoder = salient_encoder(start, part, is_target[rows], config.salient, sites=known, **usual)
        return (voxels - origin) @ encoder.T

    return without_background(model, salient_codes, voxels, is_target, folds=folds, seed=seed)


def _conditioned(
    config: ModelConfig,
    voxels: np.ndarray,
    is_target: np.ndarray,
    seed: int,
    sites: np.ndarray,
    names: tuple[str, ...],
    method: str | Ratio | None,
) -> LinearModel:
    """Encoders of voxels projected off what sites differ in; decoders of voxels without the sites' maps, and these."""
    every, maps = site_maps(voxels, is_target, sites.astype(str), config.linear.smallest_site)
    plain = config.model_copy(update={"condition_on_site": False})
    found = linear_solution(plain, without_sites(voxels, maps), is_target, seed, None, method)
    origin = found.background.origin
    effects = maps[np.isin(every, names)] - origin
    freed = voxels - site_columns(sites, names, len(voxels)) @ effects
    # A reference's axes may lie along what sites differ in; without one nothing of the encoders does.
    salient, background = (without_sites(one.encoder, maps) for one in (found.salient, found.background))
    return replace(decoded(origin, salient, background, freed, is_target), sites=effects)


def without_background(
    model: LinearModel,
    salient_codes: Callable[[np.ndarray], np.ndarray],
    voxels: np.ndarray,
    is_target: np.ndarray,
    *,
    folds: int,
    seed: int,
) -> LinearModel:
    """Subtract from the salient codes what the background codes predict of them in held-out controls.

    Parameters
    ----------
    model
        Of everybody.
    salient_codes
        (n,) bool, who is fitted, to everybody's salient codes by them, (n, units).
    voxels
        (n, voxels) standardised; scores on orthonormal axes that span them serve as well.
    is_target
        (n,) bool.
    folds
        Held out in turn; where a group is smaller nothing is subtracted.
    """
    if min(is_target.sum(), (~is_target).sum()) <= folds:
        return model
    salient = (voxels - model.salient.origin) @ model.salient.encoder.T
    background = (voxels - model.background.origin) @ model.background.encoder.T
    held_out = np.zeros(salient.shape)
    for fitted, others in folds_of(is_target, folds, seed):
        codes = salient_codes(fitted)
        known = fitted & is_target  # patients of both fits say how their units correspond
        turn = np.linalg.lstsq(codes[known], salient[known], rcond=None)[0]
        held_out[others] = codes[others] @ turn
    shared = RidgeCV(_PENALTIES, fit_intercept=False).fit(background[~is_target], held_out[~is_target])
    encoder = model.salient.encoder - shared.coef_ @ model.background.encoder
    return with_salient_encoder(model, encoder, voxels, is_target)
