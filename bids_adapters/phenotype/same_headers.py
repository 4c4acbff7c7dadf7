"""One header in several tables: one column where it was measured alike, else a column a table, named after it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import PurePath

from bids_adapters.phenotype.codebook import BY_NAME
from bids_adapters.phenotype.conflicts import agreed
from bids_adapters.phenotype.source import Note, Source
from bids_adapters.phenotype.text_table import snake_case

Values = Mapping[str, str]
"""Participant's key to the value of one column in one table."""


def name_apart(sources: Sequence[Source], preferred: str | None) -> list[Note]:
    """Rename columns that several tables have and that may not be one, and say so.

    They are one where the code book shares them (age, sex, site, dx), where all tables are ADHD-200's, where one of the
    tables is preferred, and where the tables agree about the participants that they have in common.
    """
    values = {source.name: _values(source) for source in sources}
    holders: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        for column in source.columns:
            holders[column].append(source)
    taken = set(holders)
    notes = []
    for column, mine in sorted(holders.items()):
        holding = [source for source in mine if values[source.name].get(column)]
        if len(mine) < 2 or _is_one(column, holding, values, preferred):
            continue
        names = []
        for source in mine:
            name = f"{snake_case(str(PurePath(source.name).with_suffix('')))}_{snake_case(source.headers[column])}"
            while name in taken:
                name = f"{name}_"
            taken.add(name)
            _rename(source, column, name)
            names.append(f"{name} ({source.name})")
        notes.append(Note("", "same_header", f"{column} is not one measure: kept as {' and '.join(names)}"))
    return notes


def _values(source: Source) -> dict[str, dict[str, str]]:
    """Give each column's values by participant; of a participant with several rows the last."""
    values: dict[str, dict[str, str]] = defaultdict(dict)
    for claim in source.claims:
        values[claim.column][claim.key] = claim.value
    return values


def _is_one(
    column: str, sources: Sequence[Source], values: Mapping[str, Mapping[str, Values]], preferred: str | None
) -> bool:
    """Tell whether a column of several tables is one."""
    if len(sources) < 2 or (column in BY_NAME and BY_NAME[column].shared):
        return True
    if all(source.adhd200 for source in sources) or preferred in {source.name for source in sources}:
        return True
    return _agree(values[source.name][column] for source in sources)


def _agree(tables: Iterable[Values]) -> bool:
    """Tell whether any two tables share half the participants of the smaller and agree about all, in several values."""
    for one, other in combinations(tables, 2):
        shared = one.keys() & other.keys()
        same = {value for key in shared if (value := agreed({one[key], other[key]})) is not None}
        differ = any(agreed({one[key], other[key]}) is None for key in shared)
        if differ or len(same) < 2 or 2 * len(shared) < min(len(one), len(other)):
            return False
    return True


def _rename(source: Source, column: str, name: str) -> None:
    source.columns = {name if old == column else old: entry for old, entry in source.columns.items()}
    source.headers[name] = source.headers.pop(column)
    source.claims = [
        claim._replace(column=name) if claim.column == column else claim for claim in source.claims
    ]
    source.unread = [
        claim._replace(column=name) if claim.column == column else claim for claim in source.unread
    ]
