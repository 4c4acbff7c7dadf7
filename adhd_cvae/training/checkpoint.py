"""What training keeps on disk: the state that resumes to the same bits, and the finished model."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from adhd_cvae.config import ImageConfig, Recipe
from adhd_cvae.config.identity import RENAMED_TERMS, identity
from adhd_cvae.errors import InputError
from adhd_cvae.io import atomic_path, fingerprint, remove
from adhd_cvae.models.network import ContrastiveVAE
from adhd_cvae.models.weights import finished_training, save_model
from adhd_cvae.training import distributed
from adhd_cvae.training.selection import STEPS
from adhd_cvae.training.state import EpochRow


def training_key(recipe: Recipe, participants: Sequence[Sequence[str]], reference: str = "") -> str:
    """Name a training by its settings, its steps and its participants; one of version 0.1 had other steps.

    Parameters
    ----------
    recipe
        Its name and its analysis don't count.
    participants
        Identifier and group of each who is trained on, in the order of the images.
    reference
        What is borrowed, if anything is: the checksum of the reference, and how many lend their maps.
    """
    counted = {part: value for part, value in identity(recipe).items() if part not in ("name", "analysis")}
    return fingerprint([counted, STEPS, participants, *([reference] if reference else [])])


@dataclass(frozen=True)
class Checkpoint:
    """The files of one network. Of several processes the first alone reads and writes them.

    Attributes
    ----------
    stem
        ``<folder>/<network>``: a finished model is ``.safetensors`` and ``.json``, an unfinished one ``-resume.pt``.
    key
        The `training_key`.
    """

    stem: Path
    key: str

    @property
    def name(self) -> str:
        """The network's name, ``cvae`` or ``vae``."""
        return self.stem.name

    @property
    def _unfinished(self) -> Path:
        return self.stem.with_name(f"{self.name}-resume.pt")

    def finished(self) -> list[EpochRow] | None:
        """History of a model that has been trained to the end; None where there is none.

        Raises
        ------
        InputError
            It belongs to other data or settings, or is damaged.
        """
        history = distributed.from_first(lambda: finished_training(self.stem, self.key))
        return None if history is None else _with_names_of_today(history)

    def load(self) -> dict[str, Any] | None:
        """State of a training that was interrupted; None where there is none.

        Raises
        ------
        InputError
            It belongs to other data or settings, or is damaged.
        """
        state = distributed.from_first(lambda: load_state(self._unfinished, self.key))
        return None if state is None else state | {"history": _with_names_of_today(state["history"])}

    def save(self, state: dict[str, Any]) -> None:
        """Keep the state of a training that goes on."""
        if distributed.is_first():
            save_state({"key": self.key, **state}, self._unfinished)

    def finish(self, model: ContrastiveVAE, grid: ImageConfig, history: Sequence[EpochRow]) -> None:
        """Keep the trained model, and its state no longer."""
        if distributed.is_first():
            save_model(model, grid, self.stem, self.key, history)
            remove(self._unfinished)


def _with_names_of_today(history: Sequence[EpochRow]) -> list[EpochRow]:
    """Rows as version 0.1 wrote them, with the terms' names of today; others as they are."""
    return [{RENAMED_TERMS.get(name, name): value for name, value in row.items()} for row in history]


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
            f"{path.name} belongs to training with other data or settings, or of version 0.1, which finishes "
            "it. Choose another OUTPUT_DIR, or --overwrite."
        )
    return state
