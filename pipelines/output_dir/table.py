"""How a file of OUTPUT_DIR is written, what is checked when it is read, and what its columns mean, in one object."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from adhd_cvae.errors import InputError
from adhd_cvae.io import atomic_path, read_tsv, write_json, write_tsv

Meaning = Mapping[str, Any]
"""What a BIDS sidecar says of a column: `Description`, and where there are any `Levels` and `Units`."""


@dataclass(frozen=True)
class OutputTable:
    """A table.

    Attributes
    ----------
    columns
        Column to its meaning, in order. ``s_00…`` stands for all that differ in the number alone.
    made_by
        The verb that writes it.
    key
        Column that names a row: no two rows may have the same.
    words
        Columns that hold words; those without levels that are none of them hold numbers.
    optional
        Columns that may be absent.
    renamed
        Column of an earlier version to its name of today.
    """

    columns: Mapping[str, Meaning]
    made_by: str
    key: str | None = None
    words: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)

    def write(
        self,
        table: pd.DataFrame,
        path: Path,
        more: Mapping[str, Meaning] | None = None,
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the sidecar that says what each column means, then the table: where it is, its sidecar is.

        Parameters
        ----------
        more
            Meanings of columns that are not the same in every such table; they go before ours.
        origin
            What else the sidecar says.
        """
        given = more or {}
        meanings = {name: given.get(name) or self.meaning(name) for name in map(str, table.columns)}
        described = {name: dict(meaning) for name, meaning in meanings.items() if meaning}
        write_json({**described, **(origin or {})}, path.with_suffix(".json"))
        write_tsv(table, path)

    def read(self, path: Path, *, lacking: Collection[str] = ()) -> pd.DataFrame:
        """Read the table; columns that an earlier version called otherwise have their names of today.

        Parameters
        ----------
        lacking
            Columns that may be absent here.

        Raises
        ------
        InputError
            It cannot be read as a table; else as `check`.
        """
        table = read_table(path, self.made_by).rename(columns=dict(self.renamed))
        self.check(table, path, lacking=lacking)
        return table

    def check(self, table: pd.DataFrame, path: Path, *, lacking: Collection[str] = ()) -> None:
        """Refuse what is not this table.

        Raises
        ------
        InputError
            A line for columns that are absent, and one for each column that holds what it cannot hold.
        """
        problems = [*self._absent(table, lacking), *self._unfit(table), *self._repeated(table)]
        if problems:
            advice = f"Mend it, or run `adhd-cvae {self.made_by}` again."
            raise InputError(*(f"{path}{line} {advice}" for line in problems))

    def meaning(self, column: str) -> Meaning:
        """What the sidecar says of a column; nothing where it is none of ours."""
        return self.columns.get(self._described(column) or "", {})

    def _described(self, column: str) -> str | None:
        return next((name for name in self.columns if _is_of(column, name)), None)

    def _absent(self, table: pd.DataFrame, lacking: Collection[str]) -> list[str]:
        described = {self._described(str(column)) for column in table.columns}
        needed = [name for name in self.columns if name not in {*self.optional, *lacking, *described}]
        found = ", ".join(map(str, table.columns))
        return [f" has no column {', '.join(needed)} (found: {found})."] if needed else []

    def _unfit(self, table: pd.DataFrame) -> list[str]:
        problems = []
        for column in map(str, table.columns):
            name, values = self._described(column), pd.Series(table[column]).dropna()
            levels = list(self.meaning(column).get("Levels", {}))
            if levels:
                fits, expected = values.astype(str).isin(levels), " or ".join(levels)
            elif name is not None and name not in self.words:
                fits, expected = pd.Series(pd.to_numeric(values, errors="coerce")).notna(), "numbers"
            else:
                continue
            if not fits.all():
                found = values.loc[~fits].iloc[0]
                problems.append(f": column '{column}' holds {found!r}; expected {expected}.")
        return problems

    def _repeated(self, table: pd.DataFrame) -> list[str]:
        if self.key is None or self.key not in table:
            return []
        again = table.loc[table[self.key].duplicated(), self.key]
        return [f" names {again.iloc[0]} twice ({len(again)} rows too many)."] if len(again) else []


def read_table(path: Path, made_by: str) -> pd.DataFrame:
    """Read a table that the verb `made_by` wrote.

    Raises
    ------
    InputError
        It is empty, not UTF-8, has rows of different lengths, or may never end.
    """
    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is a pipe, a device or a folder")
        return read_tsv(path)
    except ValueError as error:  # of pandas and of the codec
        found = " ".join(str(error).split())
        advice = f"Mend it, or run `adhd-cvae {made_by}` again."
        raise InputError(f"{path} cannot be read as a table of tabs in UTF-8 ({found}). {advice}") from None


def _is_of(column: str, name: str) -> bool:
    """Whether a column is the one described, or of the described family: ``s_07`` is of ``s_00…``."""
    if not name.endswith("…"):
        return column == name
    return re.fullmatch(re.sub(r"\d+", r"\\d+", name[:-1]), column) is not None


@dataclass(frozen=True)
class OutputArrays:
    """Named arrays in one ``.npz`` without pickle.

    Attributes
    ----------
    made_by
        The verb that writes it.
    needed
        Arrays without which it is refused.
    """

    made_by: str
    needed: tuple[str, ...] = ()

    def write(self, arrays: Mapping[str, np.ndarray], path: Path, *, compressed: bool = False) -> None:
        """Write the arrays, whole or not at all."""
        save = np.savez_compressed if compressed else np.savez
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            save(file, allow_pickle=False, **arrays)

    def read(self, path: Path) -> dict[str, np.ndarray]:
        """Read every array; pickled code is never run.

        Raises
        ------
        InputError
            The file is damaged, holds pickled objects or lacks an array.
        """
        advice = f"Run `adhd-cvae {self.made_by}` again."
        try:
            # Opened here: of a damaged file NumPy forgets to close what it opened.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except (ValueError, OSError, EOFError, BadZipFile) as error:
            raise InputError(f"{path} cannot be read as .npz without pickle ({error}). {advice}") from None
        absent = [name for name in self.needed if name not in arrays]
        if absent:
            raise InputError(f"{path} has no array '{absent[0]}' (found: {', '.join(arrays)}). {advice}")
        return arrays
