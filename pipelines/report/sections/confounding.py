"""Tables of who was analysed and who was left out: counts, never a participant's row."""

import textwrap
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from adhd_cvae.cohort import confounding as measures
from adhd_cvae.cohort.confounding import ALWAYS, SIDECAR, confounding_table, cramers_v
from adhd_cvae.config import Recipe
from adhd_cvae.figures import cohort as run_figures
from adhd_cvae.io import MISSING
from adhd_cvae.names import GROUPS
from bids_adapters.derivatives import write_table
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.results import Results
from pipelines.progress import Progress
from pipelines.report.formatting import ReportTable, number, plain_table

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
_NO_SHARED_SITE = (
    "No site has both groups: in this cohort no difference between patients and controls can be told from a "
    "difference between scanners."
)
WIDTH = 79
"""Characters of a line: a terminal of 80 columns keeps it whole."""


def group_differences(results: Results) -> pd.DataFrame:
    """Compare the analysed variables, age and sex between the groups; the column of the group itself is none."""
    if results.cohort is None:
        return measures.compare_groups(pd.DataFrame({"group": []}), {})
    asked = {name: scale for name, scale in results.scales.items() if name != results.setting("cohort.group")}
    return measures.compare_groups(results.cohort, measures.described(results.cohort, asked, results.site))


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
    names = [name for name in {**measures.ALWAYS, **results.scales} if name in cohort]
    counts = measures.missing_counts(cohort, names)
    counts = counts[counts.sum(axis=1) > 0]
    sizes = [len(results.members(group=group)) for group in GROUPS]
    rows = [
        [results.label(str(name)), *(f"{gone} of {size}" for gone, size in zip(pair, sizes, strict=True))]
        for name, *pair in counts.itertuples(name=None)
    ]
    caption = "Values missing, of the analysed variables, age and sex; a variable not named here is complete."
    return ReportTable(caption, ("", *GROUPS.values()), {"": rows}) if rows else None


def site_counts(results: Results) -> pd.DataFrame | None:
    """Participants by site (rows, in words) and group (`target`, `background`)."""
    cohort, site = results.cohort, results.site
    if cohort is None or site is None:
        return None
    counts = measures.site_counts(cohort, site)
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
        In standard deviations, as :func:`adhd_cvae.cohort.confounding.compare_groups` gives it.
    """
    one_group = {0.0, 1.0} == set(shares)
    if not one_group and (np.isnan(difference) or abs(difference) < UNBALANCED):
        return None
    return (
        f"{name[:1].upper()}{name[1:]} differs by group: {100 * shares[0]:.0f} % of patients and "
        f"{100 * shares[1]:.0f} % of controls are {level}; differences between groups are partly differences of "
        f"{name}."
    )


def write(cohort: pd.DataFrame, recipe: Recipe, paths: OutputPaths) -> None:
    """Write ``confounding.tsv``: site, age, sex, the analysis' variables and missing values by group."""
    asked = {one.name: one.scale for one in recipe.analysis.variables if one.name != recipe.cohort.group}
    site = recipe.cohort.site if recipe.cohort.site in cohort else None
    write_table(confounding_table(cohort, site, asked), SIDECAR, paths.confounding)


def tell(paths: OutputPaths, progress: Progress) -> None:
    """Print what the report will say about site, age, sex and missing values."""
    for line in summary(paths):
        progress.line(line)


def summary(paths: OutputPaths) -> list[str]:
    """The summary's lines, from the files of an OUTPUT_DIR that was prepared."""
    results = Results(paths.folder)
    tables = (
        ("Site and group", sites_table(results)),
        ("Age and sex by group", differences_table(results, ALWAYS)),
        ("Missing values", missing_table(results)),
    )
    lines = []
    for title, table in tables:
        if table is not None:
            lines += ["", *plain_table(table, title, WIDTH)]
    said = [*confounding(results), *imbalance(results)]
    lines += ["", "What this means for the analysis"]
    for sentence in said:
        lines += textwrap.wrap(sentence, WIDTH, initial_indent="- ", subsequent_indent="  ")
    return [*lines, f"All of it: {paths.confounding}"]


def _sites(results: Results) -> Figure | None:
    if results.cohort is None or results.site is None:
        return None
    return run_figures.site_counts(results.cohort, results.site, results.levels(results.site))


def confounding(results: Results) -> list[str]:
    """What site and diagnosis share, and which contrasts that leaves unidentified."""
    counts = site_counts(results)
    if counts is None:
        return ["The cohort has no site: whether site and group go together is not known."]
    association = association_sentence(cramers_v(counts))
    return [*site_sentences(counts), *([association] if association else [])]


def imbalance(results: Results) -> list[str]:
    """Say where age or sex differ between the groups."""
    value = values_by_key(group_differences(results))
    said = [difference_sentence("age", value.get(("age", None, "difference", None), float("nan")))]
    levels = [level for name, level, statistic, _ in value if (name, statistic) == ("sex", "difference")]
    if len(levels) == 2:
        shares = (value["sex", levels[1], "share", "target"], value["sex", levels[1], "share", "background"])
        difference = value["sex", levels[1], "difference", None]
        said.append(share_sentence("sex", results.named_level("sex", levels[1]), shares, difference))
    return [sentence for sentence in said if sentence]
