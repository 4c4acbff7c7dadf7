"""One column of the cohort, looked at: its values, and on which scale they are."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from adhd_cvae.config.analysis import SizesConfig
from adhd_cvae.errors import named
from bids_adapters.phenotype.codebook import BY_NAME, plain_code

RATIO, NOMINAL = "ratio", "nominal"
FEW = 7
"""Whole numbers that a column may have to be taken for steps of a rating."""
_MOST_WORDS = 12
"""Different texts up to which they are levels; more are free text."""
_SHOWN = 5
_ORDERED = re.compile(
    r"none|minimal|mild|moderate|marked|severe|extreme|low|medium|middle|high|never|rarely|sometimes|often|always"
)
_DATE = re.compile(r"(?:19|20)\d\d[-/.]?[01]\d[-/.]?[0-3]\d(?:[T ].*)?|[0-3]?\d[./][01]?\d[./](?:19|20)?\d\d")
_NUMBERED = re.compile(r"(?:^|_)(?:id|number|no|nr|index|order|row|record|key|code)(?:_|$)")
_MOTION = re.compile(r"(?:^|_)(?:fd|framewise|displacement|motion|movement|dvars|rms)(?:_|$)")
_QUALITY = re.compile(
    r"(?:^|_)(?:quality|qc|qa|iqr|euler|cjv|cnr|efc|fber|snr|artefacts?|artifacts?|outliers?)(?:_|$)"
)


@dataclass(frozen=True)
class Column:
    """What a column holds.

    Attributes
    ----------
    counts
        Each value as text, and of how many participants it is.
    of
        Participants in all.
    is_number
        Whether all values are numbers.
    levels
        Meaning of each code, by the dataset or by the code book.
    """

    name: str
    counts: Counter[str]
    of: int
    is_number: bool = False
    levels: Mapping[str, str] = field(default_factory=dict)

    @property
    def known(self) -> int:
        """Participants that have a value."""
        return self.counts.total()

    @property
    def is_whole(self) -> bool:
        """Whether all values are whole numbers."""
        return self.is_number and all(float(value).is_integer() for value in self.counts)

    @property
    def is_motion(self) -> bool:
        """Whether it is called like a measure of motion."""
        return self.is_number and _MOTION.search(self.name) is not None

    @property
    def is_quality(self) -> bool:
        """Whether it is called like a measure of a scan's quality."""
        return self.is_number and _QUALITY.search(self.name) is not None

    def label(self, value: str) -> str:
        """Say a value with what it means."""
        meaning = self.levels.get(plain_code(value), "")
        return f"{value} = {meaning}" if meaning and meaning != value else value

    def counted(self, most: int = _SHOWN) -> str:
        """List the values with their numbers, the most frequent first."""
        counts = [f"{self.label(value)} ({count})" for value, count in self.counts.most_common()]
        without = self.of - self.known
        return named(counts, most) + (f"; {without} without" if without else "")

    def range(self) -> str:
        """Give the least and the largest number."""
        numbers = [float(value) for value in self.counts]
        return f"{min(numbers):.4g} to {max(numbers):.4g}"


def as_text(value: object) -> str:
    """Write a value as `Column.counts` names it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def look_at(table: pd.DataFrame, described: Mapping[str, Mapping[str, Any]]) -> dict[str, Column]:
    """Look at each column of a cohort's table but the participants' names."""
    found = {}
    for name in map(str, table.columns[1:]):
        values = pd.Series(table[name]).dropna()
        levels = described.get(name, {}).get("Levels", {})
        found[name] = Column(
            name,
            Counter(map(as_text, values)),
            len(table),
            pd.api.types.is_numeric_dtype(table[name]) and len(values) > 0,
            {plain_code(str(code)): str(text) for code, text in levels.items()},
        )
    return found


def scale_of(column: Column) -> tuple[str, str]:
    """Guess a column's scale, empty where it is no variable, and say why."""
    if (why := _why_not(column)) is not None:
        return "", why
    known = "" if column.known == column.of else f", of {column.known} of {column.of}"
    many = len(column.counts)
    if column.levels or (column.name in BY_NAME and BY_NAME[column.name].kind == "code"):
        return NOMINAL, f"codes: {column.counted()}"
    if not column.is_number:
        ordered = all(_ORDERED.fullmatch(word.casefold()) for word in column.counts)
        words = "ordinal? words in an order, which numbers would keep" if ordered else "words"
        return NOMINAL, f"{words}: {column.counted()}"
    if many == 2:
        return NOMINAL, f"two codes: {column.counted()}"
    if column.is_whole and many <= FEW:
        words = f"ordinal? {many} whole numbers, {column.range()}{known}, taken in their order"
        return RATIO, f"{words}; nominal, if they are codes"
    return RATIO, f"numbers, {column.range()}{known}"


def _why_not(column: Column) -> str | None:
    """Say why a column is no variable."""
    least, many = SizesConfig().minimum, len(column.counts)
    if column.known < least:
        return f"known of {column.known}; {least} are needed"
    if many == 1:
        return "the same for everybody"
    if all(_DATE.fullmatch(value) for value in column.counts):
        return "dates"
    if column.is_number:
        is_running = column.is_whole and many == column.known and _NUMBERED.search(column.name)
        return "numbers that only tell participants apart" if is_running else None
    if many > _MOST_WORDS or 2 * many > column.known:
        return f"text, {many} different"
    return None
