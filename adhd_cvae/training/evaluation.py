"""What a network is worth on participants that it is not trained on."""

import numpy as np
import torch

from adhd_cvae.config import ObjectiveConfig
from adhd_cvae.images.cache import take_maps
from adhd_cvae.training import distributed
from adhd_cvae.training.augmentation import load_batch
from adhd_cvae.training.losses import (
    Terms,
    contrastive_terms,
    held_out_nats,
    mean_map_nats,
    pair_terms,
    weighted_loss,
)
from adhd_cvae.training.state import TrainingState

EVALUATION_BATCH = 32


@torch.no_grad()
def evaluate(
    state: TrainingState, rows: np.ndarray, is_target: np.ndarray, objective: ObjectiveConfig
) -> dict[str, float]:
    """Mean loss and terms of some rows: posterior means decoded, no augmentation, full precision.

    ``nats`` is the negative bound of their likelihood (Kingma & Welling 2014), with samples of the posteriors from
    torch's generator; ``mean_nats`` what the mean map alone would have. Terms of pairs come from all rows at once: a
    batch may lack a group.

    Parameters
    ----------
    rows
        Those that are looked at.
    is_target
        (n,) bool.
    """
    model, device = state.model.eval(), state.model.voxel_mean.device
    totals: dict[str, float] = dict.fromkeys(("loss", "nats", "mean_nats", *Terms._fields), 0.0)
    means: list[tuple[torch.Tensor, ...]] = []
    for start in range(0, len(rows), EVALUATION_BATCH):
        batch = rows[start : start + EVALUATION_BATCH]
        ours = batch[distributed.share(len(batch))]
        voxels = model.standardise(load_batch(take_maps(state.maps, ours), None).to(device))
        target = torch.from_numpy(is_target[batch].astype(np.float32)).to(device)
        seen = (model, state.critic, voxels, target, objective)
        site = state.sites[ours]
        terms, codes = contrastive_terms(*seen, sample=False, classifier=state.classifier, site=site)
        sampled, _ = contrastive_terms(*seen, sample=True, classifier=state.classifier, site=site)
        means.append((codes.background.mean, codes.salient.mean, target))
        values = {"loss": weighted_loss(terms, objective), **terms._asdict()}
        values["nats"] = held_out_nats(sampled, target, objective)
        values["mean_nats"] = mean_map_nats(
            voxels, len(batch), objective.effective_voxels or model.counted_voxels
        )
        for name, value in values.items():
            totals[name] += value.item() * len(batch) / len(rows)
    background, salient, target = (torch.cat(part) for part in zip(*means, strict=True))
    for name, value in pair_terms(background, salient, target, objective).items():
        totals["loss"] += getattr(objective, name) * (value.item() - totals[name])
        totals[name] = value.item()
    return totals
