"""Tables, numbers and words as a reader sees them: few digits, n/a where there is nothing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from adhd_cvae.io import MISSING
from adhd_cvae.names import GROUP_LABELS

_DECIMAL = re.compile(r"-?\b\d+\.\d{3,}\b")


@dataclass(frozen=True)
class ReportTable:
    """A table of the page; the first column of each row is its heading.

    Attributes
    ----------
    caption
        What it holds and how to read it.
    columns
        Headings.
    blocks
        Heading of a block of rows (empty for none) to its rows of ready text.
    spans
        A heading row above the others: words and how many columns they cover.
    prose
        Headings of the columns that hold words rather than numbers.
    title
        What it is called where it is folded away.
    """

    caption: str
    columns: tuple[str, ...]
    blocks: Mapping[str, list[list[str]]]
    spans: tuple[tuple[str, int], ...] = ()
    prose: tuple[str, ...] = ()
    title: str = ""

    @property
    def size(self) -> int:
        """Number of rows."""
        return sum(map(len, self.blocks.values()))


def template(name: str) -> Template:
    """A file of ``templates/``; what is put into a page of HTML is escaped."""
    environment = Environment(
        loader=PackageLoader("pipelines.report"),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def text_lines(table: ReportTable, title: str, width: int) -> list[str]:
    """A table's heading and rows for a terminal; long words of the first column are cut to fit `width`."""
    rows = [row for block in table.blocks.values() for row in block]
    heading = [title, *table.columns[1:]]
    widths = [max(len(row[column]) for row in [heading, *rows]) for column in range(len(heading))]
    room = width - sum(widths[1:]) - 2 * len(widths[1:])
    first = min(widths[0], max(room, 12))
    return [
        "  ".join(
            [
                (row[0] if len(row[0]) <= first else f"{row[0][: first - 1]}…").ljust(first),
                *(cell.rjust(size) for cell, size in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in [heading, *rows]
    ]


def number(value: Any, digits: int = 3) -> str:
    """A number with so many decimals and a true minus sign; n/a where missing."""
    if pd.isna(value):
        return MISSING
    text = f"{float(value):.{digits}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


tenths, hundredths = partial(number, digits=1), partial(number, digits=2)


def probability(value: Any) -> str:
    """A p-value: three decimals, and never zero."""
    if pd.isna(value):
        return MISSING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def count(value: Any) -> str:
    """A whole number; n/a where missing."""
    return MISSING if pd.isna(value) else f"{int(value)}"


def interval(low: Any, high: Any, digits: int = 3) -> str:
    """Both ends of an interval."""
    return MISSING if pd.isna(low) or pd.isna(high) else f"{number(low, digits)} to {number(high, digits)}"


def listed(words: Sequence[str], most: int | None = None) -> str:
    """Words with commas and a last 'and'; of more than `most` the first ones, and how many others."""
    if most is not None and len(words) > most:
        words = [*words[: most - 1], f"{len(words) - most + 1} others"]
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words) or "none"


def counted(size: int, noun: str) -> str:
    """A number with its noun."""
    return f"{size} {noun}{'' if size == 1 else 's'}"


def words(value: Any) -> str:
    """A code of ours in words; empty where missing."""
    return "" if pd.isna(value) else str(value).replace("_", " ")


def members(value: Any) -> str:
    """A group in words, as its members are called."""
    return GROUP_LABELS.get(value, words(value))


def text(value: Any) -> str:
    """Text as it is; empty where missing."""
    return "" if pd.isna(value) else str(value)


def rounded(value: Any) -> str:
    """Text with its long decimals cut to three digits; empty where missing."""
    return _DECIMAL.sub(lambda found: f"{float(found.group()):.3g}".replace("-", "−"), text(value))


def plain(value: Any) -> str:
    """A number with as many digits as it needs, or words."""
    if isinstance(value, str):
        return words(value)
    return MISSING if pd.isna(value) else count(value) if float(value).is_integer() else number(value, 4)
