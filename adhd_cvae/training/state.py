"""Who serves what in training, and everything that changes while it goes on."""

import hashlib
import io
import math
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import nn

from adhd_cvae.cohort.split import sampled_rows
from adhd_cvae.config import ModelConfig, Recipe, TrainingConfig
from adhd_cvae.errors import InputError
from adhd_cvae.images.cache import take_maps
from adhd_cvae.io import atomic_path
from adhd_cvae.models.initialisation import initial_model
from adhd_cvae.models.network import ContrastiveVAE, Critic
from adhd_cvae.training import distributed
from adhd_cvae.training.sampler import SMALLEST_GROUP_TO_HOLD_BACK, Rows

EpochRow = dict[str, Any]


@dataclass
class Learner:
    """Everything that changes during training."""

    model: ContrastiveVAE
    critic: Critic | None
    classifier: nn.Linear | None
    """Tells the groups from s, for objectives with that term; learns with the model."""
    optimiser: torch.optim.Optimizer
    critic_optimiser: torch.optim.Optimizer | None
    scaler: torch.amp.GradScaler
    history: list[EpochRow] = field(default_factory=list)
    best_loss: float = math.inf
    best_model: dict[str, torch.Tensor] = field(default_factory=dict)
    stale_epochs: int = 0

    def parts(self) -> dict[str, Any]:
        """The parts that have a state_dict."""
        parts = {"model": self.model, "critic": self.critic, "classifier": self.classifier}
        parts |= {"optimiser": self.optimiser, "critic_optimiser": self.critic_optimiser}
        parts |= {"scaler": self.scaler}
        return {name: part for name, part in parts.items() if part is not None}

    def keep_best(self, loss: float) -> None:
        """Remember the model of the lowest validation loss, and for how many epochs it has stood."""
        if loss < self.best_loss:
            self.best_loss, self.stale_epochs = loss, 0
            self.best_model = {
                name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()
            }
        else:
            self.stale_epochs += 1

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


_PROGRESS = ("history", "best_loss", "best_model", "stale_epochs")


def new_learner(config: ModelConfig, images: np.ndarray, rows: Rows, recipe: Recipe) -> Learner:
    """Build model, critic, classifier and optimisers; the model stands at its linear start."""
    training, device = recipe.training, choose_device(recipe.training.device)
    model = channels_last(_start(config, images, rows, recipe).to(device))
    critic = None
    if config.salient and recipe.objective.total_correlation > 0:
        critic = Critic(config.background, config.salient, nonlinear=recipe.objective.critic == "nonlinear")
        critic = critic.to(device)
    classifier = None
    if config.salient and recipe.objective.classification > 0:
        classifier = nn.Linear(config.salient, 1).to(device)
    if model.salient_encoder is not None and not learns_salient(recipe):
        model.salient_encoder.keep_mean()
    groups = _parameter_groups(model, training)
    if classifier is not None:
        groups.append({"params": list(classifier.parameters())})
    return Learner(
        model=model,
        critic=critic,
        classifier=classifier,
        optimiser=torch.optim.Adam(groups, lr=training.learning_rate, fused=True),
        critic_optimiser=torch.optim.Adam(critic.parameters(), lr=training.learning_rate) if critic else None,
        scaler=torch.amp.GradScaler(
            device.type, enabled=choose_precision(training.precision, device) == torch.float16
        ),
    )


def _start(config: ModelConfig, images: np.ndarray, rows: Rows, recipe: Recipe) -> ContrastiveVAE:
    """The model at its linear start, which the first of several processes finds for all of them.

    The global torch generator is left as it is after `recipe.seed` and the network's own weights.
    """
    known = sampled_rows(rows.target, rows.background, recipe.seed, SMALLEST_GROUP_TO_HOLD_BACK)
    weights = distributed.from_first(
        lambda: initial_model(
            config,
            recipe.image,
            take_maps(images, known),
            rows.is_target[known],
            recipe.seed,
            None if rows.sites is None else rows.sites[known],
        ).state_dict()
    )
    torch.manual_seed(recipe.seed)
    model = ContrastiveVAE(config, recipe.image.shape, len(weights["mask_index"]))
    model.load_state_dict(weights)
    return model


def learns_salient(recipe: Recipe) -> bool:
    """Whether steps are taken on the means of s."""
    asked = recipe.training.train_salient
    return recipe.model.start == "random" if asked is None else asked


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


def channels_last(model: ContrastiveVAE) -> ContrastiveVAE:
    """Lay convolution weights out as the CPU and GPU kernels like them; codes and losses do not change."""
    for parameter in model.parameters():
        if parameter.ndim == 5:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last_3d)
    return model


def choose_device(name: str) -> torch.device:
    """``auto`` is a CUDA GPU where there is one, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """``auto`` is bfloat16 where the device computes in it, else float32."""
    if name != "auto":
        return getattr(torch, name)
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return (
        torch.bfloat16 if capabilities.get("amx_bf16") or capabilities.get("avx512_bf16") else torch.float32
    )


def save_state(state: dict[str, Any], path: Path) -> None:
    """Write tensors, numbers and lists so that an interruption leaves either the old or the new state.

    A checksum goes first: PyTorch reads a file with a changed bit without a word.
    """
    content = io.BytesIO()
    torch.save(state, content)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(hashlib.sha256(content.getbuffer()).digest())
        file.write(content.getbuffer())


def load_state(path: Path, key: str) -> dict[str, Any] | None:
    """Read a training state whose `key` is ours; None where there is none. Never runs pickled code.

    Raises
    ------
    InputError
        The file is damaged, or belongs to training with other data or settings.
    """
    if not path.exists():
        return None
    try:
        with path.open("rb") as file:
            checksum, content = file.read(hashlib.sha256().digest_size), file.read()
        if hashlib.sha256(content).digest() != checksum:
            raise ValueError("its checksum is another")
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path.name} is damaged ({str(error).splitlines()[0]}). Delete it to train anew."
        ) from None
    if not isinstance(state, dict) or state.get("key") != key:
        raise InputError(
            f"{path.name} belongs to training with other data or settings. Choose another OUTPUT_DIR, or --overwrite."
        )
    return state
