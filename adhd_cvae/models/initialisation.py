"""An untrained network at its best guess: mask, standardisation and the linear solution, from training participants."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from adhd_cvae.config import ImageConfig, ModelConfig
from adhd_cvae.errors import InputError
from adhd_cvae.models.coordinates import Coordinates, in_coordinates
from adhd_cvae.models.form_choice import Form, compared_forms
from adhd_cvae.models.linear import LinearModel
from adhd_cvae.models.network import ContrastiveVAE, empty_model
from adhd_cvae.models.posterior import code_error, posterior_variance
from adhd_cvae.models.ratio import Ratio
from adhd_cvae.models.reference_background import Borrowed, Reference, borrowed
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
    return initial_models([config], image, maps, is_target, seed, sites).models[0]


class Start(NamedTuple):
    """Networks at their best guess.

    Attributes
    ----------
    models
        One a configuration.
    axes
        (axes, voxels) orthonormal: the principal ones of the maps, then what a reference adds, in whose span their
        linear maps lie; none where all start at random.
    reference
        What was borrowed, on these axes; None where nothing could be.
    forms
        Forms of the linear model that were compared for the first network, the one taken first; none without a
        reference.
    """

    models: list[ContrastiveVAE]
    axes: np.ndarray
    reference: Borrowed | None
    forms: list[Form]


def initial_models(
    configs: Sequence[ModelConfig],
    image: ImageConfig,
    maps: np.ndarray,
    is_target: np.ndarray,
    seed: int,
    sites: np.ndarray | None = None,
    reference: Reference | None = None,
) -> Start:
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

    reference
        Healthy anatomy from elsewhere, on the same grid, which the linear start borrows where that tells the groups
        better; voxels that it lacks are left out.

    Raises
    ------
    InputError
        No voxel belongs to the brain mask.
    """
    mask, mean, scale, voxels = _standardised(maps, image, reference)
    middle = voxels.mean(axis=0)
    linear = [config for config in configs if config.start != "random"]
    around = mean + scale * middle
    known = None if reference is None or not linear else borrowed(reference, mask, around, scale)
    coordinates = in_coordinates(voxels - middle, known) if linear else None
    forms: list[Form] = []
    if coordinates is not None and coordinates.reference is not None and linear[0].salient:
        values, inside = coordinates.values, coordinates.reference
        forms = compared_forms(linear[0], values, is_target, inside, sites=sites, seed=seed)
    models = []
    for config in configs:
        torch.manual_seed(seed)
        model = empty_model(config, image.shape, mask, known_sites(config, sites))
        model.voxel_mean.copy_(torch.from_numpy(mean))
        model.voxel_scale.copy_(torch.from_numpy(scale))
        if coordinates is not None and config.start != "random":
            method = forms[0].method if forms and config.salient else None
            _set_linear_start(model, middle, coordinates, is_target, seed, sites, method)
        models.append(model)
    if coordinates is None:
        return Start(models, np.zeros((0, len(mask)), np.float32), None, forms)
    return Start(models, coordinates.axes.astype(np.float32), coordinates.reference, forms)


def _standardised(
    maps: np.ndarray, image: ImageConfig, reference: Reference | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mask (voxels,), mean and scale (voxels,), and voxels (n, voxels) less the mean over the scale."""
    flat = maps.reshape(len(maps), -1)
    mask = np.flatnonzero(flat.mean(axis=0, dtype=np.float32) > image.mask_threshold)
    if reference is not None:
        mask = np.intersect1d(mask, reference.columns)
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
    return mask, mean, scale, voxels


@torch.no_grad()
def _set_linear_start(
    model: ContrastiveVAE,
    middle: np.ndarray,
    coordinates: Coordinates,
    is_target: np.ndarray,
    seed: int,
    sites: np.ndarray | None,
    method: str | Ratio | None,
) -> None:
    """Copy the linear solution into the linear maps, its residual into the noise, its error into the spreads.

    It is found in the participants' coordinates around the `middle`, where the fits to parts of them cost nothing.
    """
    config, axes, scores = model.config, coordinates.axes, coordinates.values

    def fit(rows: np.ndarray) -> LinearModel:
        known = None if sites is None else sites[rows]
        return linear_solution(config, scores[rows], is_target[rows], seed, known, method)

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
