"""Maps decoded from latents: patients and their twins, examples, traversals."""

from collections.abc import Sequence

import numpy as np
import torch

from adhd_cvae.inference.embedding import Embedding
from adhd_cvae.models.network import ContrastiveVAE
from adhd_cvae.models.sites import site_columns
from adhd_cvae.names import BACKGROUND, TARGET

EXAMPLES = {TARGET: 3, BACKGROUND: 1}
"""Participants whose reconstructions are kept for the pictures, which have so many rows."""


@torch.no_grad()
def decode(
    model: ContrastiveVAE,
    background: np.ndarray,
    salient: np.ndarray | None = None,
    sites: np.ndarray | None = None,
) -> np.ndarray:
    """Decode codes to gray-matter volume in the mask's voxels, (n, voxels) float32; without `salient` the twins.

    A decoder that is conditioned on `sites`, (n,) names, takes one that is not given or not met for the average.
    """
    device = model.voxel_mean.device
    columns = site_columns(sites, model.sites, len(background))
    decoded = model.decode(
        torch.as_tensor(background, dtype=torch.float32, device=device),
        None if salient is None else torch.as_tensor(salient, dtype=torch.float32, device=device),
        torch.as_tensor(columns, device=device),
    )
    return model.gray_matter(decoded).cpu().numpy()


def brain_mask(model: ContrastiveVAE) -> np.ndarray:
    """The brain mask, (x, y, z) uint8: 1 inside."""
    return model.to_volume(torch.ones_like(model.voxel_mean)[None])[0, 0].cpu().numpy().astype(np.uint8)


def gray_matter_in(onto: ContrastiveVAE, model: ContrastiveVAE, values: np.ndarray) -> np.ndarray:
    """Values (n, voxels) in a model's mask as those in the mask of another, 0 where the first has no voxel."""
    places = np.full(int(np.prod(model.shape)), -1)
    own = model.mask_index.cpu().numpy()
    places[own] = np.arange(len(own))
    wanted = places[onto.mask_index.cpu().numpy()]
    return np.where(wanted >= 0, values[:, wanted], np.float32(0))


def registered_maps(
    model: ContrastiveVAE, salient: np.ndarray, steps: Sequence[float]
) -> dict[str, np.ndarray]:
    """What a model says by itself, so that pictures need no model.

    Parameters
    ----------
    salient
        (patients, units) posterior means, whose root mean squares are the unit of the `steps`.
    steps
        Where each salient unit is decoded alone.

    Returns
    -------
    dict
        `mask` (x, y, z), `brain_mean` (voxels,); `traversal` (units, steps, voxels) at `traversal_values`;
        `salient_map` (units, voxels), the change for one unit more. Gray-matter volume per voxel.
    """
    model.eval()
    return {
        "mask": brain_mask(model),
        "brain_mean": model.voxel_mean.cpu().numpy(),
        **_traversals(model, salient, steps),
    }


def example_maps(
    model: ContrastiveVAE,
    images: np.ndarray,
    codes: Embedding,
    is_decoded: np.ndarray,
    onto: ContrastiveVAE,
) -> np.ndarray:
    """Observed, reconstructed, background alone and salient alone, (n, 4, voxels of `onto`), gray-matter volume.

    Parameters
    ----------
    images
        (n, x, y, z) gray-matter maps.
    codes
        Theirs.
    is_decoded
        (n,) bool: whose s is decoded; the others' is 0.
    """
    background, salient = codes.background_mean, codes.salient_mean * is_decoded[:, None]
    decoded = (
        decode(model, background, salient),
        decode(model, background),
        decode(model, np.zeros_like(background), salient),
    )
    observed = images.reshape(len(images), -1)[:, onto.mask_index.cpu().numpy()].astype(np.float32)
    return np.stack([observed, *(gray_matter_in(onto, model, values) for values in decoded)], axis=1)


def _traversals(model: ContrastiveVAE, salient: np.ndarray, steps: Sequence[float]) -> dict[str, np.ndarray]:
    """Decode each salient unit alone, the background code at its mean."""
    units = model.config.salient
    spread = np.sqrt(np.mean(np.square(salient), axis=0)) if len(salient) else np.ones(units)
    values = (spread[:, None] * np.asarray(steps)).astype(np.float32)
    nobody = decode(model, np.zeros((1, model.config.background)))
    changes = []
    slopes = []
    for unit, places in enumerate(values):
        codes = np.zeros((len(places) + 1, units), dtype=np.float32)
        codes[:, unit] = [*places, 1.0]
        change = decode(model, np.zeros((len(codes), model.config.background)), codes) - nobody
        changes.append(change[:-1])
        slopes.append(change[-1])
    return {"traversal": np.stack(changes), "traversal_values": values, "salient_map": np.stack(slopes)}
