"""A reference as safetensors beside a JSON: what travels from one hospital to another."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from adhd_cvae.errors import InputError
from adhd_cvae.io import atomic_path, file_checksum, read_json, write_json
from adhd_cvae.models.reference_background import Reference

STEM = "reference"
_ARRAYS = ("mean", "spread", "axes", "variances", "columns")
_NUMBERS = ("count", "freedom", "size")


def save_reference(reference: Reference, folder: Path, provenance: Mapping[str, Any]) -> None:
    """Write ``reference.safetensors`` and ``reference.json``: `provenance`, and how many it was learnt from."""
    arrays = (folder / STEM).with_suffix(".safetensors")
    with atomic_path(arrays) as temporary:
        save_file({name: np.ascontiguousarray(getattr(reference, name)) for name in _ARRAYS}, temporary)
    numbers = {name: getattr(reference, name) for name in _NUMBERS}
    write_json(
        {**provenance, **numbers, "checksum": file_checksum(arrays)}, (folder / STEM).with_suffix(".json")
    )


def load_reference(folder: Path) -> tuple[Reference, dict[str, Any]]:
    """Read what `save_reference` wrote: the reference and its provenance.

    Raises
    ------
    InputError
        There is none, or it is damaged.
    """
    stem = folder / STEM
    if not stem.with_suffix(".json").is_file():
        raise InputError(
            f"{folder} holds no {STEM}.json: expected a folder that `adhd-cvae background BIDS_DIR FOLDER` or "
            "ReferenceBackground.save made, or a BIDS directory where `cohort.background_from` names it."
        )
    try:
        content = read_json(stem.with_suffix(".json"))
        arrays = load_file(stem.with_suffix(".safetensors"))
        if content.pop("checksum") != file_checksum(stem.with_suffix(".safetensors")):
            raise ValueError("its arrays are not those of its JSON")
        count, freedom, size = (int(content.pop(name)) for name in _NUMBERS)
        mean, spread, axes, variances, columns = (arrays[name] for name in _ARRAYS)
        return Reference(mean, spread, axes, variances, count, freedom, columns, size), content
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{stem.name} in {folder} is damaged ({str(error).splitlines()[0]}). Make it again."
        ) from None
