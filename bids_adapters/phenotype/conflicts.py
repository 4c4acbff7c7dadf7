"""Several files' claims -> one value a participant and column; what they disagree on is reported."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from adhd_cvae.io import MISSING
from bids_adapters.phenotype.codebook import canonical_number
from bids_adapters.phenotype.source import Claim


class Conflict(NamedTuple):
    """One of several disagreeing claims; `used` is ``n/a`` where nobody decided, else ``yes`` or ``no``."""

    key: str
    column: str
    value: str
    file: str
    row: int
    used: str


def combine(
    claims: Iterable[Claim], preferred: str | None
) -> tuple[dict[str, dict[str, str]], list[Conflict]]:
    """Bring claims together.

    Parameters
    ----------
    preferred
        Name of the file that decides where it has one value of its own; None for no such file.

    Returns
    -------
    values
        Column to participant's key to value; a disputed one that nobody decided is left out.
    conflicts
        Every claim of every disputed value.
    """
    cells: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    for claim in claims:
        cells[claim.column, claim.key].append(claim)
    values: dict[str, dict[str, str]] = defaultdict(dict)
    conflicts: list[Conflict] = []
    for (column, key), mine in cells.items():
        value = agreed({claim.value for claim in mine})
        if value is None:
            value = agreed({claim.value for claim in mine if claim.file == preferred})
            conflicts += [Conflict(*claim[:-1], used=_used(claim.value, value)) for claim in mine]
        if value is not None:
            values[column][key] = value
    return values, sorted(conflicts)


def agreed(values: set[str]) -> str | None:
    """Return the fullest of several spellings of one value, or None where they are different values.

    Numbers with decimals agree where one is the other rounded (``10.33`` and ``10.3333``), texts whatever
    the case.
    """
    candidates = sorted(values, key=lambda value: (-_decimals(value), value))
    if candidates and all(_same(candidates[0], other) for other in candidates[1:]):
        return candidates[0]
    return None


def _used(value: str, decided: str | None) -> str:
    if decided is None:
        return MISSING
    return "yes" if _same(decided, value) else "no"


def _same(fuller: str, other: str) -> bool:
    places = _decimals(other)
    if places and _decimals(fuller):
        # half a unit of the last decimal, and a hair more for what floating point makes of it
        return abs(float(fuller) - float(other)) <= 0.5 * 10**-places * (1 + 1e-9)
    return fuller.casefold() == other.casefold()


def _decimals(value: str) -> int:
    """Count the decimals of a plainly written number; 0 for anything else."""
    if canonical_number(value) != value or "e" in value:
        return 0
    return len(value.partition(".")[2])
