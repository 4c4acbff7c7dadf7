"""Whose folder is it? The one place that decides, before anything is written, replaced or removed.

A folder of ours holds an inventory of what was written there: names relative to it, with checksums. Only what stands in
the inventory is ever replaced or removed; everything else belongs to somebody, and stays as it is.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from adhd_cvae.errors import InputError
from adhd_cvae.io import WRITING, guarded, remove
from bids_adapters.derivatives import read_description
from pipelines.output_dir import inventory
from pipelines.output_dir.inventory import INVENTORY, WAY_IN, Seal, Seals, seal

_WORKING = frozenset({INVENTORY, ".in-use.lock", ".in-use.json"})
"""Ours by name alone."""
REGENERATED = ("cache", "checkpoints")
"""What is listed in these folders nobody edits: damaged, it is made again."""
DESCRIPTIVE = ("dataset_description.json", "README.md", ".bidsignore")
"""What people add to: once edited they stay as they are, and nothing is refused for it."""
_SHOWN = 5


def is_regenerated(name: str) -> bool:
    """Whether nobody edits a file of this name; of run.json, what was read is kept."""
    *folders, file = name.split("/")
    return file == "run.json" or not set(REGENERATED).isdisjoint(folders)


@dataclass
class Owned:
    """A folder of ours while a command works in it: the guard of `adhd_cvae.io`.

    Parameters
    ----------
    folder
        Absolute, without links.
    overwrite
        Whether a listed file that somebody edited may be replaced; the edit is kept beside it.
    """

    folder: Path
    overwrite: bool = False
    seals: Seals = field(default_factory=dict)
    keeps_inventory: bool = True

    def replacing(self, path: Path, new: Path | None) -> None:
        """Refuse what is not ours, keep what somebody edited, list what comes.

        Raises
        ------
        InputError
            A file there is somebody else's, or was edited and may not be replaced, or lies outside.
        """
        name = self._name(path)
        if name is not None:
            before = self._allowed(path, name)
            self._note(name, [*before, None if new is None else seal(new)])

    def removing(self, path: Path) -> None:
        """Refuse what is not ours, keep what somebody edited.

        Raises
        ------
        InputError
            As `replacing`.
        """
        name = self._name(path)
        if name is not None:
            self._allowed(path, name)

    def listed(self, *below: Path) -> list[Path]:
        """Files of ours that are there, of these names or in these folders."""
        files = [self.folder / name for name in self.seals]
        wanted = {self._place(one) for one in below}
        return [
            file for file in files if os.path.lexists(file) and not wanted.isdisjoint((file, *file.parents))
        ]

    def objections(self, *places: Path) -> list[str]:
        """A line for each file of these names, or of ours in these folders, that may not be written."""
        strangers = [
            one for one in places if os.path.lexists(one) and not (self._is_ours(one) or one.is_dir())
        ]
        edited = [] if self.overwrite else [one for one in self.listed(*places) if self._is_edited(one)]
        return [*map(_foreign, strangers), *map(_changed, edited)]

    def _is_ours(self, path: Path) -> bool:
        name = self._name(path)
        return name is None or self._known(name) is not None

    def _is_edited(self, path: Path) -> bool:
        name = path.relative_to(self.folder).as_posix()
        known = self.seals[name]
        if None in known or is_regenerated(name):
            return False
        return not (path.is_file() and seal(path) in known)

    @staticmethod
    def _place(path: Path) -> Path:
        """Where a file lies, links among its folders followed; the file itself may be one."""
        return path.parent.resolve() / path.name

    def _name(self, path: Path) -> str | None:
        """Name a file relative to the folder; None where it needs no mention."""
        place = self._place(path)
        if place.name.startswith(WRITING) or (place.parent == self.folder and place.name in _WORKING):
            return None
        if self.folder in place.parents:
            return place.relative_to(self.folder).as_posix()
        if (
            Path(tempfile.gettempdir()).resolve() in place.parents
            and self.folder not in path.absolute().parents
        ):
            return None
        if any(one.folder in place.parents for one in _active):  # whose it is then, says that one
            return None
        raise InputError(
            f"{path} would be written to {place.parent}, which is not in {self.folder}. "
            "Nothing is written outside; if a folder there is a link, put a folder in its place."
        )

    def _known(self, name: str) -> list[Seal | None] | None:
        return self.seals.get(name) or self._known_anew(name)

    def _known_anew(self, name: str) -> list[Seal | None] | None:
        self.seals.update(inventory.read(self.folder) or {})  # another call may share the folder
        return self.seals.get(name)

    def _allowed(self, path: Path, name: str) -> list[Seal | None]:
        """What is there now, which may go; nothing where nothing is there."""
        if not os.path.lexists(path):
            return []
        known = self._known(name)
        if known is None or path.is_dir():
            raise InputError(_foreign(path))
        if None in known or is_regenerated(name):
            return [None]
        found = seal(path) if path.is_file() else None
        if found in known or found in (self._known_anew(name) or ()):
            return [found]
        if not self.overwrite:
            raise InputError(_changed(path))
        path.rename(_free(path))
        return []

    def _note(self, name: str, seals: list[Seal | None]) -> None:
        self.seals[name] = seals
        if self.keeps_inventory:
            inventory.append(self.folder, name, seals)


def _foreign(path: Path) -> str:
    return f"{path} was not written by adhd-cvae, so it is left as it is. Move it away, or choose another folder."


def _changed(path: Path) -> str:
    return (
        f"{path} was changed since adhd-cvae wrote it. Give --overwrite to replace it (yours is kept beside it as "
        ".bak), or move it away."
    )


def _free(path: Path) -> Path:
    """Name for an edited file that is kept: ``.bak``, with a number where there is one already."""
    names = [path.with_name(f"{path.name}.bak{number or ''}") for number in range(1000)]
    return next(name for name in names if not os.path.lexists(name))


_active: list[Owned] = []


def check(folder: Path, names: Sequence[str]) -> None:
    """Make sure that files and folders below `folder` may be written, before any work is done for them.

    Raises
    ------
    InputError
        A line for each file that is somebody else's, or edited and not to be replaced.
    """
    places = [folder.resolve() / name for name in names if name not in DESCRIPTIVE]
    lines = [line for ours in _active for line in ours.objections(*places)]
    if lines:
        raise InputError(*lines)


def may_write(path: Path) -> bool:
    """Whether a file is not somebody else's, nor edited and not to be replaced."""
    return not any(ours.objections(path) for ours in _active)


def clear(folder: Path, names: Sequence[str]) -> None:
    """Remove what is ours of some files and folders below `folder`, and folders that are empty then.

    Raises
    ------
    InputError
        One of the files was edited and may not be replaced.
    """
    places = [folder.resolve() / name for name in names]
    for ours in _active:
        for file in ours.listed(*places):
            remove(file)
    for place in places:
        for one in sorted([place, *place.rglob("*")], key=lambda path: len(path.parts), reverse=True):
            if one.is_dir() and not one.is_symlink() and not any(one.iterdir()):
                one.rmdir()


@contextmanager
def owned(
    folder: Path,
    *,
    overwrite: bool = False,
    dataset: Path | None = None,
    way_in: bool = False,
    shared: bool = False,
    listed: bool = True,
) -> Iterator[Owned]:
    """Have a folder while a command writes to it: everything below it that is not ours stays as it is.

    Parameters
    ----------
    dataset
        The BIDS dataset that goes in, in which nothing may be written but below ``derivatives/``.
    way_in
        Whether the folder may hold codes of another model, `WAY_IN`.
    shared
        Whether other commands may be writing there too.
    listed
        Whether an inventory is kept; without one no later command takes the folder for ours.

    Raises
    ------
    InputError
        The folder is somebody else's, or inside a raw dataset.
    """
    here = folder.resolve()
    refuse_raw_dataset(here, dataset)
    place, seals = _claim(here, way_in=way_in)
    present = next((one for one in _active if one.folder == place), None)
    if present:
        yield present
        return
    ours = Owned(place, overwrite, seals, listed)
    with guarded(ours):
        _active.append(ours)
        try:
            yield ours
        finally:
            _active.remove(ours)
            if not shared and (place / INVENTORY).is_file():
                inventory.rewrite(place, inventory.read(place) or {})  # of other processes, too


def _claim(folder: Path, *, way_in: bool) -> tuple[Path, Seals]:
    """Find the folder whose inventory names what is ours here."""
    for one in (folder, *folder.parents):
        seals = inventory.read(one)
        name = "" if one == folder else f"{folder.relative_to(one).as_posix()}/"
        if seals is not None and (one == folder or any(file.startswith(name) for file in seals)):
            return one, seals
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file. Expected a folder, or the name of a new one.")
    found = {path.name for path in folder.iterdir()} - _WORKING if folder.is_dir() else set()
    if not found or (way_in and found <= WAY_IN):
        return folder, {}
    earlier = inventory.of_earlier_version(folder)
    if earlier is None:
        names = ", ".join(sorted(found)[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
        raise InputError(
            f"{folder} holds files that adhd-cvae did not write ({names}), and nothing there is replaced. "
            f"Name an empty or a new folder, for example {folder / 'adhd-cvae'}."
        )
    for name, seals in earlier.items():
        inventory.append(folder, name, seals)
    return folder, earlier


def refuse_raw_dataset(folder: Path, dataset: Path | None) -> None:
    """Refuse a place in a raw dataset, or in the one that goes in, but below its derivatives, however it is spelt.

    Raises
    ------
    InputError
        It is there.
    """
    for one in (folder, *folder.parents):
        is_dataset = dataset is not None and one.exists() and dataset.exists() and one.samefile(dataset)
        if not (is_dataset or _is_raw(one)):
            continue
        if folder.relative_to(one).parts[:1] != ("derivatives",) or folder == one / "derivatives":
            raise InputError(
                f"{folder} is in the dataset {one}, where nothing is written but below derivatives/. "
                f"Choose another folder, for example {one / 'derivatives' / 'adhd-cvae'}."
            )
        return


def _is_raw(folder: Path) -> bool:
    """Whether a dataset of somebody else's begins here: its description says nothing of a derivative."""
    description = read_description(folder)
    return bool(description) and description.get("DatasetType", "raw") != "derivative"
