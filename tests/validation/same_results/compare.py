"""Two OUTPUT_DIRs side by side: what is not the same, file by file, renamed columns and words aside."""

import gzip
import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from tests.validation.same_results.renamed import Renaming, new_names

COMPARED = ("**/*.tsv", "**/*.npz", "**/*.npy", "**/maps/**/*.nii.gz", "**/checkpoints/*.safetensors")
"""Every table, array, map and weight; pictures, pages and records tell times and versions."""
TIMES = {"*checkpoints/history.tsv": frozenset({"seconds", "time_ms"})}
"""Columns that tell when and how long, as they are called before; nobody compares them."""
_SHOWN = 3
"""Places of a difference that are named; the rest is counted."""


@dataclass(frozen=True)
class Verdict:
    """What became of one file.

    Attributes
    ----------
    file
        Path below OUTPUT_DIR, by its new name where it has one.
    differences
        One line each; none: the same.
    renamed
        How many names of it were taken for their new ones.
    """

    file: str
    differences: tuple[str, ...] = ()
    renamed: int = 0

    @property
    def same(self) -> bool:
        """Whether nothing but listed names differs."""
        return not self.differences


def compare(before: Path, after: Path, renamings: Iterable[Renaming] = ()) -> list[Verdict]:
    """Compare every table, array, map and weight of two OUTPUT_DIRs.

    Tables are the same when their bytes are, once listed names are replaced; maps when their voxels' bytes are
    (gzip notes a time); arrays when names, types, shapes and bytes are.

    Parameters
    ----------
    before, after
        OUTPUT_DIRs of the same recipe, seed and machine.
    renamings
        What CHANGELOG.md lists.

    Returns
    -------
    list of Verdict
        One for each file of either, in the order of their names.
    """
    listed = tuple(renamings)
    old = {_new_file(file, listed): file for file in _files(before)}
    new = set(_files(after))
    verdicts = []
    for file in sorted({*old, *new}):
        if file not in new:
            verdicts.append(Verdict(file, ("is missing after",)))
        elif file not in old:
            verdicts.append(Verdict(file, ("is missing before",)))
        else:
            verdicts.append(_compared(before / old[file], after / file, file, old[file], listed))
    return verdicts


def _files(folder: Path) -> list[str]:
    return sorted(
        {
            file.relative_to(folder).as_posix()
            for pattern in COMPARED
            for file in folder.glob(pattern)
            if file.is_file() and not file.name.startswith(".")
        }
    )


def _new_file(file: str, renamings: tuple[Renaming, ...]) -> str:
    """Name a file as it is called after; the `file` of such a row may be a pattern, `before` is the whole path."""
    return new_names(renamings, file, "file").get(file, file)


def _compared(
    before: Path, after: Path, file: str, old_file: str, renamings: tuple[Renaming, ...]
) -> Verdict:
    names = _Names(old_file, renamings)
    if file.endswith(".tsv"):
        differences = _table_differences(before.read_bytes(), after.read_bytes(), names)
    elif file.endswith(".npz"):
        differences = _archive_differences(before, after, names)
    elif file.endswith(".gz"):
        differences = _byte_differences(
            gzip.decompress(before.read_bytes()), gzip.decompress(after.read_bytes())
        )
    else:
        differences = _byte_differences(before.read_bytes(), after.read_bytes())
    return Verdict(file, tuple(differences), len(names.used))


class _Names:
    """New names in one file, and which of them were needed."""

    def __init__(self, file: str, renamings: tuple[Renaming, ...]) -> None:
        self.file = file
        self.columns = new_names(renamings, file, "column")
        self._values = {
            column: new_names(renamings, file, "value" if column is None else f"value of {column}")
            for column in {renaming.column for renaming in renamings}
        }
        self.used: set[tuple[str | None, str]] = set()

    def column(self, name: str) -> str:
        """New name of a column."""
        if name in self.columns:
            self.used.add((None, name))
        return self.columns.get(name, name)

    def value(self, column: str, cell: str) -> str:
        """New word for a whole cell of a column, which is named as before."""
        words = {**self._values.get(None, {}), **self._values.get(column, {})}
        if cell in words:
            self.used.add((column, cell))
        return words.get(cell, cell)


def _table_differences(before: bytes, after: bytes, names: _Names) -> list[str]:
    """Lines of differences between two tables, the first with the old names replaced."""
    old_lines, new_lines = (content.decode("utf-8").split("\n") for content in (before, after))
    old_columns, new_columns = old_lines[0].split("\t"), new_lines[0].split("\t")
    times = {name for pattern, listed in TIMES.items() if fnmatchcase(names.file, pattern) for name in listed}
    compared = {name: names.column(name) for name in old_columns if name not in times}
    untimed = [name for name in new_columns if name not in {names.columns.get(time, time) for time in times}]
    if list(compared.values()) != untimed:
        return _column_differences(list(compared.values()), untimed)
    if len(old_lines) != len(new_lines):
        return [f"has {len(new_lines) - 1} lines below the header, expected {len(old_lines) - 1}"]
    different = []
    for number, (old, new) in enumerate(zip(old_lines[1:], new_lines[1:], strict=True), start=1):
        old_cells, new_cells = old.split("\t"), new.split("\t")
        if len(old_cells) != len(old_columns) or len(new_cells) != len(new_columns):
            different += [f"row {number}: {new!r}, expected {old!r}"] if old != new else []
            continue
        cells, others = (
            dict(zip(old_columns, old_cells, strict=True)),
            dict(zip(new_columns, new_cells, strict=True)),
        )
        for name, column in compared.items():
            wanted = names.value(name, cells[name])
            if others[column] != wanted:
                different.append(f"row {number}, {column}: {others[column]}, expected {wanted}")
    return _brief(different)


def _column_differences(expected: list[str], found: list[str]) -> list[str]:
    missing = [f"column {name} is missing" for name in expected if name not in found]
    added = [f"column {name} is not expected" for name in found if name not in expected]
    return _brief([*missing, *added] or ["its columns are in another order"])


def _archive_differences(before: Path, after: Path, names: _Names) -> list[str]:
    """Lines of differences between two archives of arrays."""
    old = {names.column(name): (name, array) for name, array in _arrays(before).items()}
    new = _arrays(after)
    lines = [f"array {name} is missing" for name in old if name not in new]
    lines += [f"array {name} is not expected" for name in new if name not in old]
    for name in (name for name in old if name in new):
        old_name, array = old[name]
        if array.dtype.kind == "U":
            array = _reworded(array, old_name, names)
        lines += [f"array {name}: {line}" for line in _array_differences(array, new[name])]
    return _brief(lines)


def _reworded(array: np.ndarray, name: str, names: _Names) -> np.ndarray:
    """Replace old words; an array without any keeps the width of its texts."""
    texts = [str(text) for text in array.ravel()]
    words = [names.value(name, text) for text in texts]
    return array if words == texts else np.array(words).reshape(array.shape)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        return {
            name.removesuffix(".npy"): np.load(io.BytesIO(archive.read(name)), allow_pickle=False)
            for name in archive.namelist()
        }


def _array_differences(expected: np.ndarray, found: np.ndarray) -> list[str]:
    if expected.dtype != found.dtype:
        return [f"is of {found.dtype}, expected {expected.dtype}"]
    if expected.shape != found.shape:
        return [f"has shape {found.shape}, expected {expected.shape}"]
    if expected.tobytes() == found.tobytes():
        return []
    different = ~_same_bits(expected, found)
    return [f"{int(different.sum())} of {different.size} numbers differ"]


def _same_bits(expected: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Element by element, so that a NaN is the same as itself and 0.0 is not -0.0."""
    size = max(expected.dtype.itemsize, 1)
    one, other = (
        np.frombuffer(array.tobytes(), dtype=np.uint8).reshape(-1, size) for array in (expected, found)
    )
    return (one == other).all(axis=1)


def _byte_differences(expected: bytes, found: bytes) -> list[str]:
    if expected == found:
        return []
    if len(expected) != len(found):
        return [f"has {len(found)} bytes, expected {len(expected)}"]
    different = np.frombuffer(expected, np.uint8) != np.frombuffer(found, np.uint8)
    return [f"{int(different.sum())} of {len(found)} bytes differ"]


def _brief(lines: list[str]) -> list[str]:
    """Name the first differences and count the rest."""
    return lines if len(lines) <= _SHOWN else [*lines[:_SHOWN], f"and {len(lines) - _SHOWN} more"]
