"""Bugs that mix people up, planted one at a time."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adhd_cvae.images import cache
from bids_adapters import cohort
from bids_adapters.images import kind, selection
from bids_adapters.phenotype import codebook, rows, source, table, text_table
from bids_adapters.phenotype.sessions import Sessions, keep_one_session
from bids_adapters.phenotype.sidecar import Sidecar

Bug = Callable[[pytest.MonkeyPatch], None]


def _instead(module: object, name: str, other: object) -> Bug:
    return lambda patch: patch.setattr(module, name, other)


def _quoted(text: str, separator: str, path: Path) -> Iterator[list[str]]:
    yield from text_table._tidied(csv.reader(io.StringIO(text, newline=""), delimiter=separator), path)


def _parts_of_words(column: codebook.Column, text: str) -> str | None:
    words = codebook.plain_words(text)
    return next((str(code) for pattern, code in column.words.items() if re.search(pattern, words)), None)


def _one_kind(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(kind.Kind, "__eq__", lambda self, other: True)
    patch.setattr(kind.Kind, "__hash__", lambda self: 0)


def _first_session(sources: Any, sessions: Sessions) -> None:
    keep_one_session(sources, Sessions(times=sessions.times))


BUGS: dict[str, Bug] = {
    "the first session is the alphabet's": _instead(selection, "earliest", lambda labels, times: min(labels)),
    "tables give the first session's values, whichever the map is": _instead(
        rows, "keep_one_session", _first_session
    ),
    "columns that share a name are pooled": _instead(table, "name_apart", lambda sources, preferred: []),
    "quotation marks quote in TSV": _instead(text_table, "_plain_cells", _quoted),
    "-9999 is a number": _instead(codebook, "_MISSING_NUMBER", re.compile("-999")),
    "a word means what a part of it means": _instead(codebook, "_code_of_words", _parts_of_words),
    "Levels of participants.json are not read": _instead(source, "read_sidecar", lambda path: Sidecar()),
    "the code book is read into any table": _instead(source, "is_of_adhd200", lambda headers: True),
    "kinds of maps are mixed": _one_kind,
    "one brain under two names is not noticed": _instead(cache, "same_brains", lambda images, image: {}),
    "maps of another scale are not noticed": _instead(cache, "scale_factors", lambda images, image: {}),
    "1-12 and 11-2 are one participant": _instead(rows, "find_ambiguous", lambda tables: {}),
    "a table that was not fetched is none": _instead(
        cohort, "leave_out_not_fetched", lambda files: ([one for one in files if one.is_file()], [])
    ),
}
"""What the product does wrong then, and how to make it."""
