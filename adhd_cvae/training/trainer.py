"""How one network is trained: its start, one update, one epoch, and what it is worth on others."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from monai.transforms.compose import Compose
from torch import Tensor

from adhd_cvae.cohort.folds import sampled_rows
from adhd_cvae.config import AugmentationConfig, ImageConfig, ModelConfig, ObjectiveConfig, TrainingConfig
from adhd_cvae.images.cache import take_maps
from adhd_cvae.models.form_choice import in_words
from adhd_cvae.models.initialisation import initial_models
from adhd_cvae.models.network import ContrastiveVAE, empty_model
from adhd_cvae.models.reference_background import Reference
from adhd_cvae.models.sites import known_sites, site_columns
from adhd_cvae.training import distributed
from adhd_cvae.training.augmentation import augmentation, load_batch
from adhd_cvae.training.checkpoint import Checkpoint
from adhd_cvae.training.device import choose_device, choose_precision, deterministic, enough_memory
from adhd_cvae.training.diagnostics import Diagnostics
from adhd_cvae.training.evaluation import evaluate
from adhd_cvae.training.lent import Lent
from adhd_cvae.training.losses import LOGGED, contrastive_terms, weighted_loss
from adhd_cvae.training.sampler import Rows, paired_batches
from adhd_cvae.training.scores import mixed, model_of_scores, project
from adhd_cvae.training.selection import DEEP, RANDOM, START, TRAINED
from adhd_cvae.training.state import (
    EpochRow,
    TrainingState,
    channels_last,
    new_state,
    set_trained_spread,
    spread_by_length,
)
from adhd_cvae.training.steps import Progress, Steps


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
    reference: Reference | None = None
    """Healthy anatomy that the linear start may borrow."""
    lent: np.ndarray | None = None
    """(m, x, y, z) maps of healthy participants elsewhere, around their sites' means."""

    @cached_property
    def lenders(self) -> Lent | None:
        """Those maps as further controls of the steps that see maps; None where none are asked for."""
        share = self.training.lent_controls
        return None if self.lent is None or not share else Lent(self.lent, share)

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
        self,
        images: np.ndarray,
        splits: Sequence[Rows],
        checkpoint: Checkpoint,
        progress: Progress = lambda row: None,
    ) -> list[EpochRow]:
        """Train, or finish, one network (`Steps`); one that is finished stays.

        PyTorch's generators, and whether it is deterministic, are afterwards as they were.

        Parameters
        ----------
        images
            (n, x, y, z) gray-matter maps.
        splits
            Which of them serve what, one a validation split.
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
        history = checkpoint.finished()
        if history is not None:
            for row in history:
                progress({"epochs": sum(self.steps.values()), "splits": len(splits), **row})
            return history
        sizes = (
            "model.channels" if self.model.trunk == "convolutions" else "model.patch_features or model.hidden"
        )
        with deterministic(self.device), enough_memory(self.device, self.training.batch_size, sizes):
            history, model = Steps(self, images, splits, checkpoint, progress).take()
            checkpoint.finish(model, self.grid, history)
        return history

    @property
    def steps(self) -> dict[str, int]:
        """Steps that this network has beside its start, and how many epochs each may take."""
        epochs = self.training.epochs
        if self.model.start == "random":
            return {DEEP: epochs}
        steps = {TRAINED: self.training.linear_epochs if epochs else 0}
        return steps | ({DEEP: epochs} if self.model.correction and epochs else {})

    @property
    def name_of_start(self) -> str:
        """What stands before the first step."""
        return RANDOM if self.model.start == "random" else START

    @cached_property
    def keeps_salient(self) -> bool:
        """Whether the means of s stay where the linear solution puts them."""
        learns = self.training.train_salient
        return not (self.model.start == "random" if learns is None else learns)

    @cached_property
    def _weights(self) -> ObjectiveConfig:
        """The objective, without terms that act on the means of s alone where these are kept."""
        alone = (
            *("salient_of_background", "salient_spread_of_background", "salient_mmd_of_background"),
            "classification",
        )
        return self.objective.model_copy(update=dict.fromkeys(alone, 0.0) if self.keeps_salient else {})

    def start(self, images: np.ndarray, rows: Rows) -> TrainingState:
        """Everything before the first step: the model stands at its start, found from `rows.fitted`.

        A linear start has no correction yet, and is trained on scores (`adhd_cvae.training.scores`) unless it was found
        from a sample. The global torch generator is left as after `seed` and weights of network, critic and classifier.
        """
        is_random = self.model.start == "random"
        config = self.model if is_random else self.model.model_copy(update={"correction": False})
        most, smallest = config.linear.most_participants, self.training.smallest_group
        known = sampled_rows(rows.target, rows.background, most, self.seed, smallest=smallest)
        sites = None if rows.sites is None else rows.sites[known]
        has_scores = not is_random and len(rows.fitted) <= most

        def found() -> dict[str, Any]:
            maps, is_target = take_maps(images, known), rows.is_target[known]
            first = initial_models([config], self.grid, maps, is_target, self.seed, sites, self.reference)
            kept = mixed(first.axes, self.seed) if has_scores else first.axes[:0]
            beside = {"axes": torch.from_numpy(kept), "forms": in_words(first.forms)}
            return beside | first.models[0].state_dict()

        weights = distributed.from_first(found)  # which finds it for all processes
        axes, forms = weights.pop("axes").cpu().numpy(), weights.pop("forms")
        torch.manual_seed(self.seed)
        mask = weights["mask_index"].cpu().numpy()
        model = empty_model(config, self.grid.shape, mask, known_sites(config, sites))
        model.load_state_dict(weights)
        spread = spread_by_length(model)
        if has_scores:
            state = self._state_of(model_of_scores(model, axes), project(model, axes, images))
            state.axes, state.whole = axes, model
        else:  # a random start, or one whose maps no axes of a sample span
            state = self._state_of(model, images)
        columns = site_columns(rows.sites, model.sites, len(images))
        if self.lent is not None:  # of whom the decoder knows no site
            columns = np.vstack([columns, site_columns(None, model.sites, len(self.lent))])
        state.sites = torch.from_numpy(columns).to(self.device)
        state.spread, state.forms = spread, forms
        set_trained_spread(state.model, self.objective.effective_voxels or model.voxels)
        return state

    def deepened(self, before: TrainingState, images: np.ndarray) -> TrainingState:
        """The same linear maps, on maps, with a correction that starts at zero and learns alone.

        So that what this step gains is the correction's; trained on, linear maps overfit.
        """
        torch.manual_seed(self.seed)
        linear = before.model_of_maps().state_dict()
        mask = linear["mask_index"].cpu().numpy()
        model = empty_model(self.model, self.grid.shape, mask, before.model.sites)
        model.load_state_dict(model.state_dict() | linear)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(".linear." not in name)
        state = self._state_of(model, images)
        state.spread, state.sites = before.spread, before.sites
        return state

    def _state_of(self, model: ContrastiveVAE, maps: np.ndarray) -> TrainingState:
        model = channels_last(model.to(self.device))
        if model.salient_encoder is not None and self.keeps_salient:
            model.salient_encoder.keep_mean()
        return new_state(model, maps, self._weights, self.training, self.precision)

    def epoch(self, state: TrainingState, rows: Rows, number: int) -> EpochRow:
        """Take the steps of an epoch and measure; epoch 0 only measures where the network stands."""
        started = time.perf_counter()
        steps = self.take_steps(state, rows, number) if number else {}
        held_back = self.evaluate(state, rows.validation, rows.is_target)
        measured = steps or held_back
        return {
            "train_loss": measured["loss"],
            "validation_loss": held_back["loss"],
            "validation_nats": held_back["nats"],
            "mean_nats": held_back["mean_nats"],
            "reconstruction": measured["unexplained"],
            "validation_reconstruction": held_back["unexplained"],
            **{name: measured[name] for name in LOGGED},
            "critic_loss": measured.get("critic_loss", math.nan),
            "critic_accuracy": measured.get("critic_accuracy", math.nan),
            "seconds": round(time.perf_counter() - started, 3),
            "time_ms": time.time_ns() // 1_000_000,
        }

    def take_steps(self, state: TrainingState, rows: Rows, epoch: int) -> dict[str, float]:
        """Take one step a paired batch and give the means of what they measured.

        Random states follow from seed, epoch and place in it: the state is all to save, and processes draw as one.
        """
        transform, take = self.transform if state.axes is None else None, partial(take_maps, state.maps)
        if self.lenders is not None and state.axes is None:
            take, rows = self.lenders.beside(state.maps, rows, (self.seed, epoch))
        rng = np.random.default_rng([self.seed, epoch])
        torch.manual_seed(int(rng.integers(2**31)))
        state.model.train()
        steps = []
        for target, background in paired_batches(
            rows.target, rows.background, self.training.batch_size, (self.seed, epoch), rows.sites
        ):
            batch = np.concatenate([target, background])
            seeds, ours = rng.integers(2**31, size=len(batch)).tolist(), distributed.share(len(batch))
            volumes = load_batch(take(batch[ours]), transform, seeds[ours])
            steps.append(self.step(state, volumes, rows.is_target[batch], state.sites[batch[ours]]))
        return pd.DataFrame(steps).mean().to_dict()

    def step(
        self, state: TrainingState, volumes: Tensor, is_target: np.ndarray, site: Tensor | None = None
    ) -> dict[str, float]:
        """One update of the model, then of the critic on the codes as they were.

        Parameters
        ----------
        volumes, site
            (share, 1, x, y, z) our share of the batch, and (share, sites) their rows of the state's `sites`.
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
                *(model, state.critic, voxels, target, self._weights),
                sample=True,
                classifier=state.classifier,
                site=site,
            )
            loss = weighted_loss(terms, self._weights)
        state.optimiser.zero_grad(set_to_none=True)
        state.scaler.scale(loss).backward()
        distributed.sum_gradients(model.parameters())
        state.scaler.unscale_(state.optimiser)
        torch.nn.utils.clip_grad_norm_(model.parameters(), self.training.gradient_clip)
        state.scaler.step(state.optimiser)
        state.scaler.update()
        measured = {"loss": loss.item(), **{name: value.item() for name, value in terms._asdict().items()}}
        return measured | state.teach_critic(codes, target.bool(), self.training.critic_steps)

    def evaluate(self, state: TrainingState, rows: np.ndarray, is_target: np.ndarray) -> dict[str, float]:
        """What `adhd_cvae.training.evaluation.evaluate` measures of some rows, (n,) of them bool `is_target`."""
        torch.manual_seed(self.seed)  # the same posterior samples whenever these rows are measured
        return evaluate(state, rows, is_target, self._weights)
