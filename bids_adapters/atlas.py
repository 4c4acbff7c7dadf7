"""The atlas a user brings: a NIfTI file of labels, and their names as BIDS keeps them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adhd_cvae.errors import ImageError, InputError
from adhd_cvae.images.atlas import Atlas
from adhd_cvae.images.nifti import read_map
from bids_adapters.phenotype.text_table import read_text_table

_HOW = "Name a NIfTI file of labels in MNI space with --set analysis.atlas=FILE, or null for none."


def atlas_files(atlas: str | None) -> list[Path]:
    """List the atlas and, where there is one, its table of names; empty without an atlas.

    The table is BIDS' ``…_dseg.tsv`` in the same folder whose entities the atlas all has; the nearest, where several.

    Raises
    ------
    InputError
        There is no such file.
    """
    if atlas is None:
        return []
    path = Path(atlas)
    if not path.is_file():
        raise InputError(f"analysis.atlas: {atlas} is not a file. {_HOW}")
    own = _entities(path)
    tables = [table for table in sorted(path.parent.glob("*.tsv")) if _entities(table) <= own]
    return [path, *sorted(tables, key=lambda table: len(_entities(table)))[-1:]]


def _entities(path: Path) -> frozenset[str]:
    return frozenset(path.name.split(".")[0].split("_"))


def read_atlas(atlas: str | None) -> Atlas | None:
    """Read the atlas that the recipe names; None where it names none.

    Raises
    ------
    InputError
        A file is missing or unreadable, the labels are not whole numbers, or the table lacks `index` or `name`.
    """
    if atlas is None:
        return None
    path, *tables = atlas_files(atlas)
    return Atlas(*read_labels(path, "analysis.atlas", _HOW), _names(tables[0]) if tables else {})


def read_labels(path: Path, setting: str, how: str) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    """Read a map of labels (x, y, z) and its affine (4, 4); messages name the setting and end with what to do.

    Raises
    ------
    InputError
        The file is missing or unreadable, or the labels are not whole numbers.
    """
    try:
        values, affine = read_map(path)
    except ImageError as error:
        raise InputError(f"{setting}: {error.detail} {how}") from error
    labels = np.rint(values).astype(np.int64)
    if not np.array_equal(labels, values):
        raise InputError(
            f"{setting}: {path.name} holds values that are not whole numbers, so it is no map of labels. {how}"
        )
    return labels, affine


def _names(path: Path) -> dict[int, str]:
    """Read the columns `index` and `name` of a BIDS ``dseg.tsv``."""
    table = read_text_table(path)
    for line, width in table.ragged.items():
        if width > len(table.headers):
            raise InputError(f"{path}: row {line} has {width} cells, the header {len(table.headers)}.")
    absent = [column for column in ("index", "name") if column not in table.headers]
    if absent:
        raise InputError(
            f"{path} has no column {', '.join(absent)} (found: {', '.join(table.headers)}); BIDS' dseg.tsv has "
            "index and name."
        )
    numbers, names = (table.column(table.headers.index(column)) for column in ("index", "name"))
    try:
        return {int(number): name for number, name in zip(numbers, names, strict=True)}
    except ValueError as error:
        raise InputError(f"{path}: column index holds a value that is no whole number ({error}).") from error
