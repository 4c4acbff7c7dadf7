"""What site, age and sex share with the group: counts, never a participant's row."""

import textwrap
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from adhd_cvae.cohort import confounding as measures
from adhd_cvae.figures import cohort as figures
from adhd_cvae.io import MISSING
from adhd_cvae.names import BACKGROUND, GROUP_LABELS, TARGET, rows_of
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable, counted, listed, number, text_lines
from pipelines.report.section import read_section, sentences_of, words_of

FEW_AT_A_SITE = 5
"""Participants of a site's smaller group below which the site hardly tells the groups apart."""
UNBALANCED = 0.25
"""Difference in standard deviations from which adjusting by regression is not trusted (Rubin 2001)."""
MOST_SITES = 5
"""Sites that the first screen names."""
_SMALL = 0.5
"""Mean below which one decimal would not show it: framewise displacement is some 0.1 mm."""
sentence = sentences_of(__file__)
WIDTH = 79
"""Characters of a line: a terminal of 80 columns keeps it whole."""


def _differences(results: Results) -> dict[tuple[str, Any], dict[tuple[str, str | None], float]]:
    """Compare the analysed variables, age and sex: variable and level to the values by statistic and group."""
    cohort = results.cohort
    if cohort is None:
        return {}
    asked = {name: scale for name, scale in results.scales.items() if name != results.setting("cohort.group")}
    compared = measures.compare_groups(cohort, measures.described(cohort, asked, results.site))
    values: dict[tuple[str, Any], dict[tuple[str, str | None], float]] = {}
    for row in rows_of(compared):
        key = (row["variable"], None if pd.isna(row["level"]) else row["level"])
        group = row["group"] if isinstance(row["group"], str) else None
        values.setdefault(key, {})[row["statistic"], group] = float(row["value"])
    return values


def _differences_table(results: Results, only: Collection[str] | None = None) -> ReportTable | None:
    """Mean and spread, or number and share, of each variable by group, and how far apart the groups are.

    Parameters
    ----------
    only
        These variables; all where None.
    """
    rows = []
    for (name, level), values in _differences(results).items():
        if only is not None and name not in only:
            continue
        if level is None:
            label, cells = results.label(name), [_mean(values, group) for group in GROUP_LABELS]
        else:
            label = f"{results.label(name)}: {results.level(name, level)}"
            cells = [_share(values, group) for group in GROUP_LABELS]
        rows.append([label, *cells, number(values["difference", None], 2)])
    caption, headings = sentence("caption_differences"), ("", *GROUP_LABELS.values(), "difference")
    return ReportTable(caption, headings, {"": rows}, title="Variables by group") if rows else None


def _mean(values: Mapping[tuple[str, str | None], float], group: str) -> str:
    mean, spread = values["mean", group], values["sd", group]
    digits = 3 if abs(mean) < _SMALL else 1
    return f"{number(mean, digits)} ({number(spread, digits)})"


def _share(values: Mapping[tuple[str, str | None], float], group: str) -> str:
    share = values["share", group]
    return MISSING if pd.isna(share) else f"{int(values['count', group])} ({100 * share:.0f} %)"


def _missing_table(results: Results) -> ReportTable | None:
    """How many values are missing of each analysed variable, of age and of sex, by group."""
    cohort = results.cohort
    if cohort is None:
        return None
    names = [name for name in {**measures.ALWAYS, **results.scales} if name in cohort]
    counts = measures.missing_counts(cohort, names)
    counts = counts[counts.sum(axis=1) > 0]
    sizes = [len(results.members(group=group)) for group in GROUP_LABELS]
    rows = [
        [results.label(str(name)), *(f"{gone} of {size}" for gone, size in zip(pair, sizes, strict=True))]
        for name, *pair in counts.itertuples(name=None)
    ]
    caption = "Values missing, of the analysed variables, age and sex; a variable not named here is complete."
    headings = ("", *GROUP_LABELS.values())
    return ReportTable(caption, headings, {"": rows}, title="Values missing") if rows else None


def site_counts(results: Results) -> pd.DataFrame | None:
    """Participants by site (rows, in words) and group (`target`, `background`)."""
    cohort, site = results.cohort, results.site
    if cohort is None or site is None:
        return None
    counts = measures.site_counts(cohort, site)
    counts.index = pd.Index([results.named_level(site, code) for code in counts.index])
    return counts if len(counts) else None


def _sites_table(results: Results) -> ReportTable | None:
    """Site × group, and whether the groups can be compared there."""
    counts = site_counts(results)
    if counts is None:
        return None
    rows = []
    for name, patients, controls in zip(counts.index, counts[TARGET], counts[BACKGROUND], strict=True):
        fewer = min(patients, controls)
        within = "yes" if fewer >= FEW_AT_A_SITE else "hardly" if fewer else "no"
        rows.append([str(name), str(patients), str(controls), within])
    columns = ("site", *GROUP_LABELS.values(), "comparable there")
    return ReportTable(sentence("caption_sites"), columns, {"": rows}, title="Site by group")


def site_sentences(counts: pd.DataFrame) -> list[str]:
    """Say which contrasts site and group leave unidentified.

    Parameters
    ----------
    counts
        Participants by site (rows, named for readers) and group (`target`, `background`).
    """
    sites = [(str(name), *pair) for name, *pair in counts[[TARGET, BACKGROUND]].itertuples(name=None)]
    if len(sites) < 2:
        return [sentence("one_site")] if sites else []
    found = [] if any(patients and controls for _, patients, controls in sites) else [sentence("none_shared")]
    for group, other in ((TARGET, BACKGROUND), (BACKGROUND, TARGET)):
        alone = counts[(counts[group] > 0) & (counts[other] == 0)]
        if len(alone):
            found.append(
                _one_group(list(map(str, alone.index)), sum(alone[group].tolist()), GROUP_LABELS[group])
            )
    sizes = counts[[TARGET, BACKGROUND]].sum(axis=1)
    alone, size = int(sizes[counts[[TARGET, BACKGROUND]].min(axis=1) == 0].sum()), int(sizes.sum())
    if size / 2 < alone < size:
        found.append(
            sentence("mostly", share=100 * alone / size, others=counted(size - alone, "participant"))
        )
    hardly = [f"{name} ({min(pair)})" for name, *pair in sites if 0 < min(pair) < FEW_AT_A_SITE]
    if hardly:
        found.append(sentence("hardly", sites=listed(hardly, MOST_SITES)))
    return found or [sentence("every_site")]


def _one_group(names: list[str], size: int, word: str) -> str:
    kind = "one_group" if len(names) == 1 else "one_group_each"
    return sentence(kind, sites=listed(names, MOST_SITES), group=word, size=counted(size, "participant"))


def association_sentence(value: float) -> str | None:
    """Read Cramér's V of site and group; None where it is not defined."""
    if np.isnan(value):
        return None
    reading = next(words for end, words in words_of(__file__)["readings"] if value < end)
    return sentence("association", value=value, reading=reading)


def age_sentence(difference: float) -> str | None:
    """Say which group is older by so many standard deviations; None where age is balanced or unknown."""
    if np.isnan(difference) or abs(difference) < UNBALANCED:
        return None
    return sentence("age", which="older" if difference > 0 else "younger", by=abs(difference))


def sex_sentence(level: str, shares: tuple[float, float], difference: float) -> str | None:
    """Say that the share of one sex differs between patients and controls; None where it is balanced.

    Parameters
    ----------
    shares
        Of the patients and of the controls, 0 to 1.
    difference
        In standard deviations, as :func:`adhd_cvae.cohort.confounding.compare_groups` gives it.
    """
    one_group = {0.0, 1.0} == set(shares)
    if not one_group and (np.isnan(difference) or abs(difference) < UNBALANCED):
        return None
    patients, controls = (100 * share for share in shares)
    return sentence("sex", level=level, patients=patients, controls=controls)


def sentences(results: Results) -> list[str]:
    """Say what site, age and sex share with the group."""
    return [*contrasts(results), *imbalance(results)]


def summary(results: Results) -> str:
    """Whether the groups can be told from the scanners at all, in a sentence."""
    counts = site_counts(results)
    if counts is None or len(counts) < 2:
        return sentence("no_site") if counts is None else sentence("one_site")
    pairs = counts[[TARGET, BACKGROUND]].to_numpy()
    shared = pairs[pairs.min(axis=1) > 0]
    if not len(shared):
        return sentence("none_shared")
    sizes = {"shared": len(shared), "sites": len(pairs), "within": shared.sum(), "n": pairs.sum()}
    text = sentence("all_shared" if len(shared) == len(pairs) else "shared", **sizes)
    return " ".join(filter(None, [text, association_sentence(measures.cramers_v(counts))]))


def sizes_table(results: Results) -> ReportTable:
    """Patients and controls in all and at the largest sites, for the first screen."""
    counts = site_counts(results)
    rows = [["everybody", *(str(len(results.members(group=group))) for group in GROUP_LABELS)]]
    if counts is not None:
        pairs = counts[[TARGET, BACKGROUND]]
        pairs = pairs.loc[pairs.sum(axis=1).sort_values(ascending=False, kind="stable").index]
        kept = MOST_SITES if len(pairs) > MOST_SITES + 1 else len(pairs)
        rows += [[str(name), *map(str, pair)] for name, *pair in pairs.head(kept).itertuples(name=None)]
        if others := len(pairs) - kept:
            rows.append([f"{others} more sites", *map(str, pairs.tail(others).sum())])
    return ReportTable(
        "Participants by site and group.", ("", *GROUP_LABELS.values()), {"": rows}, title="Sizes"
    )


def contrasts(results: Results) -> list[str]:
    """Say what site and group share, and which contrasts that leaves unidentified."""
    counts = site_counts(results)
    if counts is None:
        return [sentence("no_site")]
    association = association_sentence(measures.cramers_v(counts))
    return [*site_sentences(counts), *([association] if association else [])]


def imbalance(results: Results) -> list[str]:
    """Say where age or sex differ between the groups."""
    values = _differences(results)
    age = values.get(("age", None), {}).get(("difference", None), float("nan"))
    found = [age_sentence(age)]
    levels = [level for name, level in values if name == "sex"]
    if len(levels) == 2:
        sex = values["sex", levels[1]]
        shares = (sex["share", TARGET], sex["share", BACKGROUND])
        level = results.named_level("sex", levels[1])
        found.append(sex_sentence(level, shares, sex["difference", None]))
    return [sentence for sentence in found if sentence]


def terminal_lines(results: Results) -> list[str]:
    """What the section shows, for a terminal: its tables, then its sentences."""
    tables = (
        ("Site and group", _sites_table(results)),
        ("Age, sex and head size by group", _differences_table(results, measures.ALWAYS)),
        ("Missing values", _missing_table(results)),
    )
    lines = []
    for title, table in tables:
        if table is not None:
            lines += ["", *text_lines(table, title, WIDTH)]
    lines += ["", "What this means for the analysis"]
    for sentence in sentences(results):
        lines += textwrap.wrap(sentence, WIDTH, initial_indent="- ", subsequent_indent="  ")
    return lines


def _sites(results: Results) -> Figure | None:
    if results.cohort is None or results.site is None:
        return None
    return figures.site_counts(results.cohort, results.site, results.levels(results.site))


SECTION = read_section(
    __file__,
    {"sites": _sites},
    sentences=sentences,
    tables=(_sites_table, _differences_table, _missing_table),
)
