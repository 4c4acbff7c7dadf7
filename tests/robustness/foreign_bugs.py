"""Ten bugs of `pipelines.output_dir.ownership` and around it, for the campaign of foreign files to find."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adhd_cvae import io as files
from adhd_cvae.errors import InputError
from pipelines.output_dir import inventory, ownership, provenance

Bug = Callable[[pytest.MonkeyPatch], None]


def _stubborn(method: str, instead: Callable[..., object]) -> Bug:
    return lambda patch: patch.setattr(ownership.Owned, method, instead)


def _forgotten(function: str, instead: object) -> Bug:
    return lambda patch: patch.setattr(ownership, function, instead)


def _blind(self: ownership.Owned, path: Path, name: str) -> list[None]:
    if os.path.lexists(path) and self._known(name) is None:
        raise InputError(f"{path} is not ours")
    return [None]


def _clears_all(folder: Path, names: list[str]) -> None:
    for name in names:
        shutil.rmtree(folder / name, ignore_errors=True)


BUGS: dict[str, Bug] = {
    "a stage clears whole folders": lambda patch: patch.setattr(provenance, "clear", _clears_all),
    "whatever is there may be replaced": _stubborn("_allowed", lambda self, path, name: []),
    "links are not followed": _stubborn("_place", staticmethod(lambda path: path.absolute())),
    "an edit is not noticed": _stubborn("_allowed", _blind),
    "an edit is thrown away": _forgotten("_free", lambda path: path.with_name(".writing-gone")),
    "a raw dataset is like any folder": _forgotten("refuse_raw_dataset", lambda folder, dataset: None),
    "every folder is ours": _forgotten(
        "_claim", lambda folder, way_in: (folder, inventory.read(folder) or {})
    ),
    "of an earlier version is everything": lambda patch: patch.setattr(
        inventory,
        "of_earlier_version",
        lambda folder: {
            one.relative_to(folder).as_posix(): [None] for one in folder.rglob("*") if one.is_file()
        },
    ),
    "tables count as regenerated": _forgotten(
        "REGENERATED", ("cache", "checkpoints", "analysis", "maps", "figures")
    ),
    "nobody is asked": lambda patch: patch.setattr(files, "_guards", _Nobody()),
}
"""Bug to what plants it."""


class _Nobody(list):
    """Guards that are never asked."""

    def __iter__(self) -> Iterator[object]:
        return iter(())
