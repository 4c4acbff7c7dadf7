"""The training loop: start from the linear solution, improve on it, notice what goes wrong, resume exactly."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from monai.transforms.compose import Compose

from adhd_cvae.cohort.split import sampled_rows
from adhd_cvae.config import AugmentationConfig, ImageConfig, ModelConfig, ObjectiveConfig, TrainingConfig
from adhd_cvae.images.cache import take_maps
from adhd_cvae.models.initialisation import initial_model
from adhd_cvae.models.network import Codes, ContrastiveVAE
from adhd_cvae.training import distributed
from adhd_cvae.training.augmentation import augmentation, load_batch
from adhd_cvae.training.checkpoint import Checkpoint
from adhd_cvae.training.device import choose_device, choose_precision, deterministic, enough_memory
from adhd_cvae.training.diagnostics import Diagnostics
from adhd_cvae.training.losses import Terms, contrastive_terms, critic_loss, pair_terms, weighted_loss
from adhd_cvae.training.sampler import Rows, paired_batches
from adhd_cvae.training.state import EpochRow, TrainingState, channels_last, new_state

EVALUATION_BATCH = 32
LOGGED = (
    *("kl_salient", "kl_background", "total_correlation", "salient_of_background"),
    *("salient_spread_of_background", "background_mmd", "salient_mmd_of_background", "hsic"),
    *("classification", "active_salient", "active_background"),
)
"""Terms with a column of their own in the history."""
Progress = Callable[[EpochRow], None]


@dataclass(frozen=True)
class Trainer:
    """How one network is trained: its settings, and what follows from them.

    Attributes
    ----------
    training, objective, augmentation, model
        Parts of a recipe.
    grid
        The maps' grid, mask and standardisation.
    seed
        All that is random follows from it.
    """

    training: TrainingConfig
    objective: ObjectiveConfig
    augmentation: AugmentationConfig
    grid: ImageConfig
    model: ModelConfig
    seed: int

    @cached_property
    def device(self) -> torch.device:
        """Where the network is trained."""
        return choose_device(self.training.device)

    @cached_property
    def precision(self) -> torch.dtype:
        """What steps are computed in; evaluation is in float32."""
        return choose_precision(self.training.precision, self.device)

    @cached_property
    def transform(self) -> Compose | None:
        """Random changes of training maps, or None; every map seeds them anew."""
        return augmentation(self.augmentation, self.grid)

    @cached_property
    def diagnostics(self) -> Diagnostics:
        """What notices that training goes wrong."""
        return Diagnostics(self.training, self.objective, self.model)

    def without_salient(self) -> "Trainer":
        """Train the plain VAE: as many units in all, no salient space, the same reconstruction term."""
        units = self.model.background + self.model.salient
        return replace(self, model=self.model.model_copy(update={"salient": 0, "background": units}))

    def fit(
        self, images: np.ndarray, rows: Rows, checkpoint: Checkpoint, progress: Progress = lambda row: None
    ) -> list[EpochRow]:
        """Train, or finish, one network; one that is finished stays.

        PyTorch's generators, and whether it is deterministic, are afterwards as they were.

        Parameters
        ----------
        images
            (n, x, y, z) gray-matter maps.
        rows
            Which of them serve what.
        checkpoint
            Where the network is kept.
        progress
            As of `train`.

        Returns
        -------
        list of dict
            The history.

        Raises
        ------
        InputError
            The loss is not finite, memory is too small, or the checkpoint belongs to other data or settings.
        """
        epochs, history = self.training.epochs, checkpoint.finished()
        if history is not None:
            for row in history:
                progress({"epochs": epochs, **row})
            return history
        with deterministic(self.device), enough_memory(self.device, self.training.batch_size):
            state = self.start(images, rows)
            self._choose_epoch(state, images, rows, checkpoint, progress)
            if rows.held_back:
                best = int(np.argmin([row["validation_loss"] for row in state.history]))
                model = self._refit(images, rows, best, checkpoint.name, progress)
            else:
                model = state.model
            checkpoint.finish(model, self.grid, state.history)
        return state.history

    def start(self, images: np.ndarray, rows: Rows) -> TrainingState:
        """Everything before the first step: the model stands at its linear start, found from `rows.fitted`.

        The global torch generator is left as it is after `seed` and the weights of network, critic and classifier.
        """
        most, smallest = self.model.linear.most_participants, self.training.smallest_group
        known = sampled_rows(rows.target, rows.background, most, self.seed, smallest=smallest)
        sites = None if rows.sites is None else rows.sites[known]
        weights = distributed.from_first(  # which finds it for all processes
            lambda: initial_model(
                self.model, self.grid, take_maps(images, known), rows.is_target[known], self.seed, sites
            ).state_dict()
        )
        torch.manual_seed(self.seed)
        model = ContrastiveVAE(self.model, self.grid.shape, len(weights["mask_index"]))
        model.load_state_dict(weights)
        model = channels_last(model.to(self.device))
        learns = self.training.train_salient
        if model.salient_encoder is not None and not (
            self.model.start == "random" if learns is None else learns
        ):
            model.salient_encoder.keep_mean()
        return new_state(model, self.objective, self.training, self.precision)

    def _choose_epoch(
        self, state: TrainingState, images: np.ndarray, rows: Rows, checkpoint: Checkpoint, progress: Progress
    ) -> None:
        """Train to the last epoch, or until patience ends, and leave the model of the lowest validation loss."""
        if (interrupted := checkpoint.load()) is not None:
            state.restore(interrupted)
        epochs = self.training.epochs
        for row in state.history:
            progress({"epochs": epochs, **row})
        while len(state.history) <= epochs and state.stale_epochs < self.training.patience:
            row = self.diagnostics.checked({"model": checkpoint.name, **self._epoch(state, images, rows)})
            state.history.append(row)
            state.keep_best(row["validation_loss"])
            checkpoint.save(state.state())
            progress({"epochs": epochs, "warnings": self.diagnostics.epoch_warnings(row), **row})
        state.model.load_state_dict(state.best_model)

    def _refit(
        self, images: np.ndarray, rows: Rows, epochs: int, name: str, progress: Progress
    ) -> ContrastiveVAE:
        """Start again from all of the training split and take as many epochs as the held-back part found best.

        Rows of the history are reported with ``refit``; they are not kept, since nobody is left to validate them.
        """
        everyone = rows.with_everyone_fitted()
        state = self.start(images, everyone)
        for epoch in range(1, epochs + 1):
            loss = self._take_steps(state, images, everyone, epoch)["loss"]
            row = self.diagnostics.checked({"model": name, "epoch": epoch, "train_loss": loss})
            progress({"epochs": epochs, "refit": True, **row})
        return state.model

    def _epoch(self, state: TrainingState, images: np.ndarray, rows: Rows) -> EpochRow:
        """Epoch 0 only measures the linear start; later ones take steps first."""
        epoch, started = len(state.history), time.perf_counter()
        steps = self._take_steps(state, images, rows, epoch) if epoch else {}
        held_back = self.evaluate(state, images, rows.validation, rows.is_target)
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
        self, state: TrainingState, images: np.ndarray, rows: Rows, epoch: int
    ) -> dict[str, float]:
        """Take one step a paired batch and give the means of what they measured.

        Random states follow from the seed, the epoch's number and the place in it, so nothing but the state has to
        be saved, and several processes draw what one would.
        """
        rng = np.random.default_rng([self.seed, epoch])
        torch.manual_seed(int(rng.integers(2**31)))
        state.model.train()
        steps = []
        for target, background in paired_batches(
            rows.target, rows.background, self.training.batch_size, (self.seed, epoch), rows.sites
        ):
            batch = np.concatenate([target, background])
            seeds, ours = rng.integers(2**31, size=len(batch)).tolist(), distributed.share(len(batch))
            volumes = load_batch(take_maps(images, batch[ours]), self.transform, seeds[ours])
            steps.append(self.step(state, volumes, rows.is_target[batch]))
        return pd.DataFrame(steps).mean().to_dict()

    def step(self, state: TrainingState, volumes: torch.Tensor, is_target: np.ndarray) -> dict[str, float]:
        """One update of the model, then of the critic on the codes as they were.

        Parameters
        ----------
        volumes
            (share, 1, x, y, z) our share of the batch.
        is_target
            (batch,) bool, of all of it.

        Returns
        -------
        dict
            ``loss``, the `Terms`, and ``critic_loss`` and ``critic_accuracy`` where the critic learnt.
        """
        model, device = state.model, self.device
        target = torch.from_numpy(is_target.astype(np.float32)).to(device)
        with torch.autocast(device.type, dtype=self.precision, enabled=self.precision != torch.float32):
            voxels = model.standardise(volumes.to(device))
            terms, codes = contrastive_terms(
                *(model, state.critic, voxels, target, self.objective),
                sample=True,
                classifier=state.classifier,
            )
            loss = weighted_loss(terms, self.objective)
        state.optimiser.zero_grad(set_to_none=True)
        state.scaler.scale(loss).backward()
        distributed.sum_gradients(model.parameters())
        state.scaler.unscale_(state.optimiser)
        torch.nn.utils.clip_grad_norm_(model.parameters(), self.training.gradient_clip)
        state.scaler.step(state.optimiser)
        state.scaler.update()
        measured = {"loss": loss.item(), **{name: value.item() for name, value in terms._asdict().items()}}
        return measured | self._critic_steps(state, codes, target.bool())

    def _critic_steps(self, state: TrainingState, codes: Codes, rows: torch.Tensor) -> dict[str, float]:
        """Let the critic learn from patients' codes, where there is one and a batch has two patients."""
        measured: dict[str, float] = {}
        if state.critic is None or state.critic_optimiser is None or int(rows.sum()) < 2:
            return measured
        for _ in range(self.training.critic_steps):
            background, salient = codes.background.sample()[rows], codes.salient.sample()[rows]
            loss, accuracy = critic_loss(state.critic, background, salient)
            state.critic_optimiser.zero_grad(set_to_none=True)
            loss.backward()
            state.critic_optimiser.step()
            measured = {"critic_loss": loss.item(), "critic_accuracy": accuracy.item()}
        return measured

    @torch.no_grad()
    def evaluate(
        self, state: TrainingState, images: np.ndarray, rows: np.ndarray, is_target: np.ndarray
    ) -> dict[str, float]:
        """Mean loss and terms of some rows: posterior means decoded, no augmentation, full precision.

        Terms of pairs come from all rows at once: a batch may lack a group.

        Parameters
        ----------
        images
            (n, x, y, z) gray-matter maps.
        rows
            Those that are looked at.
        is_target
            (n,) bool.
        """
        model, objective = state.model.eval(), self.objective
        totals: dict[str, float] = dict.fromkeys(("loss", *Terms._fields), 0.0)
        means: list[tuple[torch.Tensor, ...]] = []
        for start in range(0, len(rows), EVALUATION_BATCH):
            batch = rows[start : start + EVALUATION_BATCH]
            ours = batch[distributed.share(len(batch))]
            voxels = model.standardise(load_batch(take_maps(images, ours), None).to(self.device))
            target = torch.from_numpy(is_target[batch].astype(np.float32)).to(self.device)
            terms, codes = contrastive_terms(
                model, state.critic, voxels, target, objective, sample=False, classifier=state.classifier
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
