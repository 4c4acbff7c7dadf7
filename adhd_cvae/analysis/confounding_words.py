"""Tables of confounding in sentences: which contrasts the data do not identify."""

import numpy as np
import pandas as pd

FEW_AT_A_SITE = 5
"""Participants of a site's smaller group below which the site hardly tells the groups apart."""
UNBALANCED = 0.25
"""Difference in standard deviations from which adjusting by regression is not trusted (Rubin 2001)."""
READINGS = (
    (0.1, "site and group are hardly related"),
    (0.3, "site and group are weakly related"),
    (0.5, "site and group are clearly related"),
    (np.inf, "site and group are strongly related: what tells sites apart tells the groups apart too"),
)
"""Upper end of Cramér's V, and how to read it (Cohen's small, medium and large)."""
_MEMBERS = {"target": "patients", "background": "controls"}


def listed(words: list[str]) -> str:
    """Words with commas and a last 'and'."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"


def counted(size: int, one: str, many: str | None = None) -> str:
    """A number with its noun."""
    return f"{size} {one if size == 1 else many or one + 's'}"


def site_sentences(counts: pd.DataFrame) -> list[str]:
    """Say which contrasts site and group leave unidentified.

    Parameters
    ----------
    counts
        Participants by site (rows, named for readers) and group (`target`, `background`).
    """
    sites = [(str(name), *pair) for name, *pair in counts[["target", "background"]].itertuples(name=None)]
    if len(sites) < 2:
        return ["There is one site only: site cannot be confused with the group."] if sites else []
    said = [] if any(patients and controls for _, patients, controls in sites) else [_NO_SHARED_SITE]
    for group, other in (("target", "background"), ("background", "target")):
        alone = counts[(counts[group] > 0) & (counts[other] == 0)]
        if len(alone):
            said.append(_one_group(list(map(str, alone.index)), sum(alone[group].tolist()), _MEMBERS[group]))
    hardly = [f"{name} ({min(pair)})" for name, *pair in sites if 0 < min(pair) < FEW_AT_A_SITE]
    if hardly:
        said.append(f"Hardly identified, with fewer than five in the smaller group: {listed(hardly)}.")
    return said or ["Every site has at least five participants of each group."]


_NO_SHARED_SITE = (
    "No site has both groups: in this cohort no difference between patients and controls can be told from a "
    "difference between scanners."
)


def _one_group(names: list[str], size: int, word: str) -> str:
    has, it, adds = ("has", "it", "adds") if len(names) == 1 else ("have", "they", "add")
    return (
        f"{listed(names)} {has} {word} only ({counted(size, 'participant')}): patients against controls is not "
        f"identified there, and what {it} {adds} to any contrast of the groups cannot be told from a "
        "difference between scanners."
    )


def association_sentence(value: float) -> str | None:
    """Read Cramér's V of site and group; None where it is not defined."""
    if np.isnan(value):
        return None
    reading = next(words for end, words in READINGS if value < end)
    return f"Cramér's V of site and group is {value:.2f} (0 unrelated, 1 one tells the other): {reading}."


def difference_sentence(name: str, difference: float) -> str | None:
    """Say that a ratio variable differs between the groups; None where it is balanced or unknown.

    Parameters
    ----------
    name
        The variable in words.
    difference
        Patients minus controls, in standard deviations.
    """
    if np.isnan(difference) or abs(difference) < UNBALANCED:
        return None
    words = ("older", "younger") if name == "age" else (f"higher in {name}", f"lower in {name}")
    return (
        f"Patients are {words[0] if difference > 0 else words[1]} than controls by {abs(difference):.2f} standard "
        f"deviations; differences between groups are partly differences of {name}."
    )


def share_sentence(name: str, level: str, shares: tuple[float, float], difference: float) -> str | None:
    """Say that a level's share differs between the groups; None where it is balanced.

    Parameters
    ----------
    name, level
        The variable and its level in words.
    shares
        Of the patients and of the controls, 0 to 1.
    difference
        In standard deviations, as :func:`adhd_cvae.analysis.confounding.compare_groups` gives it.
    """
    one_group = {0.0, 1.0} == set(shares)
    if not one_group and (np.isnan(difference) or abs(difference) < UNBALANCED):
        return None
    return (
        f"{name[:1].upper()}{name[1:]} differs by group: {100 * shares[0]:.0f} % of patients and "
        f"{100 * shares[1]:.0f} % of controls are {level}; differences between groups are partly differences of "
        f"{name}."
    )
