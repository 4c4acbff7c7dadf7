"""Text tables in whatever dialect a spreadsheet wrote: separator, encoding, quotation marks, line ends, index columns.

In a table of tabs, as BIDS has it, a quotation mark is a character, unless all headers stand in them (as R writes).
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from adhd_cvae.errors import InputError
from adhd_cvae.io import how_to_fetch

SEPARATORS = ("\t", ",", ";", "|")
LARGEST = 2**27
"""Bytes; a larger file is not read: as cells it takes some twenty times as much memory."""
MOST_COLUMNS = 20_000
_BINARY = {b"PK": "a spreadsheet or an archive", b"\xd0\xcf": "a spreadsheet", b"\x1f\x8b": "compressed"}
_INDEX_HEADER = re.compile(r"|x|index|unnamed_\d+", re.IGNORECASE)


def snake_case(header: str) -> str:
    """Bring a header to one form: ``Hyper/Impulsive`` and ``Hyper.Impulsive `` become ``hyper_impulsive``."""
    plain = unicodedata.normalize("NFKD", header).encode("ascii", "ignore").decode()
    return re.sub(r"[^0-9a-z]+", "_", plain.lower()).strip("_")


@dataclass(frozen=True)
class TextTable:
    """A table as text, cell by cell, with whitespace tidied and nothing else interpreted.

    Attributes
    ----------
    headers
        As in the file, index columns dropped.
    rows
        As many cells a row as there are headers; rows without content dropped.
    lines
        The row of the file that each of `rows` came from; the header is row 1.
    separator
        What stood between the cells.
    ragged
        Of `lines`, those with more or fewer cells than there are headers, and how many: nobody knows whose column
        their cells stand in.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    separator: str
    ragged: dict[int, int] = field(default_factory=dict)

    def column(self, position: int) -> list[str]:
        """Give one column's cells."""
        return [row[position] for row in self.rows]


def read_text_table(path: Path) -> TextTable:
    """Read a table whatever its dialect.

    Parameters
    ----------
    path
        Comma, tab, semicolon or bar separated; UTF-8 with or without byte-order mark, UTF-16 or latin-1.

    Raises
    ------
    InputError
        The file cannot be read as a table; one line that names it.
    """
    text = _decode(path)
    header = next((line for line in text.splitlines() if line.strip()), "")
    separator = _separator(header, path)
    quoted = separator != "\t" or all(cell[:1] == cell[-1:] == '"' for cell in header.split("\t"))
    cells = _quoted_cells(text, separator, path) if quoted else _plain_cells(text, separator, path)
    numbered = [(line, row) for line, row in enumerate(cells, start=1) if any(row)]
    if not numbered:
        raise InputError(f"{path}: is empty; expected a header and one row a participant.")
    headers = numbered[0][1]
    while not headers[-1]:
        headers = headers[:-1]
    ragged = {line: len(row) for line, row in numbered[1:] if _is_ragged(row, len(headers))}
    long = [line for line, width in ragged.items() if width > len(headers)]
    if 2 * len(long) >= len(numbered):
        raise InputError(
            f"{path}: row {long[0]} has {ragged[long[0]]} cells, the header {len(headers)}; so have {len(long) - 1} "
            f"more. Quote the text that holds the separator, or name every column."
        )
    rows = [(row + [""] * len(headers))[: len(headers)] for _, row in numbered[1:]]
    kept = [at for at, header in enumerate(headers) if not _is_index(header, [row[at] for row in rows])]
    return TextTable(
        headers=tuple(headers[at] for at in kept),
        rows=tuple(tuple(row[at] for at in kept) for row in rows),
        lines=tuple(line for line, _ in numbered[1:]),
        separator=separator,
        ragged=ragged,
    )


def _plain_cells(text: str, separator: str, path: Path) -> Iterator[list[str]]:
    """Give the cells row by row, tidied; a line is a row."""
    yield from _tidied(
        csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=csv.QUOTE_NONE), path
    )


def _quoted_cells(text: str, separator: str, path: Path) -> Iterator[list[str]]:
    """Give the cells row by row, tidied; a quoted cell may hold lines, but never whole rows."""
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(lines, delimiter=separator, strict=True)
    begins, least = 0, 0
    for number, row in enumerate(_tidied(reader, path), start=1):
        least = least or len(row) - 1
        if least and any(line.count(separator) >= least for line in lines[begins + 1 : reader.line_num]):
            raise InputError(
                f"{path}: row {number} opens a cell with a quotation mark and goes on over the rows below, to line "
                f"{reader.line_num}. Close the mark, or write two for one that belongs to the text."
            )
        begins = reader.line_num
        yield row


def _tidied(rows: Iterator[list[str]], path: Path) -> Iterator[list[str]]:
    number = 0
    try:
        for number, row in enumerate(rows, start=1):  # noqa: B007
            if len(row) > MOST_COLUMNS:
                raise InputError(
                    f"{path}: has {len(row)} columns; expected at most {MOST_COLUMNS}. Keep those you need."
                )
            yield [_tidy(cell) for cell in row]
    except csv.Error as error:
        raise InputError(
            f"{path}: is not a table (row {number + 1}: {error}). Save it as .tsv or .csv."
        ) from error


def _tidy(cell: str) -> str:
    """Single spaces, and none of the control characters that a terminal would obey."""
    if not cell.isprintable():
        cell = "".join(letter for letter in cell if letter.isspace() or letter.isprintable())
    return " ".join(cell.split())


def _decode(path: Path) -> str:
    """Read the file's text: UTF-16 by its byte-order mark, UTF-8 where it is valid, else latin-1."""
    if how := how_to_fetch(path):
        raise InputError(f"{path}: {how}.")
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is a pipe, a device or a folder; expected a table.")
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path}: is larger than {LARGEST >> 20} MiB. Keep the columns you need.")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Check the path.") from error
    for start, kind in _BINARY.items():
        if content.startswith(start):
            raise InputError(f"{path}: is {kind}, not a text table. Save it as .tsv or .csv.")
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = content.decode("utf-16", errors="replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            # cp1252 is latin-1 with printable characters where latin-1 has control codes.
            text = content.decode("cp1252", errors="replace")
    if "\0" in text:
        raise InputError(f"{path}: is a binary file, not a text table. Save it as .tsv or .csv.")
    return text


def _separator(header: str, path: Path) -> str:
    """Choose the separator seen most often in the header, outside quotes; in a .tsv file a tab comes first."""
    if path.suffix.lower() == ".tsv" and "\t" in header:
        return "\t"
    return max(SEPARATORS, key=re.sub(r'"[^"]*"', "", header).count)


def _is_ragged(row: list[str], width: int) -> bool:
    """Tell a row that lacks cells, or has any beyond the header's."""
    return len(row) < width or any(row[width:])


def _is_index(header: str, cells: list[str]) -> bool:
    """Tell row numbers that a data frame's ``to_csv`` left behind, and columns without name and content."""
    if not _INDEX_HEADER.fullmatch(snake_case(header)):
        return False
    counted = any(cells == [str(at + start) for at in range(len(cells))] for start in (0, 1))
    return counted or not any(cells)
