"""Verdicts on a study's claims, read off the tables of relations and mixtures.

The rule for "space A is related to V", B being the other space:

- not testable: V was not analysed, or has no p-value in A.
- contradicted: p_fdr < 0.05 in A in the wrong direction (tau below its chance level); or p_fdr < 0.05 in B, in the
  right direction, while the interval of the difference, A minus B, lies below zero.
- supported: p_fdr < 0.05 in A in the right direction, and the difference is not below zero. The reason says whether
  its interval excludes zero: if not, A alone is not shown to be special (Gelman & Stern 2006,
  doi 10.1198/000313006X152649).
- not supported: anything else. No evidence for a claim is no evidence against it.

The rule for "A forms one cluster" looks at the full and the tied form of covariance, whose single component is any
Gaussian; the other forms take correlation, or units of unequal spread, for clusters, and are only told:

- not testable: neither could be both fitted with more than one component and tested.
- supported: each that could has its lowest BIC at one component, and the bootstrap test does not reject one
  (p < 0.025: 0.05 over two forms, Bonferroni).
- contradicted: each has its lowest BIC beyond one and rejects one.
- not supported: the forms or the two criteria disagree.

What is supported or contradicted so, and not in every one of the checks (`claim_checks`), is unstable.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from adhd_cvae.analysis.mixture import DECIDING, ONE_COMPONENT_ALPHA
from adhd_cvae.analysis.variables import Row
from adhd_cvae.names import ALPHA, BACKGROUND, PREFIXES, SALIENT

CLAIM_COLUMNS = [
    *("claim", "space", "variable", "n", "tau", "ci_low", "ci_high", "p_fdr"),
    *("difference", "difference_ci_low", "difference_ci_high", "verdict", "checks", "agree", "reason"),
]
"""`checks` and `agree` are left to `with_checks`."""
SUPPORTED, NOT_SUPPORTED, UNSTABLE = "supported", "not supported", "unstable"
CONTRADICTED, NOT_TESTABLE = "contradicted", "not testable"
VERDICTS = (SUPPORTED, UNSTABLE, NOT_SUPPORTED, CONTRADICTED, NOT_TESTABLE)
_OTHER = {SALIENT: BACKGROUND, BACKGROUND: SALIENT}


class Relation(NamedTuple):
    """A claim that a space is related to something."""

    space: str
    name: str
    """What the claim calls it."""
    columns: tuple[str, ...]
    """Columns that may stand for it, the best first."""


class OneCluster(NamedTuple):
    """A claim that a space forms one cluster."""

    space: str


def claims_table(
    claims: Sequence[Relation | OneCluster],
    rsa: pd.DataFrame,
    mixture: pd.DataFrame,
    mixture_test: pd.DataFrame,
) -> pd.DataFrame:
    """Judge each claim by this cohort.

    Parameters
    ----------
    claims
        In the order of the table.
    rsa
        Of `rsa_table`.
    mixture, mixture_test
        Of `mixture_table` and `mixture_test_table`.

    Returns
    -------
    pandas.DataFrame
        claim, space, variable (the column that stood for it), n, tau, ci_low, ci_high, p_fdr, difference
        (the claim's space minus the other one), difference_ci_low, difference_ci_high, verdict, checks, agree, reason
    """
    rows = [
        _cluster_row(claim, mixture, mixture_test)
        if isinstance(claim, OneCluster)
        else _relation_row(claim, rsa)
        for claim in claims
    ]
    return pd.DataFrame(rows, columns=CLAIM_COLUMNS)


def _symbol(space: str) -> str:
    return PREFIXES.get(space, space)


def _relation_row(claim: Relation, rsa: pd.DataFrame) -> Row:
    base: Row = {"claim": f"{_symbol(claim.space)} is related to {claim.name}", "space": claim.space}
    in_space = rsa[rsa["space"] == claim.space]
    if in_space.empty:
        return {**base, "verdict": NOT_TESTABLE, "reason": f"there is no {claim.space} space"}
    found = [column for column in claim.columns if column in set(in_space["variable"])]
    if not found:
        reason = f"not among the variables of this cohort: {' or '.join(claim.columns)}"
        return {**base, "verdict": NOT_TESTABLE, "reason": reason}
    of_variable = pd.DataFrame(rsa[rsa["variable"] == found[0]])
    cells = {row["space"]: row for row in of_variable.to_dict("records")}
    here, there = cells[claim.space], cells.get(_OTHER.get(claim.space, ""))
    for name in ("n", "tau", "ci_low", "ci_high", "p_fdr"):
        base[name] = here[name]
    base |= {"variable": found[0], **_difference(claim.space, cells.get(SALIENT, {}))}
    verdict, reason = _judged(claim.space, here, there, base)
    note = here["note"]
    if isinstance(note, str) and note not in reason:
        reason = f"{reason}; {note}"
    return {**base, "verdict": verdict, "reason": reason}


def _difference(space: str, salient: dict) -> Row:
    """The claim's space minus the other one; rsa.tsv has salient minus background."""
    value, low, high = (salient.get(f"difference{end}", np.nan) for end in ("", "_ci_low", "_ci_high"))
    if space == BACKGROUND:
        value, low, high = -value, -high, -low
    elif space != SALIENT:
        value = low = high = np.nan
    return {"difference": value, "difference_ci_low": low, "difference_ci_high": high}


def _direction(cell: dict | None) -> int:
    """1 where a relation is significant in the claimed direction, -1 in the other one, 0 where it is not."""
    if cell is None or not cell["p_fdr"] < ALPHA:
        return 0
    chance = 0.0 if pd.isna(cell["null_mean"]) else cell["null_mean"]
    return 1 if cell["tau"] > chance else -1


def _judged(space: str, here: dict, there: dict | None, difference: Row) -> tuple[str, str]:
    if pd.isna(here["p_fdr"]):
        return NOT_TESTABLE, str(here["note"]) if isinstance(here["note"], str) else "it has no p-value"
    name, other = _symbol(space), _symbol(_OTHER.get(space, ""))
    direction, value = _direction(here), difference["difference"]
    low, high = difference["difference_ci_low"], difference["difference_ci_high"]
    if direction < 0:
        return CONTRADICTED, f"those who differ more are nearer in {name} than by chance"
    if _direction(there) > 0 and isinstance(high, float) and high < 0:
        return CONTRADICTED, f"{other} is related to it, and more than {name}"
    if direction == 0:
        also = f"; {other} is" if _direction(there) > 0 else ""
        return NOT_SUPPORTED, f"{name} is not related to it beyond chance{also}"
    if not isinstance(value, float) or np.isnan(value):
        return SUPPORTED, "beyond chance; there is no other space to compare with"
    if value < 0:
        return NOT_SUPPORTED, f"beyond chance, but {other} shows it no less"
    if isinstance(low, float) and low > 0:
        return SUPPORTED, f"beyond chance, and more than in {other}"
    return SUPPORTED, f"beyond chance, though not shown to be more than in {other}"


def _cluster_row(claim: OneCluster, mixture: pd.DataFrame, mixture_test: pd.DataFrame) -> Row:
    base: Row = {"claim": f"{_symbol(claim.space)} forms one cluster", "space": claim.space}
    fitted = mixture[(mixture["space"] == claim.space) & mixture["bic"].notna()]
    tests = pd.DataFrame(mixture_test[mixture_test["space"] == claim.space])
    tested = tests.dropna(subset="p_value")
    p_values: dict[str, float] = dict(zip(tested["covariance"], tested["p_value"], strict=True))
    best: dict[str, int] = {}
    for form in p_values:
        rows = fitted[fitted["covariance"] == form]
        if len(rows) > 1:
            best[form] = int(np.asarray(rows["k"])[np.argmin(np.asarray(rows["bic"]))])
    deciding = [form for form in DECIDING if form in best]
    if not deciding:
        notes = tests["note"].dropna().unique()
        reason = str(notes[0]) if len(notes) else f"there is no mixture of the {claim.space} space"
        return {**base, "verdict": NOT_TESTABLE, "reason": reason}
    base["n"] = int(np.asarray(tests["n"]).max())
    rejected = [p_values[form] < ONE_COMPONENT_ALPHA for form in deciding]
    forms = ", ".join(f"{form} {k} (p = {p_values[form]:.2f})" for form, k in best.items())
    reason = f"components with the lowest BIC, with p of two against one: {forms}"
    if all(best[form] == 1 for form in deciding) and not any(rejected):
        return {**base, "verdict": SUPPORTED, "reason": reason}
    if all(best[form] > 1 for form in deciding) and all(rejected):
        return {**base, "verdict": CONTRADICTED, "reason": reason}
    return {**base, "verdict": NOT_SUPPORTED, "reason": f"the criteria disagree; {reason}"}
