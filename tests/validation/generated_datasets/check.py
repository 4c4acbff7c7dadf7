"""A cohort against the truth: whatever is not as it should be, in one line each."""

import re
from collections.abc import Iterator

from tests.validation.generated_datasets.product import Seen
from tests.validation.generated_datasets.truth import IN, NOTHING, OUT, Person, Study, Values

MISSING_NUMBERS = frozenset((-999.0, -9999.0))
ALIASES = {"fiq": "full4_iq"}
"""Headers that have another name in the cohort."""
FEWEST = 4
"""Participants of a group without which the command line holds nobody out."""


def findings(study: Study, seen: Seen) -> Iterator[str]:
    """Name everything that differs from the truth without being mentioned, and whoever is missing."""
    if seen.traceback:
        yield f"traceback: {seen.traceback}"
        return
    if seen.refusal:
        yield from _refused(study, seen.refusal)
        return
    if study.must_refuse:
        yield f"not refused; expected a message with {study.refusals}"
        return
    known = {f"sub-{one.label}" for one in study.people}
    if seen.repeated or set(seen.cohort) - known:
        yield f"participants of the cohort that nobody is, or twice: {sorted(set(seen.cohort) - known)}"
    for words in study.mentions:
        if not _mentioned(seen, *words):
            yield f"nothing mentions {words}"
    for one in study.people:
        yield from _of_participant(study, one, seen)
    yield from _one_stream(study, seen)
    for values in study.columns:
        yield from _of_values(study, values, seen)
    yield from _pooled(study, seen)
    for name, row in seen.cohort.items():
        codes = [one for one, cell in row.items() if _number(cell) in MISSING_NUMBERS]
        if codes:
            yield f"{name}: a missing code is a number in {codes}"


def _refused(study: Study, message: str) -> Iterator[str]:
    if any(word in message for words in study.refusals for word in words):
        if any("no participants.tsv" in message for _ in study.refusals):
            yield f"says that there is no participants.tsv: {message}"
        return
    if study.whole and min(_count(study, group) for group in ("target", "background")) < FEWEST:
        return
    if any(one.must == IN for one in study.people) or study.must_refuse:
        yield f"refused: {message[:300]}"


def _count(study: Study, group: str) -> int:
    return sum(one.group == group and one.must == IN for one in study.people)


def _mentioned(seen: Seen, *words: str) -> bool:
    return any(word in line for line in seen.lines for word in words)


def _lines_of(one: Person, seen: Seen) -> list[str]:
    names = {one.spelled, one.label, f"sub-{one.label}", f"sub-{one.spelled}"}
    plain = {_without_zeros(name) for name in names}
    return [line for line in seen.lines if _without_zeros(line.partition("\t")[0]) in plain]


def _without_zeros(name: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", name.removeprefix("sub-")).lstrip("0")


def _of_participant(study: Study, one: Person, seen: Seen) -> Iterator[str]:
    name, lines = f"sub-{one.label}", _lines_of(one, seen)
    row = seen.cohort.get(name)
    if row is None and one.must == IN:
        yield f"{name} ({one.group}) is left out: {lines or 'without a line'}"
    elif row is None and not lines:
        yield f"{name} is neither in the cohort nor in exclusions.tsv"
    elif (
        row is None
        and one.must == OUT
        and one.reasons
        and not any(w in line for line in lines for w in one.reasons)
    ):
        yield f"{name} is left out for another reason than {one.reasons}: {lines}"
    elif row is not None and one.must == OUT:
        yield f"{name} ({one.group}) is in the cohort as {row.get('group')}, and may not be: {row['image']}"
    if one.mentioned and not lines and not _mentioned(seen, name):
        yield f"nothing mentions {name}"
    if row is None or one.must == OUT:
        return
    if one.right and row["image"] not in one.right:
        yield f"{name} has {row['image']}; right is {sorted(one.right)}"
    if not any(row["image"] == image.path for image in one.maps):
        yield f"{name} has another's map: {row['image']}"
    group = row.get("group", "")
    if group != one.group and (study.groups_needed or group):
        yield f"{name} is {group or 'without a group'}; right is {one.group}"


def _one_stream(study: Study, seen: Seen) -> Iterator[str]:
    used = {row["image"] for row in seen.cohort.values()}
    streams = {image.stream for one in study.people for image in one.maps if image.path in used}
    if len(streams) > 1:
        yield f"maps of different kinds in one cohort: {sorted(streams)}"
    if any(not image.template for one in study.people for image in one.maps if image.path in used):
        yield "a map in native space is used"


def _snake(header: str) -> str:
    return re.sub(r"[^0-9a-z]+", "_", header.lower()).strip("_")


def _of_values(study: Study, values: Values, seen: Seen) -> Iterator[str]:
    """Compare a column's values with those of the cohort's column that fits best."""
    header = _snake(values.header)
    names = next(iter(seen.cohort.values()), {})
    columns = [
        one
        for one in names
        if one in (header, ALIASES.get(header)) or (header in one and values.table in one)
    ]
    if not columns:
        known = [
            one for one in study.people if values.truth.get(one.label) and f"sub-{one.label}" in seen.cohort
        ]
        if any(not one.partial for one in known) and not _mentioned(seen, values.header):
            yield f"no column {header} of {values.table}"
        return
    shared = any(one.header == values.header for one in study.columns if one is not values)
    if shared and not any(values.truth.get(one.label) for one in study.people):
        return
    check = _coded if values.coded else _plain
    yield from min((list(check(study, values, one, seen)) for one in columns), key=len)


def _plain(study: Study, values: Values, column: str, seen: Seen) -> Iterator[str]:
    for name, one, cell in _cells(study, column, seen):
        truth, odd = values.truth.get(one.label, NOTHING), values.odd.get(one.label)
        if one.partial and not cell:
            continue
        if values.codes:
            unread = not cell and _mentioned(seen, values.header, column)
            right = values.codes.get(cell) == truth or cell == odd or unread
        elif truth == NOTHING:
            # Where nobody has a number, nothing shows that numbers belong there.
            words = not any(values.truth.get(other.label) for other in study.people)
            mentioned = words or _mentioned(seen, values.header, column)
            as_written = cell == odd and _number(cell) is None and mentioned
            right = not cell or as_written
        else:
            right = _same(cell, truth)
        if not right:
            yield f"{name}: {column} is {cell!r}; right is {truth!r}" + (f" (written {odd!r})" if odd else "")


def _coded(study: Study, values: Values, column: str, seen: Seen) -> Iterator[str]:
    meaning: dict[str, str] = {}
    levels = seen.levels.get(column, {})
    for name, one, cell in _cells(study, column, seen):
        truth = values.truth.get(one.label, NOTHING)
        if not cell:
            if truth and not one.partial:
                yield f"{name}: {column} is missing; right is {truth!r}"
            continue
        if meaning.setdefault(cell, truth) != truth:
            yield f"{name}: {column} is {cell!r} as for {meaning[cell]!r}; right is {truth!r}"
        word = levels.get(cell, truth)
        if not re.search(rf"\b{re.escape(truth)}\b", word, re.IGNORECASE):
            yield f"{name}: {column} is {cell!r}, which cohort.json calls {word!r}; right is {truth!r}"
    if len(set(meaning.values())) < len(meaning):
        yield f"{column}: one level has two codes: {meaning}"


def _cells(study: Study, column: str, seen: Seen) -> Iterator[tuple[str, Person, str]]:
    for one in study.people:
        row = seen.cohort.get(f"sub-{one.label}")
        if row is not None and one.must != OUT:
            yield f"sub-{one.label}", one, row.get(column, "")


def _pooled(study: Study, seen: Seen) -> Iterator[str]:
    """Name a column that holds values of two tables which share nothing but a header."""
    for column in next(iter(seen.cohort.values()), {}):
        shared = [one for one in study.columns if not one.coded and _snake(one.header) in column]
        held = {
            values.table
            for values in shared
            for name, one, cell in _cells(study, column, seen)
            if cell and _same(cell, values.truth.get(one.label, NOTHING))
        }
        if len(held) > 1:
            yield f"{column} holds values of {sorted(held)}"


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _same(cell: str, truth: str) -> bool:
    number = _number(truth)
    if number is not None:
        found = _number(cell)
        return found is not None and abs(found - number) < 1e-9
    # cohort.tsv has an apostrophe for a quotation mark at the start of a cell, for the sake of other readers.
    return re.sub('^"', "'", cell) == re.sub('^"', "'", " ".join(truth.split()))
