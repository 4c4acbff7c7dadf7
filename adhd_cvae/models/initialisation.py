"""An untrained network at its best guess: mask, standardisation and the linear solution, from training participants."""

from collections.abc import Sequence

import numpy as np
import torch

from adhd_cvae.config import ImageConfig, ModelConfig
from adhd_cvae.errors import InputError
from adhd_cvae.models.linear import LinearModel, principal_axes
from adhd_cvae.models.network import ContrastiveVAE, empty_model
from adhd_cvae.models.posterior import code_error, posterior_variance
from adhd_cvae.models.refinement import linear_solution
from adhd_cvae.models.sites import known_sites, site_columns

LEAST_VARIANCE = 1e-5
"""Of a unit that a tiny cohort lacks."""


def initial_model(
    config: ModelConfig,
    image: ImageConfig,
    maps: np.ndarray,
    is_target: np.ndarray,
    seed: int,
    sites: np.ndarray | None = None,
) -> ContrastiveVAE:
    """Build one network of `initial_models`."""
    return initial_models([config], image, maps, is_target, seed, sites)[0][0]


def initial_models(
    configs: Sequence[ModelConfig],
    image: ImageConfig,
    maps: np.ndarray,
    is_target: np.ndarray,
    seed: int,
    sites: np.ndarray | None = None,
) -> tuple[list[ContrastiveVAE], np.ndarray]:
    """Build a network of each configuration; before each the global torch generator is seeded with `seed`.

    Parameters
    ----------
    maps
        (n, *image.shape) gray-matter maps of training participants only.
    is_target
        (n,) bool.
    sites
        (n,) scanning sites, which no salient direction of the linear start shall tell. A decoder that is conditioned on
        sites takes those with enough participants.

    Returns
    -------
    tuple
        The networks, and orthonormal axes (axes, voxels) of the maps, the principal ones first, in whose span their
        linear maps lie; none where all start at random.

    Raises
    ------
    InputError
        No voxel belongs to the brain mask.
    """
    flat = maps.reshape(len(maps), -1)
    mask = np.flatnonzero(flat.mean(axis=0, dtype=np.float32) > image.mask_threshold)
    if len(mask) == 0:
        raise InputError(
            f"No voxel's mean exceeds image.mask_threshold={image.mask_threshold:g} (largest mean: "
            f"{flat.mean(axis=0, dtype=np.float32).max():.3g}). Are these gray-matter maps in MNI space?"
        )
    voxels = flat[:, mask].astype(np.float32)
    mean, scale = np.zeros(len(mask), np.float32), np.ones(len(mask), np.float32)
    if image.standardise == "voxelwise":
        mean, spread = voxels.mean(axis=0), voxels.std(axis=0)
        scale = np.maximum(spread, max(float(np.quantile(spread, image.least_spread)), 1e-6))
        voxels = (voxels - mean) / scale
    models, found = [], None
    for config in configs:
        torch.manual_seed(seed)
        model = empty_model(config, image.shape, mask, known_sites(config, sites))
        model.voxel_mean.copy_(torch.from_numpy(mean))
        model.voxel_scale.copy_(torch.from_numpy(scale))
        if config.start != "random":
            middle = voxels.mean(axis=0)
            found = found or (middle, *principal_axes(voxels - middle))
            _set_linear_start(model, *found, is_target, seed, sites)
        models.append(model)
    axes = np.zeros((0, len(mask))) if found is None else found[2]
    return models, axes.astype(np.float32)


@torch.no_grad()
def _set_linear_start(
    model: ContrastiveVAE,
    middle: np.ndarray,
    scores: np.ndarray,
    axes: np.ndarray,
    is_target: np.ndarray,
    seed: int,
    sites: np.ndarray | None,
) -> None:
    """Copy the linear solution into the linear maps, its residual into the noise, its error into the spreads.

    It is found in the space of the participants' scores (n, axes) around the `middle`, where the fits to parts of them
    cost nothing.
    """
    config = model.config

    def fit(rows: np.ndarray) -> LinearModel:
        return linear_solution(
            config, scores[rows], is_target[rows], seed, None if sites is None else sites[rows]
        )

    found = fit(np.arange(len(scores)))
    effects = np.zeros((0, scores.shape[1])) if found.sites is None else found.sites
    freed = scores - site_columns(sites, model.sites, len(scores)) @ effects
    error = code_error(fit, freed, is_target, folds=config.linear.error_folds, seed=seed, size=len(middle))
    variances = posterior_variance(found, error)
    encoders = (model.salient_encoder, model.background_encoder)
    for encoder, space, variance in zip(encoders, (found.salient, found.background), variances, strict=True):
        if encoder is not None:
            _copy(encoder.linear, space.encoder @ axes)
            encoder.log_variance.copy_(torch.from_numpy(np.log(np.maximum(variance, LEAST_VARIANCE))))
    decoder = np.concatenate([found.background.decoder, found.salient.decoder, effects])
    _copy(model.decoder.linear, (decoder @ axes).T)
    model.origin.copy_(torch.from_numpy(middle + found.background.origin @ axes))
    if config.noise == "learned":
        model.log_noise.fill_(float(np.log(max(error.residual, config.linear.least_noise))))


def _copy(layer: torch.nn.Linear | None, weights: np.ndarray) -> None:
    if layer is not None:
        layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(weights)))
