"""Maps decoded from latents: patients and their twins, examples, traversals."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from adhd_cvae.images.cache import take_maps
from adhd_cvae.inference.embedding import Embedding, Progress, in_batches, standardised_voxels
from adhd_cvae.inference.linear_baselines import rows_to_fit
from adhd_cvae.models.linear import fit_pca
from adhd_cvae.models.network import ContrastiveVAE
from adhd_cvae.names import BACKGROUND, TARGET, TEST

EXAMPLES = {TARGET: 3, BACKGROUND: 1}
"""Participants whose reconstructions are kept for the pictures, which have so many rows."""


@torch.no_grad()
def decode(model: ContrastiveVAE, background: np.ndarray, salient: np.ndarray | None = None) -> np.ndarray:
    """Decode codes to gray-matter volume in the mask's voxels, (n, voxels) float32; without `salient` the twins."""
    device = model.voxel_mean.device
    decoded = model.decode(
        torch.as_tensor(background, dtype=torch.float32, device=device),
        None if salient is None else torch.as_tensor(salient, dtype=torch.float32, device=device),
    )
    return model.gray_matter(decoded).cpu().numpy()


def brain_mask(model: ContrastiveVAE) -> np.ndarray:
    """The brain mask, (x, y, z) uint8: 1 inside."""
    return model.to_volume(torch.ones_like(model.voxel_mean)[None])[0, 0].cpu().numpy().astype(np.uint8)


def decode_cohort(
    model: ContrastiveVAE,
    images: np.ndarray,
    cohort: pd.DataFrame,
    embedding: Embedding,
    progress: Progress | None = None,
    *,
    salient_of: str,
    steps: Sequence[float],
    seed: int,
) -> dict[str, np.ndarray]:
    """Everything the pictures and maps need, so that they need neither model nor images.

    Parameters
    ----------
    salient_of
        Whose salient code is decoded, as in training (`objective.salient_of`).
    steps
        Where each salient unit is decoded alone, in root mean squares of the patients' posterior means.
    seed
        Draws the training participants PCA is fitted to where there are many.

    Returns
    -------
    dict
        Arrays of ``decoded.npz`` but the affine: `mask` (x, y, z), `brain_mean` (voxels,); `effect` (patients, voxels),
        each patient minus its twin; `traversal` (units, steps, voxels) at `traversal_values`; `salient_map`
        (units, voxels), the change for one unit more; `example` (participants, 4, voxels): observed, full,
        background only, salient only; `reconstruction_error` and `pca_reconstruction_error` (n,), residual over total
        sum of squares around the training mean. Volumes are gray-matter volume per voxel.
    """
    model.eval()
    target = (cohort["group"] == TARGET).to_numpy()
    is_decoded = target | (salient_of == "everyone")
    names = cohort["participant_id"].to_numpy(dtype=str)
    fitted = take_maps(images, rows_to_fit(cohort, model.config.linear.most_participants, seed))
    pca = fit_pca(standardised_voxels(model, fitted), model.config.background + model.config.salient)
    errors, pca_errors, effects = [], [], []
    for rows in in_batches(len(images), progress):
        background, salient = embedding.background_mean[rows], embedding.salient_mean[rows]
        full = decode(model, background, salient * is_decoded[rows, None])
        observed = standardised_voxels(model, take_maps(images, rows))
        scale, mean = model.voxel_scale.cpu().numpy(), model.voxel_mean.cpu().numpy()
        errors.append(_unexplained(observed - (full - mean) / scale, observed))
        pca_errors.append(_unexplained(observed - pca.origin - pca.embed(observed) @ pca.decoder, observed))
        effects.append((full - decode(model, background))[target[rows]])
    return {
        "mask": brain_mask(model),
        "brain_mean": model.voxel_mean.cpu().numpy(),
        "effect_participant_id": names[target],
        "effect": np.concatenate(effects),
        **_traversals(model, embedding.salient_mean[target], steps),
        **_examples(model, images, cohort, embedding, is_decoded),
        "participant_id": names,
        "reconstruction_error": np.concatenate(errors),
        "pca_reconstruction_error": np.concatenate(pca_errors),
    }


def _example_rows(cohort: pd.DataFrame) -> np.ndarray:
    """First held-out participants of each group; any, where none is held out."""
    picked: list[int] = []
    for group, count in EXAMPLES.items():
        rows = np.flatnonzero(cohort["group"] == group)
        held_out = rows[(cohort["split"].to_numpy() == TEST)[rows]]
        picked.extend((held_out if len(held_out) else rows)[:count])
    return np.asarray(picked)


def _unexplained(residual: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Residual over total sum of squares of each map."""
    return np.square(residual).sum(axis=1) / np.square(observed).sum(axis=1)


def _examples(
    model: ContrastiveVAE,
    images: np.ndarray,
    cohort: pd.DataFrame,
    embedding: Embedding,
    is_decoded: np.ndarray,
) -> dict[str, np.ndarray]:
    rows = _example_rows(cohort)
    background = embedding.background_mean[rows]
    salient = embedding.salient_mean[rows] * is_decoded[rows, None]
    observed = images[rows].reshape(len(rows), -1)[:, model.mask_index.cpu().numpy()].astype(np.float32)
    twin, alone = decode(model, background), decode(model, np.zeros_like(background), salient)
    pictures = [observed, decode(model, background, salient), twin, alone]
    return {
        **{f"example_{column}": cohort[column].to_numpy(str)[rows] for column in ("participant_id", "group")},
        "example": np.stack(pictures, axis=1),
    }


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
