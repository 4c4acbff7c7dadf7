"""One phenotype file brought to the code book: canonical text, one row a participant and source row."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from adhd_cvae.errors import InputError
from bids_adapters.codebook import BY_NAME, Column, canonical_number, find_column, is_missing, read_value
from bids_adapters.derived import DERIVED_FROM
from bids_adapters.identifiers import participant_key, participant_label
from bids_adapters.tables import read_text_table, snake_case

# Above this share of values the code book cannot read, the column is taken to be another study's.
FOREIGN_SHARE = 0.25
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


@dataclass
class Source:
    """One file's rows.

    Attributes
    ----------
    claims
        Long table: `key` (participant), `column`, `value` (canonical text), `file`, `line`.
    labels
        The spelling of each key: label, and whether the file wrote it after ``sub-``.
    columns
        BIDS JSON entry of each column.
    notes
        participant's key (or nothing), reason and detail of everything that was not taken over.
    """

    name: str
    claims: pd.DataFrame
    labels: dict[str, tuple[str, bool]]
    columns: dict[str, dict[str, Any]]
    notes: list[tuple[str, str, str]] = field(default_factory=list)


def read_source(path: Path, name: str) -> Source:
    """Read one phenotype file in any dialect.

    Raises
    ------
    InputError
        The file is no table, or no column tells its participants; one line that names the file.
    """
    raw = read_text_table(path)
    decimal_comma = raw.attrs["separator"] != ","
    notes: list[tuple[str, str, str]] = []
    labels, prefixed, used = _identify(raw, path)
    known = labels.notna().to_numpy()
    for line in [line for line, has_id in zip(raw.attrs["lines"], known, strict=True) if not has_id]:
        notes.append(("", "no_identifier", f"{name}, row {line}: no participant identifier"))
    described = _read_sidecar(path)
    columns: dict[str, dict[str, Any]] = {}
    parts = []
    for position, header in enumerate(raw.columns):
        if position in used:
            continue
        cells = raw.iloc[:, position][known]
        cells = cells[~cells.map(is_missing)]
        column, values = _read_column(header, cells, decimal_comma)
        column_name = column.name if column is not None else _free_name(header, position, columns)
        columns.setdefault(column_name, _describe(column, header, name, described))
        for row in cells.index[values.isna()]:
            detail = f"{name}: {column_name} = {cells[row]!r} is not in the code book; taken as missing"
            notes.append((participant_key(labels[row]), "value_not_in_code_book", detail))
        parts.append(pd.DataFrame({"row": cells.index, "column": column_name, "value": values}).dropna())
    claims = pd.concat(parts) if parts else pd.DataFrame(columns=["row", "column", "value"], dtype=object)
    claims = claims[~claims["column"].isin(_recomputed(columns))]
    claims["key"] = claims["row"].map(labels.map(participant_key, na_action="ignore"))
    claims["line"] = claims["row"].map(pd.Series(raw.attrs["lines"], index=raw.index))
    claims["file"] = name
    spelled = {participant_key(label): (label, prefixed[row]) for row, label in labels[known].items()}
    source = Source(name, claims.drop(columns="row"), spelled, columns, notes)
    rows = pd.Series(raw.attrs["lines"], index=raw.index)[known]
    _drop_repeats(source, labels[known], rows)
    return source


def _identify(raw: pd.DataFrame, path: Path) -> tuple[pd.Series, pd.Series, set[int]]:
    """Find the identifier column: labels, whether spelled ``sub-``, and the positions of all copies of it."""
    names = [snake_case(str(header)) for header in raw.columns]
    positions = [names.index(name) for name in ID_COLUMNS if name in names]
    if not positions:
        found = ", ".join(str(header) or "(no name)" for header in raw.columns)
        raise InputError(
            f"{path}: no column tells the participants apart (found: {found}). Name it participant_id."
        )
    cells = raw.iloc[:, positions[0]]
    labels = cells.map(lambda cell: None if is_missing(cell) else participant_label(cell)).astype(object)
    labels = labels.where(labels.notna(), None)
    prefixed = cells.str.lower().str.startswith("sub-")
    used = {positions[0]}
    keys = labels.map(participant_key, na_action="ignore")
    for position in positions[1:]:
        others = raw.iloc[:, position].map(participant_label).map(participant_key, na_action="ignore")
        if others[keys.notna()].equals(keys[keys.notna()]):
            used.add(position)
    return labels, prefixed, used


def _read_column(header: str, cells: pd.Series, decimal_comma: bool) -> tuple[Column | None, pd.Series]:
    """Read a column's cells by the code book where it knows the column and the column follows it."""
    column = find_column(header)
    if column is not None:
        values = cells.map(lambda cell: read_value(column, cell, decimal_comma=decimal_comma)).astype(object)
        numbers = {canonical_number(cell) for cell in cells.unique()}
        foreign = bool(column.foreign & numbers) and "0" not in numbers
        if not foreign and values.isna().mean() < FOREIGN_SHARE or cells.empty:
            return column, values
    own = Column(column.name, "text", "") if column is not None else None
    numbers = cells.map(lambda cell: canonical_number(cell, decimal_comma=decimal_comma)).astype(object)
    if numbers.notna().all() and not cells.map(lambda cell: _LEADING_ZERO.fullmatch(cell) is not None).any():
        return own, numbers
    return own, cells.astype(object)


def _free_name(header: str, position: int, taken: dict[str, Any]) -> str:
    """Name a column the code book does not know, without taking the name of another."""
    name = snake_case(header) or f"column_{position + 1}"
    if name == "participant_id" or (name in BY_NAME and name in taken):
        name = f"{name}_{position + 1}"
    return name


def _describe(column: Column | None, header: str, name: str, described: dict[str, Any]) -> dict[str, Any]:
    entry = described.get(header.strip())
    if column is not None and column.description:
        entry = column.sidecar()
    elif not isinstance(entry, dict):
        text = "Not in the code book of ADHD-200; kept as found"
        entry = {"Description": text if column is None else f"{text}: its codes are another study's"}
    return {**entry, "Origin": f"column {header.strip()!r} of {name}"}


def _read_sidecar(path: Path) -> dict[str, Any]:
    """Read the JSON file beside a table, which describes the columns; an unreadable one describes nothing."""
    sidecar = path.with_suffix(".json")
    try:
        content = json.loads(sidecar.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _recomputed(columns: dict[str, Any]) -> set[str]:
    """Name the derived columns whose origins this file holds too: they are computed again."""
    return {name for name, origins in DERIVED_FROM.items() if any(origin in columns for origin in origins)}


def _drop_repeats(source: Source, labels: pd.Series, lines: pd.Series) -> None:
    """Keep one of several identical rows of a participant, and the first of several sessions."""
    keys = labels.map(participant_key)
    repeated = lines[keys.duplicated(keep=False)]
    claims = source.claims[source.claims["line"].isin(repeated)]
    content = {line: rows.set_index("column")["value"].to_dict() for line, rows in claims.groupby("line")}
    dropped: dict[int, str] = {}
    for key, group in repeated.groupby(keys[repeated.index]):
        rows = {line: content.get(line, {}) for line in group}
        reasons = _later_sessions(rows) or _identical(rows)
        for line, reason in reasons.items():
            kept = min(set(rows) - set(reasons))
            source.notes.append((str(key), reason, f"{source.name}, row {line}: row {kept} is used"))
        dropped |= reasons
    source.claims = source.claims[~source.claims["line"].isin(dropped)]


def _identical(rows: dict[int, dict[str, str]]) -> dict[int, str]:
    """Give the rows that repeat an earlier one word for word."""
    seen: list[dict[str, str]] = []
    dropped = {}
    for line, values in sorted(rows.items()):
        if values in seen:
            dropped[line] = "duplicate_row"
        seen.append(values)
    return dropped


def _later_sessions(rows: dict[int, dict[str, str]]) -> dict[int, str]:
    """Give the rows after a participant's first session, where a column tells sessions apart."""
    for column in SESSION_COLUMNS:
        sessions = {line: values.get(column) for line, values in rows.items()}
        if all(isinstance(session, str) for session in sessions.values()) and len(
            set(sessions.values())
        ) == len(rows):
            first = min(sessions, key=lambda line: natural_order(str(sessions[line])))
            return {line: "later_session" for line in rows if line != first}
    return {}


def natural_order(text: str) -> list[tuple[int, int, str]]:
    """Sort key under which ``2`` comes before ``10``."""
    return [
        (0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part)
        for part in re.findall(r"[0-9]+|[^0-9]+", text)
    ]
