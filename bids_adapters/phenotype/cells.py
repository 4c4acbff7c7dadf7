"""The cells of one column, read: by the code book where it applies, else as numbers, else as the text they are."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bids_adapters.phenotype.codebook import Column, canonical_number, plain_code, read_value
from bids_adapters.phenotype.sidecar import Description

_COMMA = re.compile(r"[-+]?\d+,\d+", re.ASCII)
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}", re.ASCII)
"""``1,401`` may be a number of thousands and one of decimals; where all of a column may, nobody knows."""
NOT_IN_CODE_BOOK, NOT_A_NUMBER, MIXED = "value_not_in_code_book", "not_a_number", "mixed_column"


@dataclass(frozen=True)
class Cells:
    """What a column's distinct cells mean.

    Attributes
    ----------
    values
        Canonical text of each, None where it was not understood.
    by_book
        Whether the values are the code book's.
    reason
        Why some were not understood; `MIXED` where all stay text, although most are numbers.
    """

    values: Mapping[str, str | None]
    by_book: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Reader:
    """How the cells of one table are read.

    Attributes
    ----------
    adhd200
        Whether the table shows itself to be ADHD-200's, so that its numbers are codes of the code book.
    decimal_comma
        Whether ``10,5`` is a number.
    foreign_share
        Share of a column's cells that cannot be read one way, from which on they are not read that way.
    """

    adhd200: bool
    decimal_comma: bool
    foreign_share: float

    def read(self, cells: Sequence[str], column: Column | None, described: Description) -> Cells:
        """Read a column's cells, none of them missing."""
        counted = Counter(cells)
        if column is not None and column.kind == "text":
            return Cells({cell: cell for cell in counted}, by_book=self.adhd200)
        commas = [cell for cell in counted if _COMMA.fullmatch(cell)]
        if commas and all(_THOUSANDS.fullmatch(cell) for cell in commas):
            return Cells({cell: cell for cell in counted}, reason=MIXED)
        return replace(self, decimal_comma=self.decimal_comma or bool(commas))._read(
            counted, column, described
        )

    def _read(self, counted: Counter[str], column: Column | None, described: Description) -> Cells:
        if column is not None and self.adhd200 and described.follows(column):
            found = {cell: read_value(column, cell, decimal_comma=self.decimal_comma) for cell in counted}
            betrayed = (
                column.foreign & {canonical_number(cell) for cell in counted} and "0" not in found.values()
            )
            if not counted or (not betrayed and self._most(found, counted)):
                return Cells(found, by_book=True, reason=NOT_IN_CODE_BOOK)
        numbers = {cell: self._number(cell, column) for cell in counted}
        if column is not None and column.in_any_study and None in numbers.values():
            found = {cell: self._word(cell, number, column, described) for cell, number in numbers.items()}
            if self._most(found, counted):
                return Cells(found, by_book=True, reason=NOT_IN_CODE_BOOK)
        return self._numbers_or_text(counted, numbers, described)

    def _numbers_or_text(
        self, counted: Counter[str], numbers: Mapping[str, str | None], described: Description
    ) -> Cells:
        """Read another study's column: numbers, where all but a few cells are, else text."""
        words = [cell for cell, number in numbers.items() if number is None]
        coded = any(_has_leading_zero(cell) for cell in counted) or any(
            plain_code(word) in described.levels for word in words
        )
        if not coded and self._most(numbers, counted):
            return Cells(numbers, reason=NOT_A_NUMBER)
        counts = sum(counted[cell] for cell, number in numbers.items() if number is not None)
        mixed = bool(words) and 2 * counts >= counted.total()
        return Cells({cell: cell for cell in counted}, reason=MIXED if mixed and not described.levels else "")

    def _most(self, found: Mapping[str, str | None], counted: Counter[str]) -> bool:
        unread = sum(counted[cell] for cell, value in found.items() if value is None)
        return unread < self.foreign_share * counted.total() or unread == counted.total() == 0

    def _number(self, cell: str, column: Column | None) -> str | None:
        """Read a number; of an age, ``89+`` is 89."""
        if column is not None and column.kind == "number":
            cell = cell.removesuffix("+")
        return canonical_number(cell, decimal_comma=self.decimal_comma)

    def _word(self, cell: str, number: str | None, column: Column, described: Description) -> str | None:
        """Read a word by what the sidecar says it means, else by itself; a number beside words means nothing sure."""
        if number is None:
            return read_value(column, described.levels.get(plain_code(cell), cell))
        known = column.beside_numbers and not described.levels
        return read_value(column, cell) if known else None


def _has_leading_zero(cell: str) -> bool:
    digits = cell.lstrip("+-")
    return len(digits) > 1 and digits[0] == "0" and digits.isascii() and digits.isdigit()
