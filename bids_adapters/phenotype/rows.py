"""Rows that count: one participant's, of one session, once."""

from collections import defaultdict
from collections.abc import Sequence

from bids_adapters.identifiers import find_ambiguous
from bids_adapters.phenotype.sessions import Sessions, keep_one_session
from bids_adapters.phenotype.source import Source

OF_ROWS = frozenset(
    {"ragged_row", "ambiguous_identifier", "other_session", "later_session", "unordered_sessions"}
)
"""Reasons for which a row is left out that holds values of its own."""


def leave_out_rows(sources: Sequence[Source], sessions: Sessions) -> dict[str, str]:
    """Leave out all other rows of the tables, each with a note.

    Returns
    -------
    dict
        Keys that may be two participants', and why.
    """
    ambiguous = find_ambiguous(
        {source.name: [row.identifier for row in source.rows.values()] for source in sources}
    )
    for source in sources:
        unsure = {
            line: ("ambiguous_identifier", ambiguous[key])
            for line, row in source.used.items()
            if (key := row.identifier.key) in ambiguous
        }
        source.without(unsure)
    keep_one_session(sources, sessions)
    for source in sources:
        source.without(duplicate_rows(source))
    return ambiguous


def duplicate_rows(source: Source) -> dict[int, tuple[str, str]]:
    """Give the rows that repeat an earlier one of their participant's, value for value."""
    lines: dict[str, list[int]] = defaultdict(list)
    for line, row in source.used.items():
        lines[row.identifier.key].append(line)
    content: dict[int, dict[str, str]] = {
        line: {} for mine in lines.values() if len(mine) > 1 for line in mine
    }
    for claim in source.claims:
        if claim.row in content:
            content[claim.row][claim.column] = claim.value
    found: dict[int, tuple[str, str]] = {}
    for line in content:
        mine = lines[source.rows[line].identifier.key]
        same = next(other for other in mine if content[other] == content[line])
        if same != line:
            found[line] = ("duplicate_row", f"row {same} is used")
    return found
