"""Everything that changes while a network is trained."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from adhd_cvae.config import ObjectiveConfig, TrainingConfig
from adhd_cvae.models.network import Codes, ContrastiveVAE, Critic
from adhd_cvae.training.losses import critic_loss
from adhd_cvae.training.scores import into_voxels

EpochRow = dict[str, Any]
"""A row of the history: column to value."""
_PROGRESS = ("history", "best_loss", "best_model", "stale_epochs")
_PARTS = ("model", "critic", "classifier", "optimiser", "critic_optimiser", "scaler")


@dataclass
class TrainingState:
    """Everything that changes during training."""

    model: ContrastiveVAE
    critic: Critic | None
    classifier: nn.Linear | None
    """Tells the groups from s, for objectives with that term; learns with the model."""
    optimiser: torch.optim.Optimizer
    critic_optimiser: torch.optim.Optimizer | None
    scaler: torch.amp.GradScaler
    maps: np.ndarray
    """(n, …) what the model is trained on: gray-matter maps, or scores that stand for them."""
    sites: torch.Tensor
    """(n, sites) `site_columns` that its decoder takes; without columns where it takes none."""
    axes: np.ndarray | None = None
    """(axes, voxels) of the scores; None where the model sees maps."""
    whole: ContrastiveVAE | None = None
    """Of scores: the model of maps that they began from."""
    spread: dict[str, torch.Tensor] = field(default_factory=dict)
    """Log error variance of each space's codes for linear weights of length one; follows from the start."""
    forms: str = ""
    """Forms of the linear model that were compared at the start, in words; empty where nothing could be borrowed."""
    history: list[EpochRow] = field(default_factory=list)
    """Rows of this step."""
    best_loss: float = math.inf
    best_model: dict[str, torch.Tensor] = field(default_factory=dict)
    stale_epochs: int = 0

    def parts(self) -> dict[str, Any]:
        """The parts that have a state_dict."""
        return {name: part for name in _PARTS if (part := getattr(self, name)) is not None}

    def keep_best(self, loss: float) -> None:
        """Remember the model of the lowest validation loss, and for how many epochs it has stood."""
        if loss < self.best_loss:
            self.best_loss, self.stale_epochs = loss, 0
            self.best_model = {
                name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()
            }
        else:
            self.stale_epochs += 1

    def model_of_maps(self) -> ContrastiveVAE:
        """The model as it stands, for maps."""
        if self.axes is None or self.whole is None:
            return self.model
        return into_voxels(self.model, self.whole, self.axes)

    @torch.no_grad()
    def finished_model(self) -> ContrastiveVAE:
        """The same with the posteriors' closed-form spread: training needs another (`set_trained_spread`)."""
        model = self.model_of_maps()
        for name, encoder in model.encoders().items():
            if name in self.spread:
                encoder.log_variance.copy_(self.spread[name].to(encoder.log_variance) + encoder.log_length())
        return model

    def teach_critic(self, codes: Codes, rows: torch.Tensor, steps: int) -> dict[str, float]:
        """Let the critic learn from patients' codes, `rows`, where there is one and a batch has two patients."""
        measured: dict[str, float] = {}
        if self.critic is None or self.critic_optimiser is None or int(rows.sum()) < 2:
            return measured
        for _ in range(steps):
            background, salient = codes.background.sample()[rows], codes.salient.sample()[rows]
            loss, accuracy = critic_loss(self.critic, background, salient)
            self.critic_optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.critic_optimiser.step()
            measured = {"critic_loss": loss.item(), "critic_accuracy": accuracy.item()}
        return measured

    def state(self) -> dict[str, Any]:
        """All of it as tensors, numbers and lists."""
        return {name: getattr(self, name) for name in _PROGRESS} | {
            name: part.state_dict() for name, part in self.parts().items()
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Undo `state`."""
        for name in _PROGRESS:
            setattr(self, name, state[name])
        for name, part in self.parts().items():
            part.load_state_dict(state[name])


def new_state(
    model: ContrastiveVAE,
    maps: np.ndarray,
    objective: ObjectiveConfig,
    training: TrainingConfig,
    precision: torch.dtype,
) -> TrainingState:
    """Put critic, classifier and optimisers, as far as the objective needs them, beside a model on its device."""
    config, device = model.config, model.voxel_mean.device
    critic = None
    if config.salient and objective.total_correlation > 0:
        sizes, nonlinear = (config.background, config.salient), objective.critic == "nonlinear"
        critic = Critic(*sizes, nonlinear=nonlinear, hidden=objective.critic_hidden).to(device)
    classifier = None
    if config.salient and objective.classification > 0:
        classifier = nn.Linear(config.salient, 1).to(device)
    groups = _parameter_groups(model, training)
    if classifier is not None:
        groups.append({"params": list(classifier.parameters())})
    return TrainingState(
        model=model,
        critic=critic,
        classifier=classifier,
        optimiser=torch.optim.Adam(groups, lr=training.learning_rate, fused=True),
        critic_optimiser=torch.optim.Adam(critic.parameters(), lr=training.learning_rate) if critic else None,
        scaler=torch.amp.GradScaler(device.type, enabled=precision == torch.float16),
        maps=maps,
        sites=torch.zeros(len(maps), len(model.sites), device=device),
    )


def _parameter_groups(model: ContrastiveVAE, training: TrainingConfig) -> list[dict[str, Any]]:
    """What learns: the linear maps, each at a rate of its own, and the rest."""
    learning = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    groups: list[dict[str, Any]] = [
        {"params": [parameter for name, parameter in learning.items() if ".linear." not in name]}
    ]
    for name, parameter in learning.items():
        if ".linear." in name:  # Adam's steps are as large as its rate: small weights need small ones
            size = float(parameter.detach().square().mean().sqrt())
            groups.append({"params": [parameter], "lr": training.linear_learning_rate * size})
    return groups


def spread_by_length(model: ContrastiveVAE) -> dict[str, torch.Tensor]:
    """Log error variance of each space's codes for linear weights of length one; of a random start nothing."""
    return {
        name: encoder.log_variance.detach() - encoder.log_length()
        for name, encoder in model.encoders().items()
        if encoder.linear is not None
    }


@torch.no_grad()
def set_trained_spread(model: ContrastiveVAE, effective_voxels: float) -> None:
    """Put the posteriors' spreads where the bound of the likelihood is best: 1 / (1 + Σ W² / σ²), unit by unit.

    That is the mean-field posterior of the linear-Gaussian model whose noise counts `effective_voxels` (Bishop 2006,
    10.1.2). It says how finely the likelihood reads a code, not how far codes are from the truth.
    """
    if model.decoder.linear is None:
        return
    squares = model.decoder.linear.weight.square().mean(dim=0) * effective_voxels / model.log_noise.exp()
    background, salient, _ = squares.split([model.config.background, model.config.salient, len(model.sites)])
    for name, encoder in model.encoders().items():
        encoder.log_variance.copy_(-torch.log1p(salient if name == "salient" else background))


def channels_last(model: ContrastiveVAE) -> ContrastiveVAE:
    """Lay convolution weights out as the CPU and GPU kernels like them; codes and losses do not change."""
    for parameter in model.parameters():
        if parameter.ndim == 5:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last_3d)
    return model
