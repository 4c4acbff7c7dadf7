"""pybids' index of a BIDS directory's images, kept between calls, made again when any file came or went."""

import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from adhd_cvae.errors import InputError
from adhd_cvae.io import fingerprint, read_json, write_json

INDEX_FILE = "index.json"
_IMAGE = (".nii", ".nii.gz")
_NOT_ANATOMY = (
    r"/(?:func|dwi|fmap|perf|meg|eeg|figures|surf|logs?|code|stimuli|sourcedata|models|derivatives)(?:/|$)"
)
IGNORED = (re.compile(r"/\."), re.compile(_NOT_ANATOMY), re.compile(r"(?<!\.nii)\.(?!nii$)[A-Za-z0-9]+$"))
"""Paths, relative to a dataset and with a leading slash, that hold no gray-matter map."""


class Image(NamedTuple):
    """An image: its path and its dataset's folder, relative to the BIDS directory, and pybids' entities."""

    path: str
    root: str
    entities: dict[str, str]


def index_images(
    bids_dir: Path, cache_dir: Path | None = None, tick: Callable[[int, int], None] = lambda done, total: None
) -> list[Image]:
    """List the images of a BIDS directory and of its ``derivatives/*``, with what their names say.

    Parameters
    ----------
    cache_dir
        Where to keep the index; None to make it afresh. It is used again only while the same files are there.
        It holds what names say and nothing of the files' content, so a changed file needs no new index.
    tick
        Called with how many images pybids has seen, and of how many.

    Raises
    ------
    InputError
        There is no such folder.
    """
    if not bids_dir.is_dir():
        raise InputError(f"{bids_dir}: no such folder; expected a BIDS dataset.")
    walks = {root: walk(root, _ignored) for root in derivative_roots(bids_dir)}
    if cache_dir is None:
        return list(_index(bids_dir, walks, tick))
    files = sorted(
        f"{root.relative_to(bids_dir)}{file}" for root, found in walks.items() for file in found.files
    )
    state = fingerprint([version("pybids"), [one.pattern for one in IGNORED], files])
    try:
        kept = read_json(cache_dir / INDEX_FILE)
        if kept["state"] == state:
            return [Image(*entry) for entry in kept["images"]]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no index yet, or an unreadable one: make it
    images = list(_index(bids_dir, walks, tick))
    write_json({"state": state, "images": images}, cache_dir / INDEX_FILE)
    return images


def derivative_roots(bids_dir: Path) -> list[Path]:
    """Name the folders to index: the directory itself and each of its ``derivatives``."""
    derivatives = bids_dir / "derivatives"
    inner = sorted(path for path in derivatives.iterdir() if path.is_dir()) if derivatives.is_dir() else []
    inner = [path for path in inner if not path.name.startswith(".")]
    if any(path.name.startswith("sub-") for path in inner):
        inner = [derivatives]
    return [bids_dir, *inner]


class Walk(NamedTuple):
    """A folder's files, by their paths from it with a leading slash, and the links that were not followed."""

    files: list[str]
    links: list[str]


def walk(root: Path, leave_out: Callable[[str], bool]) -> Walk:
    """List a folder's files through links, entering no folder twice and none that holds `root`.

    Links can lead in a circle, or by two ways each to a folder with two more: without this a walk has no end. Real
    folders come first, so that of a folder and a link to it the link is the one left out.
    """
    entered, files, links = {_identity(parent) for parent in root.resolve().parents}, [], []
    waiting = [str(root)]
    for start in waiting:  # grows meanwhile
        for folder, folders, names in os.walk(start):
            here = folder[len(str(root)) :]
            if _identity(folder) in entered:
                links.append(here)
                folders.clear()
                continue
            entered.add(_identity(folder))
            folders[:] = sorted(name for name in folders if not leave_out(f"{here}/{name}"))
            waiting += [f"{folder}/{name}" for name in folders if os.path.islink(f"{folder}/{name}")]
            files += [f"{here}/{name}" for name in names if not leave_out(f"{here}/{name}")]
    return Walk(sorted(files), links)


def _identity(folder: str | Path) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _ignored(path: str) -> bool:
    return any(pattern.search(path) for pattern in IGNORED)


@dataclass
class _Counter:
    """Stands among pybids' patterns of what to ignore: it is asked about every image left, matches none and counts."""

    total: int
    tick: Callable[[int, int], None]
    done: int = 0

    def search(self, path: str) -> None:
        if path.endswith(_IMAGE):
            self.done += 1
            self.tick(self.done, self.total)


def _index(bids_dir: Path, walks: Mapping[Path, Walk], tick: Callable[[int, int], None]) -> Iterator[Image]:
    counter = _Counter(sum(file.endswith(_IMAGE) for walked in walks.values() for file in walked.files), tick)
    for root, walked in walks.items():
        description = root / "dataset_description.json"
        if description.exists() and not description.is_file():
            raise InputError(f"{description} is a pipe, a device or a folder; expected a JSON file.")
        relative = "" if root == bids_dir else root.relative_to(bids_dir).as_posix()
        for path, entities in sorted(_entities(root, walked.links, counter).items()):
            if path.endswith(_IMAGE):
                yield Image(Path(os.path.relpath(path, bids_dir)).as_posix(), relative, entities)


def _entities(root: Path, links: Sequence[str], counter: _Counter) -> dict[str, dict[str, str]]:
    """Index one dataset with pybids, names only: reading sidecars would take three times as long."""
    with warnings.catch_warnings():
        # pybids warns of its own deprecated calls and of datasets that lack what only a validator needs.
        warnings.simplefilter("ignore")
        from bids.layout import BIDSLayout, BIDSLayoutIndexer
        from bids.layout.models import Tag

        circles = [re.compile(f"^{re.escape(link)}(/|$)") for link in links]
        indexer = BIDSLayoutIndexer(
            validate=False, index_metadata=False, ignore=[*IGNORED, *circles, counter]
        )
        layout: Any = BIDSLayout(
            root, validate=False, is_derivative=True, indexer=indexer, config=["bids", "derivatives"]
        )
        found: dict[str, dict[str, str]] = {path: {} for path in layout.files}
        # One query for all: pybids' get_entities asks its database file by file, for longer than it indexed.
        for path, entity, value in layout.session.query(Tag.file_path, Tag.entity_name, Tag._value):
            found[path][entity] = str(value)
        layout.session.close()
    return found
