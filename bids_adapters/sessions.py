"""Sessions: which of a participant's visits came first, by dates or by what their names say, never by the alphabet."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from bids_adapters.identifiers import find_key
from bids_adapters.phenotype.text_table import TextTable, read_text_table, snake_case

_STAGES = (
    re.compile(r"screen|^scr?(?![a-z])|enroll?ment|intake|recruit"),
    re.compile(
        r"baseline|^base?(?![a-z])|^bl(?![a-z])|^pre(?!sent|ss)|pre(?![a-z])|^before|^initial|^admission|^test"
    ),
    re.compile(r"^mid|during|interim"),
    re.compile(r"post|^after"),
    re.compile(r"follow|(?<![a-z])fl?up?(?![a-z])|^(?:re|trt(?![a-z]))(?:test|scan|peat)?(?![a-z])"),
    re.compile(r"final|^last|^end(?:line|point)?(?![a-z])|^exit|discharge|^eo[ts](?![a-z])|closeout"),
)
"""Of a study, in their order; a name that holds the words of several belongs to the last of them."""
_BASELINE, _FINAL = 1, 5
_DAYS = {"y": 365.25, "m": 30.4375, "w": 7.0, "d": 1.0}
_UNIT = r"(?:years?|months?|weeks?|days?|(?<![a-z])(?:yrs?|mths?|mon?s?|wks?|[ymwd])(?![a-z]))"
_TIME = re.compile(rf"(?P<count>\d+)(?P<unit>{_UNIT})|(?P<unit_first>{_UNIT})(?P<number>\d+)")
_COUNTED = (
    "first second third fourth fifth sixth seventh eighth ninth tenth",
    "one two three four five six seven eight nine ten",
    "i ii iii iv v vi vii viii ix x",
)
_NUMBERS = {word: number for words in _COUNTED for number, word in enumerate(words.split(), start=1)}
_VISIT = r"(?:session|visit|scan|wave|time|timepoint)?"
_NUMBER_WORD = re.compile(rf"{_VISIT}({'|'.join(_NUMBERS)}){_VISIT}")
_DATE_COLUMNS = ("acq_time", "acquisition_time", "session_date", "scan_date", "visit_date", "date")
_AGE_COLUMNS = ("days_since_baseline", "days_from_baseline", "age_at_scan", "age_at_session", "age")


@cache
def session_key(text: str) -> str:
    """Give what spellings of a session share.

    ``ses-01`` and ``1.0`` are ``1``, ``baseline_year_1_arm_1`` and ``baselineYear1Arm1`` the same.
    """
    plain = text.strip().casefold().removeprefix("ses-")
    if (number := re.fullmatch(r"(?:ses(?:sion)?[-_ ]*)?(\d+)(?:\.0*)?", plain, re.ASCII)) is not None:
        plain = number[1]
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", re.sub(r"[^0-9a-z]+", "", plain))


def earliest(labels: Iterable[str], times: Mapping[str, float] | None = None) -> str | None:
    """Find the first of a participant's sessions.

    Parameters
    ----------
    labels
        One or more, in any spelling; the empty one, of a participant without sessions, comes first.
    times
        By `session_key`, as `SessionTimes` gives them; where every session has one, they decide.

    Returns
    -------
    str or None
        None where neither times nor names say which is first: ``placebo`` and ``verum``.
    """
    spellings = {session_key(label): label for label in sorted(labels, reverse=True)}
    keys = list(spellings)
    if times and all(key in times for key in keys):
        first = min(times[key] for key in keys)
        keys = [key for key in keys if times[key] == first]
    before = (key for key in keys if all(key == other or is_before(key, other) for other in keys))
    return next((spellings[key] for key in before), None)


def is_before(one: str, other: str) -> bool | None:
    """Tell whether a session's name puts it before another's; None where the names do not say.

    Stages of a study come first (screening, baseline or pre, mid, post, follow-up, final), then times in years,
    months, weeks and days, then numbers as numbers, and single letters.
    """
    first, second = _read_name(session_key(one)), _read_name(session_key(other))
    by_words = _words_before(first.words, second.words)
    by_stage = _stage_before(first.stage, second.stage)
    if by_stage is not None:
        return by_stage if by_words in (None, by_stage) else None
    if first.days is not None and second.days is not None and first.days != second.days:
        return first.days < second.days
    if first.stage == second.stage:
        return by_words
    # Numbered visits come before their study's follow-up; whether those of a stated month do depends.
    return first.stage is None if (first.days, second.days) == (None, None) else None


@dataclass(frozen=True)
class SessionTimes:
    """When sessions took place, from ``sub-LABEL/sub-LABEL_sessions.tsv`` or one ``sessions.tsv`` of everybody.

    Attributes
    ----------
    folders
        Datasets that may hold such tables; the first that does is read.
    """

    folders: tuple[Path, ...]

    def of(self, label: str) -> dict[str, float]:
        """Give a participant's times, from the dates or else from the ages; empty where there are none.

        Returns
        -------
        dict
            `session_key` to a number that grows with time.

        Raises
        ------
        InputError
            The table is there and cannot be read.
        """
        for folder in self.folders:
            own = folder / f"sub-{label}" / f"sub-{label}_sessions.tsv"
            if own.exists() or own.is_symlink():
                return _times(read_text_table(own), label)
            if folder in self._of_everybody:
                return _times(self._of_everybody[folder], label)
        return {}

    @cached_property
    def _of_everybody(self) -> dict[Path, TextTable]:
        paths = {folder: folder / "sessions.tsv" for folder in self.folders}
        return {
            folder: read_text_table(path)
            for folder, path in paths.items()
            if path.exists() or path.is_symlink()
        }


class _Name(NamedTuple):
    """What a session's name says: the stage of the study, days since its start, words and numbers."""

    stage: int | None
    days: float | None
    words: tuple[str, ...]


@cache
def _read_name(key: str) -> _Name:
    if (number := _NUMBER_WORD.fullmatch(key)) is not None:
        key = str(_NUMBERS[number[1]])
    stages = [stage for stage, words in enumerate(_STAGES) if words.search(key)]
    days = [
        int(found["count"] or found["number"]) * _DAYS[(found["unit"] or found["unit_first"])[0]]
        for found in _TIME.finditer(key)
    ]
    return _Name(
        max(stages, default=None), sum(days) if days else None, tuple(re.findall(r"\d+|[a-z]+", key))
    )


def _stage_before(one: int | None, other: int | None) -> bool | None:
    """Compare stages; beside names without one, only the first stages and the last have a place."""
    if one == other:
        return None
    if one is not None and other is not None:
        return one < other
    named = one if one is not None else other
    if named is None or _BASELINE < named < _FINAL:
        return None
    return (named <= _BASELINE) == (one is not None)


def _words_before(one: tuple[str, ...], other: tuple[str, ...]) -> bool | None:
    """Compare word for word, numbers as numbers; a name that another begins with comes before it."""
    for mine, yours in zip_longest(one, other):
        if mine == yours:
            continue
        if mine is None or yours is None:
            return mine is None
        if mine.isdigit() and yours.isdigit():
            return int(mine) < int(yours)
        return mine < yours if len(mine) == len(yours) == 1 and (mine + yours).isalpha() else None
    return None


def _times(table: TextTable, label: str) -> dict[str, float]:
    """Take a participant's times from the column that has most of them, dates before ages."""
    names = [snake_case(header) for header in table.headers]
    if "session_id" not in names:
        return {}
    sessions = table.column(names.index("session_id"))
    mine = range(len(sessions))
    if "participant_id" in names:
        owners = table.column(names.index("participant_id"))
        mine = [row for row in mine if find_key(owners[row]) == find_key(f"sub-{label}")]
    found: dict[str, float] = {}
    for column in (*_DATE_COLUMNS, *_AGE_COLUMNS):
        if column in names:
            cells = table.column(names.index(column))
            read = _date if column in _DATE_COLUMNS else _number
            times = {
                session_key(sessions[row]): time for row in mine if (time := read(cells[row])) is not None
            }
            found = max(found, times, key=len)
    return found


def _date(cell: str) -> float | None:
    try:
        # Without its zone: years that were shifted to 1900 and before, for privacy, have none that is known.
        return (datetime.fromisoformat(cell).replace(tzinfo=None) - datetime(1, 1, 1)).total_seconds()
    except ValueError:
        return None


def _number(cell: str) -> float | None:
    return float(cell) if re.fullmatch(r"-?\d+(?:\.\d*)?", cell, re.ASCII) else None
