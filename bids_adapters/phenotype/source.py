"""One phenotype file brought to the code book: what it claims about each participant, in canonical text."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from adhd_cvae.errors import InputError, named
from adhd_cvae.io import read_object
from bids_adapters.identifiers import find_key, participant_key, participant_label
from bids_adapters.phenotype.codebook import Column, canonical_number, find_column, is_missing, read_value
from bids_adapters.phenotype.derived import DERIVED_FROM
from bids_adapters.phenotype.text_table import TextTable, read_text_table, snake_case

ID_COLUMNS = (
    "participant_id",
    "scandir_id",
    "scandirid",
    "scan_dir_id",
    "subject_id",
    "subjectid",
    "sub_id",
    "subid",
    "subject",
    "participant",
    "sub",
    "id",
    "subs",
    "file_id",
)
SESSION_COLUMNS = ("session_id", "session")
_LEADING_ZERO = re.compile(r"[-+]?0\d+", re.ASCII)


class Claim(NamedTuple):
    """One value that a file gives to a participant."""

    key: str
    column: str
    value: str
    file: str
    row: int


class Note(NamedTuple):
    """Something that was not taken over: whose (empty where unknown), a stable reason, and what it was."""

    key: str
    reason: str
    detail: str


@dataclass
class Source:
    """One file's content.

    Attributes
    ----------
    claims
        Its values, missing ones left out.
    labels
        Each participant's spelling by key, and whether the file wrote it after ``sub-``.
    columns
        BIDS JSON entry of each column.
    notes
        Repeated rows, later sessions, values outside the code book.
    """

    name: str
    foreign_share: float
    """Share of a column's values that the code book cannot read, from which on it is taken to be another study's."""
    claims: list[Claim] = field(default_factory=list)
    labels: dict[str, tuple[str, bool]] = field(default_factory=dict)
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def read_source(path: Path, name: str, foreign_share: float) -> Source:
    """Read one phenotype file in any dialect.

    Parameters
    ----------
    name
        What to call the file in claims and notes.
    foreign_share
        As in `Source`.

    Raises
    ------
    InputError
        The file is no table, or no column names its participants; one line that names the file.
    """
    table = read_text_table(path)
    source = Source(name, foreign_share)
    keys, used = _identify(table, path, source)
    described = read_object(path.with_suffix(".json"))
    for position, header in enumerate(table.headers):
        if position not in used:
            _read_column(source, table, position, keys, described.get(header))
    recomputed = {
        derived for derived, origins in DERIVED_FROM.items() if any(one in source.columns for one in origins)
    }
    dropped = _drop_repeats(source, table, keys)
    source.claims = [
        claim for claim in source.claims if claim.row not in dropped and claim.column not in recomputed
    ]
    return source


def _identify(table: TextTable, path: Path, source: Source) -> tuple[list[str | None], set[int]]:
    """Give each row's participant key, and the positions of the identifier column and its copies."""
    names = [snake_case(header) for header in table.headers]
    positions = [names.index(name) for name in ID_COLUMNS if name in names]
    if not positions:
        raise InputError(
            f"{path}: no column tells the participants apart (found: {named(table.headers)}). Name it participant_id."
        )
    keys: list[str | None] = []
    for cell, line in zip(table.column(positions[0]), table.lines, strict=True):
        label = None if is_missing(cell) else participant_label(cell)
        keys.append(None if label is None else participant_key(label))
        if label is None:
            source.notes.append(
                Note("", "no_identifier", f"{source.name}, row {line}: no participant identifier")
            )
        else:
            source.labels[participant_key(label)] = (label, cell.casefold().startswith("sub-"))
    copies = {
        at
        for at in positions
        if all(key in (None, find_key(cell)) for key, cell in zip(keys, table.column(at), strict=True))
    }
    return keys, copies


def _read_column(
    source: Source, table: TextTable, position: int, keys: Sequence[str | None], described: Any
) -> None:
    """Add one column's claims, description and notes to the source."""
    header = table.headers[position]
    cells = {
        (key, line): cell
        for key, line, cell in zip(keys, table.lines, table.column(position), strict=True)
        if key is not None and not is_missing(cell)
    }
    known, comma = find_column(header), table.separator != ","
    column, values = _read_cells(list(cells.values()), known, source.foreign_share, decimal_comma=comma)
    name = column.name if column is not None else _free_name(header, position, source.columns)
    source.columns.setdefault(name, _describe(column, header, source.name, described))
    for (key, line), cell in cells.items():
        value = values[cell]
        if value is not None:
            source.claims.append(Claim(key, name, value, source.name, line))
        else:
            detail = f"{source.name}, row {line}: {name} = {cell!r} is not in the code book; taken as missing"
            source.notes.append(Note(key, "value_not_in_code_book", detail))


def _read_cells(
    cells: Sequence[str], column: Column | None, foreign_share: float, *, decimal_comma: bool
) -> tuple[Column | None, dict[str, str | None]]:
    """Read a column's distinct cells by the code book where it knows the column and the column follows it."""
    distinct = set(cells)
    numbers = {cell: canonical_number(cell, decimal_comma=decimal_comma) for cell in distinct}
    if column is not None:
        values = {cell: read_value(column, cell, decimal_comma=decimal_comma) for cell in distinct}
        unread = sum(values[cell] is None for cell in cells)
        seen = set(numbers.values())
        foreign = bool(column.foreign & seen) and "0" not in seen
        if not cells or (not foreign and unread < foreign_share * len(cells)):
            return column, values
        column = Column(column.name, "text", "")
    plain = all(number is not None for number in numbers.values())
    if plain and not any(_LEADING_ZERO.fullmatch(cell) for cell in distinct):
        return column, dict(numbers)
    return column, {cell: cell for cell in distinct}


def _free_name(header: str, position: int, taken: Mapping[str, Any]) -> str:
    """Name a column the code book does not know, without taking the name of another."""
    name = snake_case(header) or f"column_{position + 1}"
    return f"{name}_{position + 1}" if name == "participant_id" or name in taken else name


def _describe(column: Column | None, header: str, name: str, described: Any) -> dict[str, Any]:
    """Describe a column; what a JSON file beside the table says comes first for columns of other studies."""
    given = described if isinstance(described, dict) else {}
    if column is not None and column.description:
        entry = column.sidecar()
    else:
        text = "Not in the code book of ADHD-200; kept as found"
        entry = given or {"Description": text if column is None else f"{text}, in another study's codes"}
    return {**entry, "Origin": given.get("Origin", f"column '{header}' of {name}")}


def _drop_repeats(source: Source, table: TextTable, keys: Sequence[str | None]) -> set[int]:
    """Note and return the rows that repeat another of their participant's, or belong to a later session."""
    lines: dict[str, list[int]] = defaultdict(list)
    for key, line in zip(keys, table.lines, strict=True):
        if key is not None:
            lines[key].append(line)
    repeated = {key: mine for key, mine in lines.items() if len(mine) > 1}
    content: dict[int, dict[str, str]] = defaultdict(dict)
    for claim in source.claims:
        if claim.key in repeated:
            content[claim.row][claim.column] = claim.value
    dropped: set[int] = set()
    for key, mine in repeated.items():
        rows = {line: content[line] for line in mine}
        reasons = _later_sessions(rows) or _identical(rows)
        for line, reason in reasons.items():
            kept = min(set(rows) - set(reasons))
            source.notes.append(Note(key, reason, f"{source.name}, row {line}: row {kept} is used"))
        dropped |= set(reasons)
    return dropped


def _identical(rows: Mapping[int, dict[str, str]]) -> dict[int, str]:
    """Give the rows that repeat an earlier one value for value."""
    seen: list[dict[str, str]] = []
    repeats = {}
    for line, values in sorted(rows.items()):
        if values in seen:
            repeats[line] = "duplicate_row"
        seen.append(values)
    return repeats


def _later_sessions(rows: Mapping[int, dict[str, str]]) -> dict[int, str]:
    """Give the rows after a participant's first session, where a column tells sessions apart."""
    for column in SESSION_COLUMNS:
        sessions = {line: values[column] for line, values in rows.items() if column in values}
        if len(set(sessions.values())) == len(rows):
            first = min(sessions, key=lambda line: natural_order(sessions[line]))
            return {line: "later_session" for line in rows if line != first}
    return {}


def natural_order(text: str) -> list[tuple[int, int, str]]:
    """Sort key under which ``2`` comes before ``10``."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return [(0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts]
