"""An untrained network at its best guess: mask, standardisation and the linear solution, from training participants."""

import numpy as np
import torch

from adhd_cvae.config import ImageConfig, ModelConfig
from adhd_cvae.errors import InputError
from adhd_cvae.models.linear import fit_linear, fit_pca
from adhd_cvae.models.network import ContrastiveVAE


def initial_model(
    config: ModelConfig,
    image: ImageConfig,
    maps: np.ndarray,
    is_target: np.ndarray,
    seed: int,
    sites: np.ndarray | None = None,
) -> ContrastiveVAE:
    """Build the network; the global torch generator is seeded with `seed`.

    Parameters
    ----------
    maps
        (n, *image.shape) gray-matter maps of training participants only.
    is_target
        (n,) bool.
    sites
        (n,) scanning sites, which no salient direction of the linear start shall tell.

    Raises
    ------
    InputError
        No voxel belongs to the brain mask.
    """
    torch.manual_seed(seed)
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
    model = ContrastiveVAE(config, image.shape, len(mask))
    model.mask_index.copy_(torch.from_numpy(mask))
    model.voxel_mean.copy_(torch.from_numpy(mean))
    model.voxel_scale.copy_(torch.from_numpy(scale))
    if config.start != "random":
        _set_linear_start(model, voxels, is_target, seed, sites)
    return model


@torch.no_grad()
def _set_linear_start(
    model: ContrastiveVAE, voxels: np.ndarray, is_target: np.ndarray, seed: int, sites: np.ndarray | None
) -> None:
    """Copy the linear solution into the linear maps, and its residual variance into the noise."""
    config, explained = model.config, 0.0
    if model.salient_encoder is not None:
        spaces = fit_linear(
            *(config.start, voxels, is_target, config.salient, config.background),
            sites=sites,
            settings=config.linear,
            seed=seed,
        )
        background = spaces.background
        _copy(model.salient_encoder.linear, spaces.salient.encoder)
        decoder = np.concatenate([background.decoder, spaces.salient.decoder])
        explained = (spaces.salient.embed(voxels) * is_target[:, None]) @ spaces.salient.decoder
    else:
        background = fit_pca(voxels, config.background)
        decoder = background.decoder
    _copy(model.background_encoder.linear, background.encoder)
    _copy(model.decoder.linear, decoder.T)
    model.origin.copy_(torch.from_numpy(background.origin))
    if config.noise == "learned":
        residual = voxels - (background.origin + background.embed(voxels) @ background.decoder) - explained
        model.log_noise.fill_(float(np.log(max(np.mean(residual**2), config.linear.least_noise))))


def _copy(layer: torch.nn.Linear | None, weights: np.ndarray) -> None:
    if layer is not None:
        layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(weights)))
