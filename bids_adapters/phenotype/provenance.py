"""Where a column's values come from: tables, rows, and how they are written there."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bids_adapters.phenotype.source import Claim, Source


@dataclass(frozen=True)
class Provenance:
    """What the tables say in one column.

    Attributes
    ----------
    claims
        Every value that was understood: participant's key, file, row (the header is row 1) and how it is written.
    unread
        Likewise those that were not, and are missing in the cohort.
    """

    claims: tuple[Claim, ...] = ()
    unread: tuple[Claim, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the tables."""
        return tuple(dict.fromkeys(claim.file for claim in self.claims))

    def examples(self, keys: Collection[str], most: int = 2) -> list[Claim]:
        """Give the first values of some participants, of different values where there are such."""
        mine = [claim for claim in self.claims if claim.key in keys]
        first: dict[str, Claim] = {}
        for claim in mine:
            first.setdefault(claim.value, claim)
        return list(dict.fromkeys([*first.values(), *mine]))[:most]

    def not_understood(self, keys: Collection[str]) -> Counter[str]:
        """Count values of some participants that were taken as missing, as they are written."""
        return Counter(claim.written for claim in self.unread if claim.key in keys)


def trace(sources: Sequence[Source]) -> dict[str, Provenance]:
    """Give each column's provenance."""
    claims: dict[str, list[Claim]] = defaultdict(list)
    unread: dict[str, list[Claim]] = defaultdict(list)
    for source in sources:
        for claim in source.claims:
            claims[claim.column].append(claim)
        for claim in source.unread:
            unread[claim.column].append(claim)
    names = dict.fromkeys(name for source in sources for name in source.columns)
    return {name: Provenance(tuple(claims[name]), tuple(unread[name])) for name in names}
