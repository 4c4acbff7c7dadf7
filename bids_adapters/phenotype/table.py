"""Tables in any dialect -> one code book: several files in, one row a participant out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from adhd_cvae.io import MISSING
from bids_adapters.identifiers import participant_key
from bids_adapters.phenotype.codebook import BY_NAME, canonical_number
from bids_adapters.phenotype.conflicts import combine
from bids_adapters.phenotype.derived import DERIVED_FROM, add_derived
from bids_adapters.phenotype.provenance import Provenance, trace
from bids_adapters.phenotype.rows import leave_out_rows
from bids_adapters.phenotype.same_headers import name_apart
from bids_adapters.phenotype.sessions import Sessions
from bids_adapters.phenotype.source import Source, read_source

CONFLICT_COLUMNS = ("participant_id", "column", "value", "file", "row", "used")
NOTE_COLUMNS = ("participant_id", "reason", "detail")


@dataclass(frozen=True)
class Phenotype:
    """What the phenotype files say, in one code book.

    Attributes
    ----------
    table
        One row a participant: `participant_id` (``sub-<label>``), the code book's columns, every other column
        under its snake_case name, and the derived ones. Whole numbers are Int64, others float64, the rest is
        text. A value in conflict is missing.
    columns
        BIDS JSON sidecar of `table`: Description, Units, Levels and Origin of each column.
    conflicts
        One row a disagreeing value: `participant_id`, `column`, `value`, `file`, `row`, and whether it was
        `used` (``yes`` or ``no`` where a preferred file decided, else ``n/a``).
    notes
        `participant_id`, `reason`, `detail`: repeated rows, other sessions, values that were not understood.
    provenance
        Where each column's values come from.
    ambiguous
        Keys that may be two participants', and why; they have no values.
    """

    table: pd.DataFrame
    columns: dict[str, dict[str, Any]]
    conflicts: pd.DataFrame
    notes: pd.DataFrame
    provenance: dict[str, Provenance] = field(default_factory=dict)
    ambiguous: dict[str, str] = field(default_factory=dict)

    @property
    def identifiers(self) -> dict[str, str]:
        """Participants by key, in the table's order."""
        return {participant_key(one.removeprefix("sub-")): one for one in self.table["participant_id"]}

    @cached_property
    def conflicting(self) -> dict[str, list[str]]:
        """Participants' keys to the columns on which the files disagree and no preferred file decided."""
        undecided = self.conflicts.loc[self.conflicts["used"] == MISSING]
        columns = undecided.groupby("participant_id", sort=False)["column"].unique()
        return {participant_key(str(one).removeprefix("sub-")): list(names) for one, names in columns.items()}

    def why_not(self, key: str) -> tuple[str, str] | None:
        """Give reason and detail for which nothing is known about a participant for certain; None for most."""
        if key in self.ambiguous:
            return "ambiguous_identifier", self.ambiguous[key]
        if disputed := self.conflicting.get(key):
            return "conflicting_phenotype", f"sources disagree about {', '.join(disputed)}"
        return None


def read_phenotype(
    files: Sequence[Path],
    prefer: Path | None = None,
    bids_dir: Path | None = None,
    *,
    foreign_share: float = CohortConfig().foreign_share,
    sessions: Sessions | None = None,
) -> Phenotype:
    """Read phenotype tables into one.

    Parameters
    ----------
    files
        Tables in any dialect; several may speak about the same participants and complete each other.
    prefer
        The one of `files` to trust where they disagree.
    bids_dir
        The dataset they describe: a table of the dataset around it is named by the way there (``../../…``).
    foreign_share
        Share of a column's values that the code book cannot read, from which on it is taken to be another study's.
    sessions
        Of the maps; without them a participant's first session counts.

    Raises
    ------
    InputError
        One readable line for each file that cannot be read, or `prefer` is none of the files.
    """
    names = _short_names(files, bids_dir)
    preferred = _preferred(names, prefer)
    sessions = sessions or Sessions()
    sources: list[Source] = []
    problems: list[str] = []
    for path, name in names.items():
        try:
            sources.append(read_source(path, name, foreign_share, sessions.keys))
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(*problems)
    identifiers = _identifiers(sources)
    ambiguous = leave_out_rows(sources, sessions)
    notes = name_apart(sources, preferred)
    values, conflicts = combine((claim for source in sources for claim in source.claims), preferred)
    table = _table(identifiers, values, sources)
    columns = _columns(sources, table)
    add_derived(table, columns)
    notes += [note for source in sources for note in source.notes]
    return Phenotype(
        table=table,
        columns=columns,
        conflicts=pd.DataFrame(
            [(identifiers[key], *rest) for key, *rest in conflicts], columns=list(CONFLICT_COLUMNS)
        ),
        notes=pd.DataFrame(
            [(identifiers.get(key, MISSING), *rest) for key, *rest in notes], columns=list(NOTE_COLUMNS)
        ),
        provenance=trace(sources),
        ambiguous=ambiguous,
    )


def _short_names(files: Sequence[Path], bids_dir: Path | None = None) -> dict[Path, str]:
    """Name each file by as little of its path as tells it from the others."""
    paths = list(dict.fromkeys(Path(file) for file in files))
    shared = Counter(path.name for path in paths)
    names = {}
    for path in paths:
        name = path.name if shared[path.name] == 1 else f"{path.resolve().parent.name}/{path.name}"
        names[path] = _from_around(path, bids_dir) or name
    return names


def _from_around(path: Path, bids_dir: Path | None) -> str | None:
    """Give the way to a table of the raw dataset two folders up from a derivative; None for any other table."""
    if bids_dir is None or bids_dir.resolve().parent.name != "derivatives":
        return None
    raw = bids_dir.resolve().parents[1]
    whole = path.resolve()
    own = whole.is_relative_to(bids_dir.resolve())
    inside = not own and whole.parent in (raw, raw / "phenotype")
    return f"../../{whole.relative_to(raw).as_posix()}" if inside else None


def _preferred(names: Mapping[Path, str], prefer: Path | None) -> str | None:
    """Give the preferred file's short name; it may be given by its path or by that name."""
    if prefer is None:
        return None
    for path, name in names.items():
        if name == str(prefer) or path.resolve() == Path(prefer).resolve():
            return name
    found = ", ".join(names.values()) or "none"
    raise InputError(f"the preferred file {prefer} is not one of the phenotype files (found: {found}).")


def _identifiers(sources: Sequence[Source]) -> dict[str, str]:
    """Give each participant's key its identifier: the spelling after ``sub-`` where a file has one."""
    spelled: dict[str, tuple[str, bool]] = {}
    for source in sources:
        for row in source.rows.values():
            key = row.identifier.key
            if key not in spelled or (row.prefixed and not spelled[key][1]):
                spelled[key] = (row.identifier.label, row.prefixed)
    return {key: f"sub-{label}" for key, (label, _) in sorted(spelled.items(), key=lambda item: item[1][0])}


def _table(
    identifiers: Mapping[str, str], values: Mapping[str, Mapping[str, str]], sources: Sequence[Source]
) -> pd.DataFrame:
    """Give each column its type, the table its order, and every participant a row."""
    found = dict.fromkeys(name for source in sources for name in source.columns)
    order = [name for name in BY_NAME if name in found]
    order += [name for name in found if name not in BY_NAME]
    columns = {"participant_id": pd.Series(list(identifiers.values()), dtype=object)}
    for name in order:
        mine = values.get(name, {})
        columns[name] = _typed(name, [mine.get(key) for key in identifiers])
    return pd.DataFrame(columns)


def _typed(name: str, values: Sequence[str | None]) -> pd.Series:
    """Turn canonical text into whole numbers, numbers or text, whichever holds all of it."""
    present = [value for value in values if value is not None]
    known = BY_NAME.get(name)
    text = not present if known is None else known.kind == "text"
    if text or any(canonical_number(value) != value for value in present):
        return pd.Series(values, dtype=object)
    if name not in DERIVED_FROM and all(value.removeprefix("-").isdigit() for value in present):
        return pd.Series([pd.NA if value is None else int(value) for value in values], dtype="Int64")
    return pd.Series([float("nan") if value is None else float(value) for value in values], dtype="float64")


def _columns(sources: Sequence[Source], table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Describe the table's columns; a column of several files names them all as its origin."""
    columns: dict[str, dict[str, Any]] = {
        "participant_id": {"Description": "Participant", "Origin": "the files' identifier columns"}
    }
    for name in table.columns[1:]:
        entries = [source.columns[name] for source in sources if name in source.columns]
        origins = dict.fromkeys(str(entry["Origin"]) for entry in entries)
        columns[str(name)] = {**entries[0], "Origin": "; ".join(origins)}
    return columns
