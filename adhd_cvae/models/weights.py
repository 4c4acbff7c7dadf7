"""Models as safetensors beside a JSON of their settings, and the state that lets training go on exactly."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from adhd_cvae.config import ImageConfig, ModelConfig
from adhd_cvae.errors import InputError
from adhd_cvae.io import atomic_path, file_checksum, read_json, write_json
from adhd_cvae.models.network import ContrastiveVAE, has_patches


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
    weights = stem.with_suffix(".safetensors")
    save_tensors({name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}, weights)
    content = {
        "model": model.config.model_dump(mode="json"),
        "image": image.model_dump(mode="json"),
        "voxels": model.voxels,
        "patches": model.patches,
        **({"sites": list(model.sites)} if model.sites else {}),
        "weights": file_checksum(weights),
        "training_key": key,
        "history": list(history),
    }
    write_json(content, stem.with_suffix(".json"))


def save_tensors(tensors: dict[str, torch.Tensor], path: Path) -> None:
    """Write safetensors that are whole or absent.

    Raises
    ------
    InputError
        There is no room, or no right, to write.
    """
    with atomic_path(path) as temporary:
        try:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary)
        except SafetensorError as error:
            raise InputError(f"{path} cannot be written ({error}).") from None


def finished_training(stem: Path, key: str) -> list[dict[str, Any]] | None:
    """History of a model that has been trained to the end; None where there is none, or its weights changed since.

    Raises
    ------
    InputError
        The model there was trained on other data or settings, or what describes it is damaged.
    """
    name = f"{stem.parent.name}/{stem.name}.json"
    if not stem.with_suffix(".json").exists():
        return None
    try:
        content = read_json(stem.with_suffix(".json"))
        trained_with, history = content["training_key"], content["history"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{name} is damaged. Delete it to train anew.") from None
    if trained_with != key:
        raise InputError(
            f"{name} belongs to training with other data or settings, or of version 0.1, which finishes "
            "it. Choose another OUTPUT_DIR, or --overwrite."
        )
    return history if _is_whole(stem, content) else None


def _is_whole(stem: Path, content: dict[str, Any]) -> bool:
    """Whether the weights are those that were saved, to the bit; earlier versions did not note them."""
    weights = stem.with_suffix(".safetensors")
    return weights.is_file() and content.get("weights") in (None, file_checksum(weights))


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
        # Version 0.1 knew no other trunk.
        config = ModelConfig.model_validate({"trunk": "convolutions", **content["model"]})
        patches = max(int(content["patches"]), 1) if has_patches(config) else None
        sizes = config, image.shape, int(content["voxels"]), patches, content.get("sites", ())
        tensors = load_file(stem.with_suffix(".safetensors"))
        with torch.device("meta"):  # sizes are compared before memory is taken for them
            _compare(ContrastiveVAE(*sizes).state_dict(), tensors)
        model = ContrastiveVAE(*sizes)
        model.load_state_dict(tensors)
        if not _is_whole(stem, content):
            raise ValueError("checksum")
    except FileNotFoundError as error:
        name = Path(str(error.filename or stem)).name
        raise InputError(f"{name} is not in {stem.parent.name}/. Run `adhd-cvae train` first.") from None
    except (SafetensorError, ValidationError, RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{stem.name}.safetensors is damaged or of another model ({reason}). Train again."
        ) from None
    return model.eval(), image


def _compare(expected: dict[str, torch.Tensor], found: dict[str, torch.Tensor]) -> None:
    for name, tensor in expected.items():
        if name not in found or found[name].shape != tensor.shape:
            raise ValueError(f"{name} is not of size {tuple(tensor.shape)}")


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
