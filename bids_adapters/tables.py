"""Text tables in whatever dialect a spreadsheet wrote: separator, encoding, line ends, index columns."""

import csv
import io
import re
import unicodedata
from pathlib import Path

import pandas as pd

from adhd_cvae.errors import InputError

SEPARATORS = ("\t", ",", ";", "|")
_BINARY = {b"PK": "a spreadsheet or an archive", b"\xd0\xcf": "a spreadsheet", b"\x1f\x8b": "compressed"}
_INDEX_HEADER = re.compile(r"|x|index|unnamed_\d+", re.IGNORECASE)


def snake_case(header: str) -> str:
    """Bring a header to one form: ``Hyper/Impulsive`` and ``Hyper.Impulsive `` become ``hyper_impulsive``."""
    plain = unicodedata.normalize("NFKD", header).encode("ascii", "ignore").decode()
    return re.sub(r"[^0-9a-z]+", "_", plain.lower()).strip("_")


def read_text_table(path: Path) -> pd.DataFrame:
    """Read a table as text, cell by cell, with whitespace tidied and nothing else interpreted.

    Parameters
    ----------
    path
        Comma, tab, semicolon or bar separated; UTF-8 with or without byte-order mark, UTF-16 or latin-1.

    Returns
    -------
    pandas.DataFrame
        Text only; columns named as in the file, index columns dropped; empty rows dropped. ``attrs`` holds
        ``separator``, and ``lines``, the row of the file each row came from (the header is row 1).

    Raises
    ------
    InputError
        The file cannot be read as a table; one line that names it.
    """
    text = _decode(path)
    separator = _separator(text)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=False))
    except csv.Error as error:
        raise InputError(f"{path}: is not a table ({error}). Save it as .tsv or .csv.") from error
    numbered = [
        (line, cells)
        for line, row in enumerate(rows, start=1)
        if any(cells := [" ".join(cell.split()) for cell in row])
    ]
    if not numbered:
        raise InputError(f"{path}: is empty; expected a header and one row a participant.")
    header, *body = numbered
    table = pd.DataFrame(
        [_fit(cells, len(header[1]), path, line) for line, cells in body], columns=header[1], dtype=object
    )
    table = _drop_index_columns(table)
    table.attrs = {"separator": separator, "lines": [line for line, _ in body]}
    return table


def _decode(path: Path) -> str:
    """Read the file's text: UTF-16 and UTF-8 by their byte-order marks, UTF-8 where it is valid, else latin-1."""
    try:
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


def _separator(text: str) -> str:
    """Choose the separator seen most often in the header, outside quotes."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    header = re.sub(r'"[^"]*"', "", header)
    return max(SEPARATORS, key=header.count)


def _fit(cells: list[str], width: int, path: Path, line: int) -> list[str]:
    """Bring a row to the header's width; only empty cells may be added or dropped."""
    if any(cells[width:]):
        raise InputError(
            f"{path}: row {line} has {len(cells)} cells, the header {width}. "
            f"Quote the text that holds the separator."
        )
    return cells[:width] + [""] * (width - len(cells))


def _drop_index_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Drop row numbers that a data frame's ``to_csv`` left behind, and columns without name and content."""
    keep = []
    for position, header in enumerate(table.columns):
        values = list(table.iloc[:, position])
        counted = any(values == [str(i + start) for i in range(len(values))] for start in (0, 1))
        nameless = _INDEX_HEADER.fullmatch(snake_case(header)) is not None
        keep.append(not (nameless and (counted or not any(values))))
    return table.loc[:, keep]
