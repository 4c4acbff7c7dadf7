"""One phenotype file brought to the code book: what it claims about each participant, in canonical text."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from adhd_cvae.errors import InputError, named
from bids_adapters.identifiers import Identifier, find_key, read_identifier
from bids_adapters.phenotype.cells import MIXED, NOT_A_NUMBER, NOT_IN_CODE_BOOK, Cells, Reader
from bids_adapters.phenotype.codebook import (
    BY_NAME,
    Column,
    canonical_number,
    find_column,
    is_missing,
    is_of_adhd200,
)
from bids_adapters.phenotype.derived import DERIVED_FROM
from bids_adapters.phenotype.sidecar import Description, Sidecar, read_sidecar
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
SESSION_COLUMNS = (
    *("session_id", "session", "ses_id", "ses", "eventname", "event_name", "redcap_event_name"),
    *("visit", "visit_id", "visit_name", "timepoint", "time_point", "wave"),
)
"""The first is BIDS'; the others count where they tell a participant's rows apart, or where maps have sessions."""
WHY = {
    NOT_IN_CODE_BOOK: "is not in the code book; taken as missing",
    NOT_A_NUMBER: "is no number, as the others are; taken as missing",
}
MOST_NAMED = 8
"""Values of a column that one line names."""


class Claim(NamedTuple):
    """One value that a file gives to a participant, and how it is written there."""

    key: str
    column: str
    value: str
    file: str
    row: int
    written: str = ""


class Note(NamedTuple):
    """Something that was not taken over: whose (empty where unknown), a stable reason, and what it was."""

    key: str
    reason: str
    detail: str


class Row(NamedTuple):
    """Whose row it is, of which session (empty where the table has none), and whether ``sub-`` was written."""

    identifier: Identifier
    session: str
    prefixed: bool


@dataclass
class Source:
    """One file's content.

    Attributes
    ----------
    rows
        Whose each row is, by its number.
    claims
        The values, missing ones left out.
    unread
        Likewise those that were not understood; their value is empty.
    columns
        BIDS JSON entry of each column.
    headers
        Each column's header.
    notes
        Rows and values that were not taken over.
    adhd200
        Whether the table shows itself to be ADHD-200's.
    unused
        Rows that were left out.
    """

    name: str
    rows: dict[int, Row] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    unread: list[Claim] = field(default_factory=list)
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    adhd200: bool = False
    unused: set[int] = field(default_factory=set)

    @property
    def used(self) -> dict[int, Row]:
        """The rows that were not left out."""
        return {line: row for line, row in self.rows.items() if line not in self.unused}

    def without(self, rows: Mapping[int, tuple[str, str]]) -> None:
        """Leave rows out, each for a reason with its detail."""
        self.unused |= rows.keys()
        self.notes += [
            Note(self.rows[line].identifier.key, reason, f"{self.name}, row {line}: {detail}")
            for line, (reason, detail) in rows.items()
        ]
        self.claims = [claim for claim in self.claims if claim.row not in rows]
        self.unread = [claim for claim in self.unread if claim.row not in rows]


def read_source(path: Path, name: str, foreign_share: float, sessions: Collection[str] = ()) -> Source:
    """Read one phenotype file in any dialect.

    Parameters
    ----------
    name
        What to call the file in claims and notes.
    foreign_share
        Share of a column's values that the code book cannot read, from which on it is taken to be another study's.
    sessions
        Keys of the sessions that the maps have.

    Raises
    ------
    InputError
        The file is no table, or no column names its participants; one line that names the file.
    """
    table, described = read_text_table(path), read_sidecar(path)
    source = Source(name, adhd200=is_of_adhd200(table.headers) or described.is_of_adhd200)
    if described.problem:
        source.notes.append(Note("", "unreadable_sidecar", f"{described.problem} It describes nothing."))
    used = _identify(table, path, source)
    used |= _find_sessions(table, source, sessions)
    reader = Reader(source.adhd200, decimal_comma=table.separator != ",", foreign_share=foreign_share)
    names = _names(table, used)
    for position, column in names.items():
        _read_column(source, table, position, column, reader, described)
    filled = set() if source.adhd200 else {claim.column for claim in source.claims}
    for name, origins in DERIVED_FROM.items():
        if name in source.columns and name not in filled and source.columns.keys() & {*origins}:
            del source.columns[name]  # it is derived again
    source.claims = [claim for claim in source.claims if claim.column in source.columns]
    source.without(
        {
            line: (
                "ragged_row",
                f"has {width} cells and the header {len(table.headers)}, so the row is not used",
            )
            for line, width in table.ragged.items()
            if line in source.rows
        }
    )
    return source


def _identify(table: TextTable, path: Path, source: Source) -> set[int]:
    """Find whose each row is; give the positions of the identifier column and its copies."""
    names = [snake_case(header) for header in table.headers]
    positions = [names.index(name) for name in ID_COLUMNS if name in names]
    if not positions:
        raise InputError(
            f"{path}: no column tells the participants apart (found: {named(table.headers)}). Name it participant_id."
        )
    keys: list[str | None] = []
    for cell, line in zip(table.column(positions[0]), table.lines, strict=True):
        identifier = None if is_missing(cell) else read_identifier(cell)
        keys.append(identifier.key if identifier else None)
        if identifier is None:
            source.notes.append(
                Note("", "no_identifier", f"{source.name}, row {line}: no participant identifier")
            )
        else:
            source.rows[line] = Row(identifier, identifier.session, cell.casefold().startswith("sub-"))
    return {
        at
        for at in positions
        if all(key in (None, find_key(cell)) for key, cell in zip(keys, table.column(at), strict=True))
    }


def _find_sessions(table: TextTable, source: Source, sessions: Collection[str]) -> set[int]:
    """Find which session each row is of; give the position of the column, if there is one."""
    names = [snake_case(header) for header in table.headers]
    of_participant: dict[str, list[int]] = defaultdict(list)
    for line, row in source.rows.items():
        of_participant[row.identifier.key].append(line)
    for name in SESSION_COLUMNS:
        if name not in names:
            continue
        cells = dict(zip(table.lines, table.column(names.index(name)), strict=True))
        labels = {line: "" if is_missing(cells[line]) else cells[line] for line in source.rows}
        is_apart = any(len({labels[line] for line in mine}) > 1 for mine in of_participant.values())
        are_labels = 2 * len(set(labels.values())) <= len(labels)  # and no dates
        if name == SESSION_COLUMNS[0] or is_apart or (sessions and are_labels):
            for line, row in source.rows.items():
                source.rows[line] = row._replace(session=labels[line] or row.session)
            return {names.index(name)}
    return set()


def _names(table: TextTable, used: Collection[int]) -> dict[int, tuple[str, Column | None]]:
    """Name each column; what several headers of one table could be called, only a shared column is."""
    known = {at: find_column(header) for at, header in enumerate(table.headers) if at not in used}
    claimed = Counter(column.name for column in known.values() if column is not None)
    names: dict[int, tuple[str, Column | None]] = {}
    taken = {
        "participant_id",
        *(name for name, count in claimed.items() if count == 1 or BY_NAME[name].shared),
    }
    for at, column in known.items():
        if column is not None and column.name in taken:
            names[at] = (column.name, column)
            continue
        name = snake_case(table.headers[at]) or f"column_{at + 1}"
        name = f"{name}_{at + 1}" if name in taken else name
        taken.add(name)
        names[at] = (name, column if column is not None and column.name == name else None)
    return names


def _read_column(
    source: Source,
    table: TextTable,
    position: int,
    name_and_column: tuple[str, Column | None],
    reader: Reader,
    described: Sidecar,
) -> None:
    """Add one column's claims, description and notes to the source."""
    (name, column), header = name_and_column, table.headers[position]
    description = described.of(header)
    texts = dict(zip(table.lines, table.column(position), strict=True))
    missing = {text for text in set(texts.values()) if is_missing(text, description.missing)}
    cells = {line: text for line, text in texts.items() if line in source.rows and text not in missing}
    found = reader.read(
        [text for line, text in cells.items() if line not in table.ragged], column, description
    )
    source.columns[name] = source.columns.get(name) or _describe(
        found, column, header, source.name, description
    )
    source.headers.setdefault(name, header)
    for line, text in cells.items():
        key = source.rows[line].identifier.key
        value = found.values.get(text)
        claim = Claim(key, name, value or "", source.name, line, text)
        (source.unread if value is None else source.claims).append(claim)
    if found.reason == MIXED:
        words = [text for text in sorted(found.values) if canonical_number(text) is None]
        detail = f"{source.name}: {name} holds words among numbers and stays text: {named(words, MOST_NAMED)}"
        source.notes.append(Note("", MIXED, detail))
    elif found.reason:
        source.notes += [
            Note(
                one.key,
                found.reason,
                f"{source.name}, row {one.row}: {name} = {one.written!r} {WHY[found.reason]}",
            )
            for one in source.unread
            if one.column == name and one.row not in table.ragged
        ]


def _describe(
    found: Cells, column: Column | None, header: str, name: str, description: Description
) -> dict[str, Any]:
    """Describe a column: by the code book where that was used, else by what the JSON file beside the table says."""
    given = dict(description.entry)
    if found.by_book and column is not None:
        entry = column.sidecar()
    elif given:
        entry = given
    else:
        text = "Not in the code book of ADHD-200; kept as found"
        entry = {"Description": text if column is None else f"{column.description}, in another study's codes"}
    return {**entry, "Origin": given.get("Origin", f"column '{header}' of {name}")}
