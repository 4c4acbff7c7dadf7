"""Tables of who was analysed and who was left out: counts, never a participant's row."""

from typing import Any

import pandas as pd

from adhd_cvae.files import MISSING
from pipelines.formats import ReportTable, number
from pipelines.results import Results

GROUPS = {"target": "patients", "background": "controls"}


def groups_table(results: Results) -> ReportTable | None:
    """Size, split, age and sex of each group."""
    cohort = results.cohort
    if cohort is None:
        return None
    members = [results.members(group=group) for group in GROUPS]
    rows = [["participants", *(str(len(rows)) for rows in members)]]
    rows.append(["held out", *(str(len(results.members(group=group, split="test"))) for group in GROUPS)])
    if "age" in cohort:
        ages = [f"{number(part['age'].mean(), 1)} ({number(part['age'].std(), 1)})" for part in members]
        rows.append(["age, years: mean (SD)", *ages])
    for code in sorted(cohort["sex"].dropna().unique(), key=str) if "sex" in cohort else []:
        shares = [_share(part.loc[:, "sex"], code) for part in members]
        rows.append([f"sex: {results.level('sex', code)}", *shares])
    caption = "The cohort. Percentages are of the participants whose value is known."
    return ReportTable(caption, ("", *GROUPS.values()), {"": rows})


def _share(values: pd.Series, code: Any) -> str:
    known = values.dropna()
    return (
        f"{int((known == code).sum())} ({100 * float((known == code).mean()):.0f} %)"
        if len(known)
        else MISSING
    )


def missing_table(results: Results) -> ReportTable | None:
    """How many values of each analysed variable are known, by group."""
    cohort = results.cohort
    names = [name for name in results.scales if cohort is not None and name in cohort]
    if cohort is None or not names:
        return None
    rows = []
    for name in names:
        known = [cohort.loc[cohort["group"] == group, name] for group in GROUPS]
        rows.append([results.label(name), *(f"{int(part.notna().sum())} of {len(part)}" for part in known)])
    caption = "Values known of each analysed variable."
    return ReportTable(caption, ("variable", *GROUPS.values()), {"": rows})


def exclusions_table(results: Results) -> ReportTable | None:
    """How many were left out at each stage, by reason; nobody is named."""
    if results.exclusions is None:
        return None
    counts = results.exclusions.groupby(["stage", "reason"]).size()
    rows = [
        [str(reason).replace("_", " "), str(stage), str(size)]
        for (stage, reason), size in counts.items()  # pyright: ignore[reportGeneralTypeIssues]
    ]
    caption = "Left out. Who, and the detail, is in exclusions.tsv."
    return ReportTable(caption, ("reason", "stage", "rows"), {"": rows})


def site_counts(results: Results) -> pd.DataFrame | None:
    """Participants by site (rows, in words) and group (`target`, `background`)."""
    cohort, site = results.cohort, results.site
    if cohort is None or site is None:
        return None
    counts = pd.crosstab(cohort[site], cohort["group"]).reindex(columns=list(GROUPS), fill_value=0)
    counts.index = pd.Index([results.named_level(site, code) for code in counts.index])
    return counts if len(counts) else None


def sites_table(results: Results) -> ReportTable | None:
    """Site × group, with what can be told apart there."""
    counts = site_counts(results)
    if counts is None:
        return None
    rows = []
    for name, patients, controls in zip(counts.index, counts["target"], counts["background"], strict=True):
        within = "yes" if min(patients, controls) >= 5 else "hardly" if min(patients, controls) else "no"
        rows.append([str(name), str(patients), str(controls), within])
    caption = (
        "Site × group. Within site: whether patients can be compared with controls scanned at the same "
        "place; “hardly”: fewer than five in the smaller group."
    )
    return ReportTable(caption, ("site", *GROUPS.values(), "within site"), {"": rows})
