"""A frozen model applied to maps: posteriors, and samples of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from adhd_cvae.images.cache import take_maps
from adhd_cvae.models.network import ContrastiveVAE

Progress = Callable[[int, int], None]
BATCH = 16
"""Maps that are encoded or decoded at a time."""


@dataclass(frozen=True)
class Embedding:
    """Posterior means and standard deviations, (n, units) float32; a plain VAE has no salient units."""

    salient_mean: np.ndarray
    salient_sd: np.ndarray
    background_mean: np.ndarray
    background_sd: np.ndarray


def in_batches(count: int, progress: Progress | None = None, batch_size: int = BATCH) -> Iterator[slice]:
    """Rows of some maps at a time; `progress` hears how many are done, of how many."""
    for start in range(0, count, batch_size):
        yield slice(start, start + batch_size)
        if progress is not None:
            progress(min(start + batch_size, count), count)


def _standardised(model: ContrastiveVAE, images: np.ndarray) -> torch.Tensor:
    copied = np.array(images)  # torch takes no arrays that may not be written
    volumes = torch.from_numpy(copied)[:, None]
    return model.standardise(volumes.to(model.voxel_mean.device))


@torch.no_grad()
def embed(
    model: ContrastiveVAE, images: np.ndarray, batch_size: int = BATCH, progress: Progress | None = None
) -> Embedding:
    """Encode maps to posterior means, never samples, in float32: two calls agree.

    Parameters
    ----------
    images
        (n, *model.shape) gray-matter maps on the model's grid.
    """
    model.eval()
    parts: list[list[torch.Tensor]] = []
    for rows in in_batches(len(images), progress, batch_size):
        codes = model.encode(_standardised(model, take_maps(images, rows)))
        spaces = (codes.salient, codes.background)
        parts.append([part for one in spaces for part in (one.mean, torch.exp(0.5 * one.log_variance))])
    return Embedding(*(torch.cat(column).cpu().numpy() for column in zip(*parts, strict=True)))


def posterior_samples(mean: np.ndarray, sd: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Sample posteriors of mean and standard deviation (n, units): (count, n, units) float32."""
    noise = np.random.default_rng(seed).standard_normal((count, *mean.shape), dtype=np.float32)
    return mean + sd * noise


def standardised_voxels(model: ContrastiveVAE, images: np.ndarray) -> np.ndarray:
    """Mask voxels of maps as the model sees them, (n, voxels) float32."""
    return _standardised(model, images).cpu().numpy()
