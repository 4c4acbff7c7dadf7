"""Tables in any dialect -> one code book: several files in, one row a participant out, disagreements reported."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from adhd_cvae.errors import InputError
from adhd_cvae.files import MISSING
from bids_adapters.codebook import BY_NAME, COLUMNS, canonical_number
from bids_adapters.derived import add_derived
from bids_adapters.identifiers import participant_key
from bids_adapters.sources import Source, read_source

CONFLICT_COLUMNS = ("participant_id", "column", "value", "file", "row", "used")
NOTE_COLUMNS = ("participant_id", "reason", "detail")
NO_CLAIMS = pd.DataFrame(columns=["key", "column", "value", "file", "line"], dtype=object)


@dataclass(frozen=True)
class Phenotype:
    """What the phenotype files say, in one code book.

    Attributes
    ----------
    table
        One row a participant: `participant_id` (``sub-<label>``), the code book's columns, the derived ones, and
        every other column under its snake_case name. Codes are Int64, measurements float64 or Int64, the rest text.
        A value in conflict is missing.
    columns
        BIDS JSON sidecar of `table`: Description, Units, Levels and Origin of each column.
    conflicts
        One row a disagreeing value: `participant_id`, `column`, `value`, `file`, `row`, and whether it was `used`
        (``yes`` and ``no`` where a preferred file decided, else ``n/a``).
    notes
        `participant_id`, `reason`, `detail`: repeated rows, later sessions, values outside the code book.
    """

    table: pd.DataFrame
    columns: dict[str, dict[str, Any]]
    conflicts: pd.DataFrame
    notes: pd.DataFrame

    @property
    def conflicting(self) -> dict[str, tuple[str, ...]]:
        """Participants' keys to the columns on which the files disagree and no preferred file decided."""
        open_ = self.conflicts[self.conflicts["used"] == MISSING]
        return {
            participant_key(str(identifier)[4:]): tuple(dict.fromkeys(columns))
            for identifier, columns in open_.groupby("participant_id")["column"]
        }


def read_phenotype(files: Sequence[Path], prefer: Path | None = None) -> Phenotype:
    """Read phenotype tables into one.

    Parameters
    ----------
    files
        Tables in any dialect; several may speak about the same participants and complete each other.
    prefer
        The one of `files` to trust where they disagree.

    Raises
    ------
    InputError
        One readable line for each file that cannot be read.
    """
    names = _short_names(files)
    sources: list[Source] = []
    problems: list[str] = []
    for path, name in names.items():
        try:
            sources.append(read_source(path, name))
        except InputError as error:
            problems.extend(error.problems)
    preferred = _preferred(names, prefer)
    if problems:
        raise InputError(*problems)
    identifiers = _identifiers(sources)
    claims = pd.concat([source.claims for source in sources], ignore_index=True) if sources else NO_CLAIMS
    values, conflicts = _settle(claims, preferred)
    table = _typed(values, identifiers, sources)
    columns = _columns(sources, table)
    add_derived(table, columns)
    conflicts["participant_id"] = conflicts.pop("key").map(identifiers)
    notes = [
        (identifiers.get(key, MISSING), reason, detail)
        for source in sources
        for key, reason, detail in source.notes
    ]
    return Phenotype(
        table=table.reset_index(drop=True),
        columns=columns,
        conflicts=conflicts[list(CONFLICT_COLUMNS)].reset_index(drop=True),
        notes=pd.DataFrame(notes, columns=list(NOTE_COLUMNS)),
    )


def _short_names(files: Sequence[Path]) -> dict[Path, str]:
    """Name each file by as little of its path as tells it from the others."""
    paths = list(dict.fromkeys(Path(file).resolve() for file in files))
    shared = Counter(path.name for path in paths)
    return {
        path: path.name if shared[path.name] == 1 else f"{path.parent.name}/{path.name}" for path in paths
    }


def _preferred(names: dict[Path, str], prefer: Path | None) -> str | None:
    if prefer is None:
        return None
    name = names.get(Path(prefer).resolve()) or next(
        (name for name in names.values() if name == str(prefer)), None
    )
    if name is None:
        found = ", ".join(names.values()) or "none"
        raise InputError(f"the preferred file {prefer} is not one of the phenotype files (found: {found}).")
    return name


def _identifiers(sources: Sequence[Source]) -> dict[str, str]:
    """Give each participant's key its identifier: the spelling after ``sub-`` where a file has one."""
    spelled: dict[str, tuple[str, bool]] = {}
    for source in sources:
        for key, (label, prefixed) in source.labels.items():
            if key not in spelled or (prefixed and not spelled[key][1]):
                spelled[key] = (label, prefixed)
    return {key: f"sub-{label}" for key, (label, _) in spelled.items()}


def _settle(claims: pd.DataFrame, preferred: str | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Turn claims into one value a participant and column; where they disagree, into conflicts."""
    cell = ["key", "column"]
    different = claims.drop_duplicates([*cell, "value"])
    disputed = different.loc[different.duplicated(cell, keep=False), cell].drop_duplicates()
    disputes = claims.merge(disputed, on=cell)
    settled = [different[~different.duplicated(cell, keep=False)][[*cell, "value"]]]
    conflicts = []
    for (key, column), group in disputes.groupby(cell):
        value = _agreed(group["value"])
        if value is None:
            value = _agreed(group.loc[group["file"] == preferred, "value"])
            conflicts.append(_conflict(group, value))
        if value is not None:
            settled.append(pd.DataFrame({"key": [key], "column": [column], "value": [value]}))
    values = pd.concat(settled).pivot(index="key", columns="column", values="value")
    table = (
        pd.concat(conflicts)
        if conflicts
        else pd.DataFrame(columns=["key", *CONFLICT_COLUMNS[1:]], dtype=object)
    )
    return values, table


def _agreed(values: pd.Series) -> str | None:
    """Return the fullest of several spellings of one value, or None where they are different values.

    Numbers with decimals agree where one is the other rounded (``10.33`` and ``10.3333``); texts whatever the case.
    """
    candidates = sorted(set(values), key=lambda value: (-_decimals(value), value))
    if not candidates:
        return None
    first = candidates[0]
    return first if all(_same(first, other) for other in candidates[1:]) else None


def _same(fuller: str, other: str) -> bool:
    places = _decimals(other)
    if places and _decimals(fuller):
        return abs(float(fuller) - float(other)) <= 0.5 * 10**-places * (1 + 1e-9)
    return fuller.casefold() == other.casefold()


def _decimals(value: str) -> int:
    """Count the decimals of a plainly written number; 0 for anything else."""
    if canonical_number(value) != value or "e" in value.casefold():
        return 0
    return len(value.partition(".")[2])


def _conflict(group: pd.DataFrame, value: str | None) -> pd.DataFrame:
    used = MISSING if value is None else group["value"].map(lambda one: "yes" if _same(value, one) else "no")
    return group.assign(used=used).rename(columns={"line": "row"})


def _typed(values: pd.DataFrame, identifiers: dict[str, str], sources: Sequence[Source]) -> pd.DataFrame:
    """Give each column its type, the table its order, and every participant a row."""
    found = dict.fromkeys(name for source in sources for name in source.columns)
    order = [column.name for column in COLUMNS if column.name in found]
    order += [name for name in found if name not in order]
    table = values.reindex(index=pd.Index(list(identifiers)), columns=pd.Index(order))
    typed = {name: _numbers_or_text(name, table[name]) for name in order}
    table = pd.DataFrame(typed, index=table.index)
    table.insert(0, "participant_id", [identifiers[key] for key in table.index])
    return table.sort_values("participant_id")


def _numbers_or_text(name: str, values: pd.Series) -> pd.Series:
    present = values.dropna()
    text = values.astype(object).where(values.notna(), None)
    if (name in BY_NAME and BY_NAME[name].kind == "text") or not all(
        canonical_number(v) == v for v in present
    ):
        return text
    whole = all(value.lstrip("-").isdigit() for value in present)
    if present.empty and name not in BY_NAME:
        return text
    return pd.to_numeric(values, errors="raise").astype("Int64" if whole else "float64")


def _columns(sources: Sequence[Source], table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Describe the table's columns; a column of several files names them all as its origin."""
    columns: dict[str, dict[str, Any]] = {
        "participant_id": {
            "Description": "Participant, one spelling for all files",
            "Origin": "identifier columns",
        }
    }
    for name in table.columns[1:]:
        entries = [source.columns[name] for source in sources if name in source.columns]
        columns[name] = {**entries[0], "Origin": "; ".join(str(entry["Origin"]) for entry in entries)}
    return columns
