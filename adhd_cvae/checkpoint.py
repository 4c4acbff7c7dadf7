"""Models as safetensors beside a JSON of their settings, and the state that lets training go on exactly."""

from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from adhd_cvae.config import ImageConfig, ModelConfig
from adhd_cvae.errors import InputError
from adhd_cvae.files import atomic_path, read_json, write_json
from adhd_cvae.network import ContrastiveVAE


def save_model(
    model: ContrastiveVAE,
    image: ImageConfig,
    stem: Path,
    key: str = "",
    history: Sequence[dict[str, Any]] = (),
) -> None:
    """Write ``<stem>.safetensors`` (weights, mask, mean and scale), then ``<stem>.json``, which makes it whole.

    `key` names the data and settings it was trained on, and `history` how, for `finished_training`.
    """
    with atomic_path(stem.with_suffix(".safetensors")) as temporary:
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
        save_file(state, temporary)
    content = {
        "model": model.config.model_dump(mode="json"),
        "image": image.model_dump(mode="json"),
        "voxels": model.voxels,
        "training_key": key,
        "history": list(history),
    }
    write_json(content, stem.with_suffix(".json"))


def finished_training(stem: Path, key: str) -> list[dict[str, Any]] | None:
    """History of a model that has been trained to the end; None where there is none.

    Raises
    ------
    InputError
        The model there was trained on other data or settings.
    """
    if not stem.with_suffix(".json").exists():
        return None
    content = read_json(stem.with_suffix(".json"))
    if content["training_key"] != key:
        raise InputError(
            f"{stem.parent.name}/{stem.name}.json belongs to training with other data or settings. "
            f"Choose another OUTPUT_DIR, or --overwrite."
        )
    return content["history"]


def load_model(stem: Path) -> tuple[ContrastiveVAE, ImageConfig]:
    """Read what `save_model` wrote, in evaluation mode.

    Raises
    ------
    InputError
        A file is missing, damaged or of another model.
    """
    try:
        content = read_json(stem.with_suffix(".json"))
        image = ImageConfig.model_validate(content["image"])
        model = ContrastiveVAE(
            ModelConfig.model_validate(content["model"]), image.shape, int(content["voxels"])
        )
        model.load_state_dict(load_file(stem.with_suffix(".safetensors")))
    except FileNotFoundError as error:
        name = Path(str(error.filename or stem)).name
        raise InputError(f"{name} is not in {stem.parent.name}/. Run `adhd-cvae train` first.") from None
    except (SafetensorError, ValidationError, RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{stem.name}.safetensors is damaged or of another model ({reason}). Train again."
        ) from None
    return model.eval(), image


def load_weights(model: ContrastiveVAE, path: str | Path) -> ContrastiveVAE:
    """Fill a network of the right sizes with weights that `save_model` wrote; return it in evaluation mode.

    Raises
    ------
    InputError
        The file is missing, damaged or of another model.
    """
    try:
        model.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(
            f"{Path(path).name} is missing, damaged or of another model ({str(error).splitlines()[0]})."
        ) from None
    return model.eval()


def save_state(state: dict[str, Any], path: Path) -> None:
    """Write tensors, numbers and lists so that an interruption leaves either the old or the new state."""
    with atomic_path(path) as temporary:
        torch.save(state, temporary)


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
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path.name} is damaged ({str(error).splitlines()[0]}). Delete it to train anew."
        ) from None
    if state["key"] != key:
        raise InputError(
            f"{path.name} belongs to training with other data or settings. Choose another OUTPUT_DIR, or --overwrite."
        )
    return state
