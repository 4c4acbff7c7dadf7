"""Tables of who was analysed and who was left out: counts, never a participant's row."""

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from adhd_cvae.analysis import confounding
from adhd_cvae.analysis.confounding_words import FEW_AT_A_SITE
from adhd_cvae.files import MISSING
from pipelines.reporting.formats import ReportTable, number
from pipelines.reporting.results import Results

GROUPS = {"target": "patients", "background": "controls"}


def groups_table(results: Results) -> ReportTable | None:
    """Size and split of each group."""
    if results.cohort is None:
        return None
    sizes = [str(len(results.members(group=group))) for group in GROUPS]
    held_out = [str(len(results.members(group=group, split="test"))) for group in GROUPS]
    rows = [["participants", *sizes], ["held out", *held_out]]
    return ReportTable("The cohort.", ("", *GROUPS.values()), {"": rows})


def group_differences(results: Results) -> pd.DataFrame:
    """Compare the analysed variables, age and sex between the groups; the column of the group itself is none."""
    if results.cohort is None:
        return confounding.compare_groups(pd.DataFrame({"group": []}), {})
    asked = {name: scale for name, scale in results.scales.items() if name != results.setting("cohort.group")}
    return confounding.compare_groups(
        results.cohort, confounding.described(results.cohort, asked, results.site)
    )


def values_by_key(table: pd.DataFrame) -> dict[tuple[str, Any, str, str | None], float]:
    """Look the values of :func:`group_differences` up by variable, level, statistic and group."""
    return {
        (
            str(row["variable"]),
            None if pd.isna(row["level"]) else row["level"],
            str(row["statistic"]),
            row["group"] if isinstance(row["group"], str) else None,
        ): float(row["value"])
        for row in table.to_dict("records")
    }


def differences_table(results: Results, only: Collection[str] | None = None) -> ReportTable | None:
    """Mean and spread, or number and share, of each variable by group, and how far apart the groups are.

    Parameters
    ----------
    only
        These variables; all where None.
    """
    rows = []
    values = values_by_key(group_differences(results))
    for name, level in [(name, level) for name, level, statistic, _ in values if statistic == "difference"]:
        if only is not None and name not in only:
            continue
        own = {key[2:]: value for key, value in values.items() if key[:2] == (name, level)}
        nominal = level is not None
        label = f"{results.label(name)}: {results.level(name, level)}" if nominal else results.label(name)
        cells = [_share(own, group) if nominal else _mean(own, group) for group in GROUPS]
        rows.append([label, *cells, number(own["difference", None], 2)])
    caption = (
        "Mean (SD), or number (share of those whose value is known), by group. Difference: patients minus controls "
        "in standard deviations; from 0.25 on, groups differ by more than regression can be trusted to adjust for."
    )
    return ReportTable(caption, ("", *GROUPS.values(), "difference"), {"": rows}) if rows else None


def _mean(values: Mapping[tuple[str, str | None], float], group: str) -> str:
    return f"{number(values['mean', group], 1)} ({number(values['sd', group], 1)})"


def _share(values: Mapping[tuple[str, str | None], float], group: str) -> str:
    share = values["share", group]
    return MISSING if pd.isna(share) else f"{int(values['count', group])} ({100 * share:.0f} %)"


def missing_table(results: Results) -> ReportTable | None:
    """How many values are missing of each analysed variable, of age and of sex, by group."""
    cohort = results.cohort
    if cohort is None:
        return None
    names = [name for name in {**confounding.ALWAYS, **results.scales} if name in cohort]
    counts = confounding.missing_counts(cohort, names)
    counts = counts[counts.sum(axis=1) > 0]
    sizes = [len(results.members(group=group)) for group in GROUPS]
    rows = [
        [results.label(str(name)), *(f"{gone} of {size}" for gone, size in zip(pair, sizes, strict=True))]
        for name, *pair in counts.itertuples(name=None)
    ]
    caption = "Values missing, of the analysed variables, age and sex; a variable not named here is complete."
    return ReportTable(caption, ("", *GROUPS.values()), {"": rows}) if rows else None


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
    counts = confounding.site_counts(cohort, site)
    counts.index = pd.Index([results.named_level(site, code) for code in counts.index])
    return counts if len(counts) else None


def sites_table(results: Results) -> ReportTable | None:
    """Site × group, with what can be told apart there."""
    counts = site_counts(results)
    if counts is None:
        return None
    rows = []
    for name, patients, controls in zip(counts.index, counts["target"], counts["background"], strict=True):
        fewer = min(patients, controls)
        within = "yes" if fewer >= FEW_AT_A_SITE else "hardly" if fewer else "no"
        rows.append([str(name), str(patients), str(controls), within])
    caption = (
        "Site × group, and whether patients can be compared with controls scanned at the same place; "
        "“hardly”: fewer than five in the smaller group."
    )
    return ReportTable(caption, ("site", *GROUPS.values(), "comparable there"), {"": rows})
