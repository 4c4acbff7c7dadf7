"""Rows of several sessions -> those of one session a participant: that of the chosen map, else the first."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from bids_adapters.phenotype.source import Source
from bids_adapters.sessions import SessionTimes, earliest, session_key

Reasons = dict[int, tuple[str, str]]
"""Rows of a table that are left out: a stable reason and a detail."""


@dataclass(frozen=True)
class Sessions:
    """Which session's values a participant's are.

    Attributes
    ----------
    of_maps
        Participant's key to the session of the chosen map; absent where the map names none.
    times
        When sessions took place.
    """

    of_maps: Mapping[str, str] = field(default_factory=dict)
    times: SessionTimes = field(default_factory=lambda: SessionTimes(()))

    @property
    def keys(self) -> frozenset[str]:
        """Every session that a chosen map has."""
        return frozenset(map(session_key, self.of_maps.values()))


def keep_one_session(sources: Sequence[Source], sessions: Sessions) -> None:
    """Leave out rows of other sessions than the participant's: they never stand in for what is missing.

    A table without sessions describes all of them. Without a session of the map the first that any table has counts,
    in the order of their dates or of their names; where neither tells, no session is used, and none that is another
    participant's later one.
    """
    labels: dict[str, dict[str, str]] = defaultdict(dict)
    label_of: dict[str, str] = {}
    for source in sources:
        for row in source.used.values():
            label_of.setdefault(row.identifier.key, row.identifier.label)
            if row.session:
                labels[row.identifier.key].setdefault(session_key(row.session), row.session)
    firsts = {
        key: earliest(mine.values(), sessions.times.of(label_of[key]) if len(mine) > 1 else None) or ""
        for key, mine in labels.items()
        if key not in sessions.of_maps
    }
    later = {
        one for key, first in firsts.items() if first for one in labels[key].keys() - {session_key(first)}
    }
    for source in sources:
        if any(row.session for row in source.used.values()):
            source.without(_other_rows(source, {**firsts, **sessions.of_maps}, sessions, later))


def _other_rows(
    source: Source, wanted: Mapping[str, str], sessions: Sessions, later: Collection[str]
) -> Reasons:
    """Find the rows that are of another session than their participant's."""
    found: Reasons = {}
    for line, row in source.used.items():
        key = row.identifier.key
        mine = wanted.get(key)
        is_first_of_all = key in sessions.of_maps or session_key(mine or "") not in later
        if mine is None or (mine and is_first_of_all and session_key(row.session) == session_key(mine)):
            continue
        this = f"session {row.session}" if row.session else "no session"
        if key in sessions.of_maps:
            found[line] = ("other_session", f"{this}; the map is of session {mine}")
        elif not is_first_of_all:
            found[line] = ("other_session", f"{this}, which is not others' first, and the map names none")
        elif mine:
            found[line] = ("later_session", f"{this}; the first is {mine}, and the map names none")
        else:
            detail = (
                f"{this}; neither dates nor names tell which session is the first, and the map names none"
            )
            found[line] = ("unordered_sessions", detail)
    return found
