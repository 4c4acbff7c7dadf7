"""What of a dataset became the cohort, on one screen: for a lab to check against what it knows."""

import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable

import pandas as pd

from adhd_cvae.io import MISSING
from adhd_cvae.names import BACKGROUND, GROUP_LABELS, TARGET
from bids_adapters.cohort import Cohort
from bids_adapters.identifiers import participant_key
from bids_adapters.phenotype.codebook import canonical_number
from bids_adapters.phenotype.provenance import Provenance

WIDTH = 79
"""Characters of a line: a terminal of 80 columns keeps it whole."""
_NAMED = 6
"""Values, sites or sessions of one line; the others are counted."""
_SITES = 12
_REASONS = 3
_COLUMN = 10


def summary_lines(cohort: Cohort, site: str | None) -> list[str]:
    """Say who is in, which map, which tables gave group, age, sex and site, and why others were left out.

    Values are shown with the number of their row (the header is row 1), never with a participant's name.

    Parameters
    ----------
    cohort
        Its `table` and `exclusions` may be those of a later step.
    site
        Column of the sites; None for none.
    """
    described = {
        "group": _of_column(cohort, "group"),
        **{name: _of_column(cohort, name) for name in ("age", "sex") if name in cohort.table},
        **({site: _of_column(cohort, site)} if site in cohort.table and site is not None else {}),
    }
    rows = {
        "people": _groups(cohort.table),
        "sites": _sites(cohort, site),
        "maps": _maps(cohort),
        **described,
        "left out": _left_out(cohort),
    }
    return [
        line
        for name, text in rows.items()
        for line in textwrap.wrap(
            f"{name:<{_COLUMN}} {text}", WIDTH, subsequent_indent=" " * (_COLUMN + 1), break_on_hyphens=False
        )
    ]


def _groups(table: pd.DataFrame) -> str:
    counts = Counter(table["group"])
    parts = [f"{counts[group]} {label}" for group, label in GROUP_LABELS.items()]
    return f"{len(table)}: {', '.join(parts)}"


def _sites(cohort: Cohort, site: str | None) -> str:
    """Count patients and controls of each site."""
    if site is None or site not in cohort.table:
        return "no column of sites"
    names = cohort.columns.get(site, {}).get("Levels", {})
    values = [MISSING if pd.isna(value) else str(value) for value in cohort.table[site]]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for value, group in zip(values, cohort.table["group"], strict=True):
        counts[value][group] += 1
    parts = [
        f"{names.get(value, value)} {count[TARGET]} + {count[BACKGROUND]}"
        for value, count in sorted(counts.items(), key=lambda one: -one[1].total())
    ]
    return f"{len(counts)}, patients + controls: {_few(parts, _SITES)}"


def _maps(cohort: Cohort) -> str:
    kind = cohort.kind.describe() if cohort.kind is not None else MISSING
    counts = Counter(cohort.sessions.get(str(one), "") for one in cohort.table["participant_id"])
    if set(counts) <= {""}:
        return f"{kind}; no sessions"
    sessions = [f"{name or 'none'} ({count})" for name, count in counts.most_common()]
    return f"{kind}; session {_few(sessions)}"


def _of_column(cohort: Cohort, name: str) -> str:
    """Say where a column's values come from, with two rows, and what was understood by them."""
    found = cohort.provenance.get(name, Provenance())
    rows = zip(cohort.table["participant_id"], cohort.table["group"], strict=True)
    groups = {participant_key(str(one).removeprefix("sub-")): group for one, group in rows}
    claims = [claim for claim in found.claims if claim.key in groups]
    examples = [f"row {claim.row} {claim.written!r}" for claim in found.examples(groups.keys())]
    parts = [f"{', '.join(found.files)}: {', '.join(examples)}" if examples else "no value"]
    numbers = [number for claim in claims if (number := canonical_number(claim.value)) is not None]
    if len(numbers) == len(claims) and len(set(numbers)) > _NAMED:
        low, high = min(map(float, numbers)), max(map(float, numbers))
        parts.append(f"understood {len(numbers)} numbers, {low:g} to {high:g}")
    elif claims:
        levels = cohort.columns.get(name, {}).get("Levels", {})
        meanings = [
            GROUP_LABELS[groups[one.key]] if name == "group" else levels.get(one.value, one.value)
            for one in claims
        ]
        pairs = zip(claims, meanings, strict=True)
        words = Counter(
            one.written if one.written == what else f"{one.written} = {what}" for one, what in pairs
        )
        parts.append(f"understood {_counted(words)}")
    if unread := found.not_understood(groups.keys()):
        parts.append(f"NOT understood {_counted(unread)}")
    if absent := len(groups) - len({claim.key for claim in claims}):
        parts.append(f"{absent} have none")
    return "; ".join(parts)


def why_left_out(cohort: Cohort) -> Counter[str]:
    """Count who is not in the cohort by reason; of somebody with several lines, that of most lines counts."""
    lines = cohort.exclusions[
        ~cohort.exclusions["participant_id"].isin([*cohort.table["participant_id"], MISSING])
    ]
    common = Counter(lines["reason"])
    reasons: dict[str, set[str]] = defaultdict(set)
    for name, reason in zip(lines["participant_id"], lines["reason"], strict=True):
        reasons[name].add(reason)
    asked_for = [found for found in reasons.values() if "not_selected" not in found]
    return Counter(max(sorted(found), key=lambda reason: common[reason]) for found in asked_for)


def _left_out(cohort: Cohort) -> str:
    reasons = why_left_out(cohort)
    largest = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common(_REASONS))
    more = len(reasons) - _REASONS
    return f"{reasons.total()} people{f': {largest}' if largest else ''}" + (
        f", and {more} more reasons" if more > 0 else ""
    )


def _counted(values: Counter[str]) -> str:
    return _few(f"{value} ({count})" for value, count in values.most_common())


def _few(parts: Iterable[str], most: int = _NAMED) -> str:
    found = list(parts)
    more = len(found) - most
    return ", ".join(found[:most]) + (f" and {more} more" if more > 0 else "")
