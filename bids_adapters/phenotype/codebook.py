"""ADHD-200's code book: names, codes, units and levels of its columns, and every spelling seen of them."""

import math
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic.dataclasses import dataclass

from bids_adapters.phenotype.text_table import snake_case

_NOTHING = re.compile(
    r"|n/?a|n\.a\.|nan|nat|<na>|null|\.+|-+|\?|sysmis|pending|withheld|unk(nown)?|missing|no data|tbd"
    r"|not (available|known|reported|collected|assessed|applicable|recorded)"
)
_SPREADSHEET_ERROR = re.compile(r"#(?:n/?[advk]|[^\s#]*[!?]|#+)(?: n/a)?|-?1\.#\w+")
"""``#NULL!``, ``#N/A``, ``#DIV/0!`` in any language, cells too narrow to be shown, and C's ``-1.#IND``."""
_MISSING_NUMBER = re.compile(r"-9{3,}")
"""-999, -9999 and so on; a shorter one, or one without a sign, is missing only where a sidecar says so."""
_UNSURE = re.compile(r"[?!~¬≠^]")
SIGNS = 3
"""Headers `of_this_study` that a table of ADHD-200 has at least; other studies may have one or two of them."""
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+", re.ASCII)
_LARGEST_EXACT_INTEGER = 2**53


@dataclass(frozen=True)
class Column:
    """One column of the code book.

    `words` maps text seen instead of a code, as a regular expression that all of its plain lower-case words match, to
    the code. `foreign` are numbers that betray another study's coding of the same name, `shared` columns one whichever
    table they stand in; the other marks are explained in ``adhd200.yaml``.
    """

    name: str
    kind: Literal["code", "number", "text"]
    description: str
    units: str | None = None
    levels: Mapping[int, str] = field(default_factory=dict)
    words: Mapping[str, int] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    foreign: frozenset[str] = frozenset()
    bounds: tuple[float, float] | None = None
    shared: bool = False
    in_any_study: bool = False
    beside_numbers: bool = False
    of_this_study: bool = False

    def sidecar(self) -> dict[str, Any]:
        """Describe the column the way a BIDS JSON sidecar does."""
        entry: dict[str, Any] = {"Description": self.description}
        if self.units is not None:
            entry["Units"] = self.units
        if self.levels:
            entry["Levels"] = {str(code): label for code, label in self.levels.items()}
        return entry


def _read() -> tuple[Column, ...]:
    """Columns as ``adhd200.yaml`` describes them."""
    described = yaml.safe_load(Path(__file__).with_name("adhd200.yaml").read_text(encoding="utf-8"))
    return tuple(Column(name, **column) for name, column in described.items())


COLUMNS = _read()
BY_NAME = {column.name: column for column in COLUMNS}
_BY_HEADER = {alias: column for column in COLUMNS for alias in (column.name, *column.aliases)}
_SCAN_DIRECTORY = frozenset({"scandir_id", "scandirid", "scan_dir_id"})
_QC_OF_A_SCAN = re.compile(r"qc_(?:rest|anatomical|anat)_?\d*|qc_s\d+_(?:anat|rest_?\d*)")


def find_column(header: str) -> Column | None:
    """Find a header's column in the code book, or None where it is another study's."""
    name = snake_case(header)
    if _QC_OF_A_SCAN.fullmatch(name):
        return replace(BY_NAME["qc_athena"], name=name, description="Quality control of one scan")
    return _BY_HEADER.get(name)


def is_of_adhd200(headers: Iterable[str]) -> bool:
    """Tell whether a table's headers show it to be ADHD-200's."""
    names = {snake_case(header) for header in headers}
    if names & _SCAN_DIRECTORY:
        return True
    known = {name: find_column(name) for name in names}
    return (
        sum(one is not None and one.of_this_study and one.name == name for name, one in known.items())
        >= SIGNS
    )


def is_missing(text: str, codes: Collection[str] = ()) -> bool:
    """Tell whether a cell stands for nothing, in any of the ways these tables say it.

    Parameters
    ----------
    codes
        What else a sidecar says is missing, as `plain_code` writes it.
    """
    text = text.strip()
    if _NOTHING.fullmatch(plain := text.casefold()) or _SPREADSHEET_ERROR.fullmatch(plain):
        return True
    code = plain_code(text)
    return _MISSING_NUMBER.fullmatch(code) is not None or code in codes


def plain_code(text: str) -> str:
    """Write a value the way in which codes are compared: numbers one way, words without their case."""
    text = text.strip()
    return canonical_number(text, decimal_comma=True) or text.casefold()


def canonical_number(text: str, *, decimal_comma: bool = False) -> str | None:
    """Write a number one way: ``11.170`` and ``+11.17`` as ``11.17``, ``2.0`` as ``2``.

    Returns
    -------
    str or None
        None for what is no number, or has more digits than one can hold.
    """
    text = text.strip().replace("\u2212", "-")
    if decimal_comma and _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text) or not math.isfinite(value := float(text)):
        return None
    if value.is_integer() and abs(value) < _LARGEST_EXACT_INTEGER:
        return str(int(value))
    return None if text.lstrip("+-").isdigit() else repr(value)


def read_value(column: Column, text: str, *, decimal_comma: bool = False) -> str | None:
    """Read one non-missing cell by the code book.

    Returns
    -------
    str or None
        The official code or the number, canonically written; the text itself for a text column; None where
        the code book has no such value.
    """
    if column.kind == "text":
        return text
    number = canonical_number(text.removesuffix("+"), decimal_comma=decimal_comma)
    if number is None:
        return _code_of_words(column, text)
    if column.kind == "code":
        return number if number.lstrip("-").isdigit() and int(number) in column.levels else None
    low, high = column.bounds or (-math.inf, math.inf)
    inside = low <= float(number) <= high
    return number if inside else None


def _code_of_words(column: Column, text: str) -> str | None:
    """Find the code that all of a text means; signs of doubt or denial, or of another alphabet, mean none."""
    if _UNSURE.search(text):
        return None
    words = plain_words(text)
    levels = (code for code, label in column.levels.items() if plain_words(label) == words)
    patterns = (code for pattern, code in column.words.items() if re.fullmatch(pattern, words))
    code = next(levels, next(patterns, None))
    return None if code is None else str(code)


def plain_words(text: str) -> str:
    """Bring a text to lower-case words without accents and punctuation; x for letters of another alphabet."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^0-9a-z]+", " ", re.sub(r"[^\W\d_a-z]+", "x", plain)).split())
