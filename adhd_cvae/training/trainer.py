"""The training loop: start from the linear solution, improve on it, notice what goes wrong, resume exactly."""

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from adhd_cvae.config import ModelConfig, Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.images.cache import take_maps
from adhd_cvae.io import fingerprint, remove_partial_files, write_tsv
from adhd_cvae.models.network import ContrastiveVAE
from adhd_cvae.models.weights import finished_training, save_model
from adhd_cvae.training import distributed
from adhd_cvae.training.augmentation import augmentation, load_batch
from adhd_cvae.training.diagnostics import checked, epoch_warnings, training_warnings
from adhd_cvae.training.losses import Terms, contrastive_terms, critic_loss, pair_terms, weighted_loss
from adhd_cvae.training.sampler import Rows, check_groups, deal_rows, paired_batches
from adhd_cvae.training.state import (
    EpochRow,
    Learner,
    choose_device,
    choose_precision,
    load_state,
    new_learner,
    save_state,
)

CRITIC_STEPS = 2
"""Critic updates per update of the model."""
EVALUATION_BATCH = 32
LOGGED = (
    *("kl_salient", "kl_background", "total_correlation", "background_salient", "background_spread"),
    *("mmd_background", "mmd_salient", "hsic", "classification", "active_salient", "active_background"),
)
"""Terms with a column of their own in the history."""
Progress = Callable[[EpochRow], None]


@dataclass(frozen=True)
class TrainingResult:
    """What training leaves besides the files: one row an epoch and model, and warnings in words."""

    history: pd.DataFrame
    warnings: list[str]


def train(
    images: np.ndarray,
    cohort: pd.DataFrame,
    recipe: Recipe,
    checkpoint_dir: Path,
    progress: Progress = lambda row: None,
) -> TrainingResult:
    """Train the contrastive VAE and, where the recipe says so, the plain VAE it is compared with.

    Parameters
    ----------
    images
        (n, x, y, z) gray-matter maps in the order of `cohort`.
    cohort
        Columns `participant_id`, `group`, `split` and the site; only ``train`` rows are used.
    recipe
        Every part but `analysis`.
    checkpoint_dir
        Receives ``<model>.safetensors`` and ``.json``, ``history.tsv`` and, until a model is finished, its
        resumable state. A call after an interruption ends with the same bits as an undisturbed one. Of several
        processes (`adhd_cvae.training.distributed`) only the first reads and writes there.
    progress
        Called after every epoch with its row of the history, ``epochs``, and what is wrong in that epoch as
        ``warnings``, by a short code. Epochs of the last fit, to all of the training split, come with ``refit``.

    Raises
    ------
    InputError
        The loss is not finite, or the folder belongs to other data or settings.
    """
    os.environ.setdefault(
        "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
    )  # without it deterministic CUDA refuses to multiply
    torch.use_deterministic_algorithms(True)
    distributed.check_device(choose_device(recipe.training.device))
    if distributed.is_first():
        remove_partial_files(checkpoint_dir)
    check_groups(cohort)
    settings = recipe.model_dump(mode="json", exclude={"analysis", "name"})
    key = fingerprint([settings, cohort[["participant_id", "group", "split"]].to_numpy().tolist()])
    configs = {"cvae": recipe.model}
    if recipe.training.vae:  # as many units in all, no salient space, the same reconstruction term
        units = recipe.model.background + recipe.model.salient
        configs["vae"] = recipe.model.model_copy(update={"salient": 0, "background": units})
    history: list[EpochRow] = []
    for name, config in configs.items():
        with _enough_memory(recipe):
            history += _train_one(name, config, images, cohort, recipe, checkpoint_dir, key, progress)
    table = pd.DataFrame(history)
    if distributed.is_first():
        write_tsv(table, checkpoint_dir / "history.tsv")
    return TrainingResult(table, training_warnings(table, recipe))


@contextmanager
def _enough_memory(recipe: Recipe) -> Iterator[None]:
    """Say which setting to lower where a training step does not fit."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        full = isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "allocate memory" in str(error)
        if not full:
            raise
        batch = recipe.training.batch_size
        advice = f"Try --set training.batch_size={batch // 2}" if batch > 1 else "Lower model.channels"
        raise InputError(
            f"the memory of {choose_device(recipe.training.device).type} does not hold a training step of "
            f"{batch} + {batch} maps. {advice}, and give --overwrite."
        ) from None


def _train_one(
    name: str,
    config: ModelConfig,
    images: np.ndarray,
    cohort: pd.DataFrame,
    recipe: Recipe,
    folder: Path,
    key: str,
    progress: Progress,
) -> list[EpochRow]:
    """Train or finish one network, or return the history of a finished one."""
    epochs = recipe.training.epochs
    done = distributed.from_first(lambda: finished_training(folder / name, key))
    if done is not None:
        for row in done:
            progress({"epochs": epochs, **row})
        return done
    rows = deal_rows(cohort, recipe)
    learner = new_learner(config, images, rows, recipe)
    state = distributed.from_first(lambda: load_state(folder / f"{name}-resume.pt", key))
    if state is not None:
        learner.restore(state)
    for row in learner.history:
        progress({"epochs": epochs, **row})
    while len(learner.history) <= epochs and learner.stale_epochs < recipe.training.patience:
        row = checked({"model": name, **_epoch(learner, images, rows, recipe)}, recipe)
        learner.history.append(row)
        learner.keep_best(row["validation_loss"])
        if distributed.is_first():
            save_state({"key": key, **learner.state()}, folder / f"{name}-resume.pt")
        progress({"epochs": epochs, "warnings": epoch_warnings(row, name, recipe), **row})
    learner.model.load_state_dict(learner.best_model)
    model = (
        _refitted(name, config, images, rows, recipe, learner, progress) if rows.held_back else learner.model
    )
    if distributed.is_first():
        save_model(model, recipe.image, folder / name, key, learner.history)
        (folder / f"{name}-resume.pt").unlink()
    return learner.history


def _refitted(
    name: str,
    config: ModelConfig,
    images: np.ndarray,
    rows: Rows,
    recipe: Recipe,
    chosen: Learner,
    progress: Progress,
) -> ContrastiveVAE:
    """Start again from all of the training split and take as many epochs as the held-back part found best.

    Rows of the history are told with ``refit``; they are not kept, since nobody is left to validate them.
    """
    best = int(np.argmin([row["validation_loss"] for row in chosen.history]))
    everyone = rows.with_everyone_fitted()
    learner = new_learner(config, images, everyone, recipe)
    for epoch in range(1, best + 1):
        loss = _take_steps(learner, images, everyone, recipe, epoch)["loss"]
        row = checked({"model": name, "epoch": epoch, "train_loss": loss}, recipe)
        progress({"epochs": best, "refit": True, **row})
    return learner.model


def _epoch(learner: Learner, images: np.ndarray, rows: Rows, recipe: Recipe) -> EpochRow:
    """Epoch 0 only measures the linear start; later ones take steps first."""
    epoch, started = len(learner.history), time.perf_counter()
    steps = _take_steps(learner, images, rows, recipe, epoch) if epoch else {}
    held_back = evaluate(learner, images, rows.validation, rows.is_target, recipe)
    measured = steps or held_back
    return {
        "epoch": epoch,
        "train_loss": measured["loss"],
        "validation_loss": held_back["loss"],
        "reconstruction": measured["unexplained"],
        "validation_reconstruction": held_back["unexplained"],
        **{name: measured[name] for name in LOGGED},
        "critic_loss": measured.get("critic_loss", math.nan),
        "critic_accuracy": measured.get("critic_accuracy", math.nan),
        "seconds": round(time.perf_counter() - started, 3),
        "time_ms": time.time_ns() // 1_000_000,
    }


def _take_steps(
    learner: Learner, images: np.ndarray, rows: Rows, recipe: Recipe, epoch: int
) -> dict[str, float]:
    """Take one step a paired batch and give the means of what they measured.

    Random states follow from the seed, the epoch's number and the place in it, so nothing but the learner has to be
    saved, and several processes draw what one would.
    """
    transform = augmentation(recipe.augmentation, recipe.image)
    rng = np.random.default_rng([recipe.seed, epoch])
    torch.manual_seed(int(rng.integers(2**31)))
    learner.model.train()
    steps = []
    for target, background in paired_batches(
        rows.target, rows.background, recipe.training.batch_size, (recipe.seed, epoch), rows.sites
    ):
        batch = np.concatenate([target, background])
        seeds, ours = rng.integers(2**31, size=len(batch)).tolist(), distributed.share(len(batch))
        volumes = load_batch(take_maps(images, batch[ours]), transform, seeds[ours])
        steps.append(take_step(learner, volumes, rows.is_target[batch], recipe))
    return pd.DataFrame(steps).mean().to_dict()


def take_step(
    learner: Learner, volumes: torch.Tensor, is_target: np.ndarray, recipe: Recipe
) -> dict[str, float]:
    """One update of the model, then of the critic on the codes as they were.

    `volumes` are our share of the batch, `is_target` is of all of it.
    """
    model, critic = learner.model, learner.critic
    device = model.voxel_mean.device
    target = torch.from_numpy(is_target.astype(np.float32)).to(device)
    precision = choose_precision(recipe.training.precision, device)
    with torch.autocast(device.type, dtype=precision, enabled=precision != torch.float32):
        voxels = model.standardise(volumes.to(device))
        terms, codes = contrastive_terms(
            model, critic, voxels, target, recipe.objective, sample=True, classifier=learner.classifier
        )
        loss = weighted_loss(terms, recipe.objective)
    learner.optimiser.zero_grad(set_to_none=True)
    learner.scaler.scale(loss).backward()
    distributed.sum_gradients(model.parameters())
    learner.scaler.unscale_(learner.optimiser)
    torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.training.gradient_clip)
    learner.scaler.step(learner.optimiser)
    learner.scaler.update()
    measured = {"loss": loss.item(), **{name: value.item() for name, value in terms._asdict().items()}}
    if critic is not None and learner.critic_optimiser is not None and int(target.sum()) > 1:
        rows = target.bool()
        for _ in range(CRITIC_STEPS):
            background, salient = codes.background.sample()[rows], codes.salient.sample()[rows]
            wrong, accuracy = critic_loss(critic, background, salient)
            learner.critic_optimiser.zero_grad(set_to_none=True)
            wrong.backward()
            learner.critic_optimiser.step()
        measured |= {"critic_loss": wrong.item(), "critic_accuracy": accuracy.item()}
    return measured


@torch.no_grad()
def evaluate(
    learner: Learner, images: np.ndarray, rows: np.ndarray, is_target: np.ndarray, recipe: Recipe
) -> dict[str, float]:
    """Mean loss and terms of some rows: posterior means decoded, no augmentation, full precision.

    Terms of pairs come from all rows at once: a batch may lack a group.
    """
    model, objective = learner.model.eval(), recipe.objective
    device = model.voxel_mean.device
    totals: dict[str, float] = dict.fromkeys(("loss", *Terms._fields), 0.0)
    means: list[tuple[torch.Tensor, ...]] = []
    for start in range(0, len(rows), EVALUATION_BATCH):
        batch = rows[start : start + EVALUATION_BATCH]
        ours = batch[distributed.share(len(batch))]
        voxels = model.standardise(load_batch(take_maps(images, ours), None).to(device))
        target = torch.from_numpy(is_target[batch].astype(np.float32)).to(device)
        terms, codes = contrastive_terms(
            model, learner.critic, voxels, target, objective, sample=False, classifier=learner.classifier
        )
        means.append((codes.background.mean, codes.salient.mean, target))
        values = {"loss": weighted_loss(terms, objective), **terms._asdict()}
        for name, value in values.items():
            totals[name] += value.item() * len(batch) / len(rows)
    background, salient, target = (torch.cat(part) for part in zip(*means, strict=True))
    for name, value in pair_terms(background, salient, target, objective).items():
        totals["loss"] += getattr(objective, name) * (value.item() - totals[name])
        totals[name] = value.item()
    return totals
