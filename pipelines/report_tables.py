"""Result tables as a reader sees them: words for names, digits that mean something, never a participant's row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from adhd_cvae.analysis.figure_style import SPACE_COLOURS, in_order, space_label
from adhd_cvae.files import MISSING
from pipelines.results import Results

GROUPS = {"target": "patients", "background": "controls"}


@dataclass(frozen=True)
class ReportTable:
    """A table of the page; the first column of each row is its heading.

    Attributes
    ----------
    caption
        What it holds and how to read it.
    columns
        Headings.
    blocks
        Heading of a block of rows (empty for none) to its rows of ready text.
    spans
        A heading row above the others: words and how many columns they cover.
    """

    caption: str
    columns: tuple[str, ...]
    blocks: Mapping[str, list[list[str]]]
    spans: tuple[tuple[str, int], ...] = ()


def number(value: Any, digits: int = 3) -> str:
    """A number with so many decimals and a true minus sign; n/a where missing."""
    if value is None or pd.isna(value):
        return MISSING
    text = f"{float(value):.{digits}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def probability(value: Any) -> str:
    """A p-value: three decimals, and never zero."""
    if value is None or pd.isna(value):
        return MISSING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def count(value: Any) -> str:
    """A whole number; n/a where missing."""
    return MISSING if value is None or pd.isna(value) else f"{int(value)}"


def interval(low: Any, high: Any, digits: int = 3) -> str:
    """Both ends of an interval."""
    return MISSING if pd.isna(low) or pd.isna(high) else f"{number(low, digits)} to {number(high, digits)}"


def groups_table(results: Results) -> ReportTable | None:
    """Size, split, age and sex of each group."""
    cohort = results.cohort
    if cohort is None:
        return None
    members = [cohort[cohort["group"] == group] for group in GROUPS]
    rows = [["participants", *(str(len(rows)) for rows in members)]]
    rows.append(["held out", *(str(int((part["split"] == "test").sum())) for part in members)])
    if "age" in cohort:
        ages = [f"{number(part['age'].mean(), 1)} ({number(part['age'].std(), 1)})" for part in members]
        rows.append(["age, years: mean (SD)", *ages])
    for code in sorted(cohort["sex"].dropna().unique(), key=str) if "sex" in cohort else []:
        shares = [_share(part["sex"], code) for part in members]
        rows.append([f"sex: {results.level('sex', code)}", *shares])
    caption = "The cohort. Percentages are of the participants whose value is known."
    return ReportTable(caption, ("", *GROUPS.values()), {"": rows})


def _share(values: pd.Series, code: Any) -> str:
    known = values.dropna()
    return f"{int((known == code).sum())} ({100 * float((known == code).mean()):.0f} %)" if len(known) else MISSING


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
    counts.index = pd.Index([results.level(site, code) for code in counts.index])
    return counts if len(counts) else None


def sites_table(results: Results) -> ReportTable | None:
    """Site × group, with what can be told apart there."""
    counts = site_counts(results)
    if counts is None:
        return None
    rows = []
    for name, row in counts.iterrows():
        patients, controls = int(row["target"]), int(row["background"])
        total = patients + controls
        share = f"{100 * patients / total:.0f} %" if total else MISSING
        within = "yes" if min(patients, controls) >= 5 else "hardly" if min(patients, controls) else "no"
        rows.append([str(name), str(patients), str(controls), share, within])
    caption = (
        "Site × group. Patients can be compared with controls inside a site only where it has both; "
        "“hardly”: fewer than five in the smaller group."
    )
    return ReportTable(caption, ("site", *GROUPS.values(), "patients", "comparable within site"), {"": rows})


def rsa_table(results: Results) -> ReportTable | None:
    """Permutation RSA with the study's own statistic beside it, labelled as what it is."""
    rsa, published = results.analysis("rsa"), results.analysis("as_published")
    if rsa is None:
        return None
    columns = ["variable", "scale", "n", "τ", "95 % interval", "p", "p (FDR)"]
    if published is not None:
        published = published.set_index(["space", "variable"])
        columns += ["mean", "t (df)", "p"]
    blocks: dict[str, list[list[str]]] = {}
    for space in in_order(rsa["space"].tolist(), SPACE_COLOURS):
        blocks[f"{space_label(space)} space" if space != "vae" else space_label(space)] = [
            [
                results.label(row["variable"]),
                str(row["scale"]),
                count(row["n"]),
                number(row["tau"]),
                interval(row["ci_low"], row["ci_high"]),
                probability(row["p_value"]),
                _starred(row["p_fdr"]),
                *([] if published is None else _published_cells(published, space, row["variable"])),
            ]
            for _, row in rsa[rsa["space"] == space].iterrows()
        ]
    caption = "Kendall's τ between the dissimilarities of a space and of a variable; p by permuting participants."
    spans: tuple[tuple[str, int], ...] = ()
    if published is not None:
        spans = (("participants permuted (inference)", 7), ("as published: pseudo-replication, not inference", 3))
        caption += (
            " The last three columns are the study's own statistic, a t-test over posterior draws of one model: "
            "draws are not participants, so its p-value answers no question about people."
        )
    return ReportTable(caption, tuple(columns), blocks, spans)


def _starred(p_fdr: Any) -> str:
    return probability(p_fdr) + (" ★" if pd.notna(p_fdr) and p_fdr < 0.05 else "")


def _published_cells(published: pd.DataFrame, space: str, variable: str) -> list[str]:
    if (space, variable) not in published.index:
        return [MISSING] * 3
    row = published.loc[(space, variable)]
    t_value = MISSING if pd.isna(row["t"]) else f"{number(row['t'], 1)} ({count(row['df'])})"
    return [number(row["mean"]), t_value, probability(row["p_value"])]


@dataclass(frozen=True)
class Column:
    """How a column of a long table is headed and written."""

    name: str
    heading: str
    kind: str = "number"


def words(value: Any) -> str:
    """A code of ours in words; empty where missing."""
    return "" if pd.isna(value) else str(value).replace("_", " ")


def text(value: Any) -> str:
    """Text as it is; empty where missing."""
    return "" if pd.isna(value) else str(value)


_WRITERS = {"number": number, "p": probability, "count": count, "text": text, "words": words}


def plain_table(
    results: Results, name: str, heading: str, first: str, columns: tuple[Column, ...], caption: str
) -> ReportTable | None:
    """Render ``analysis/<name>.tsv`` in blocks by space; columns that it lacks are left out."""
    table = results.analysis(name)
    if table is None:
        return None
    shown = [column for column in columns if column.name in table and table[column.name].notna().any()]
    spaces = in_order(table["space"].astype(str).tolist(), SPACE_COLOURS) if "space" in table else [""]
    blocks = {}
    for space in spaces:
        rows = table[table["space"] == space] if space else table
        blocks[space_label(space) if space else ""] = [
            [
                results.label(str(row[first])),
                *(_WRITERS[column.kind](row[column.name]) for column in shown),
            ]
            for _, row in rows.iterrows()
        ]
    return ReportTable(caption, (heading, *(column.heading for column in shown)), blocks)


def independence_table(results: Results) -> ReportTable | None:
    """Render ``analysis/independence.tsv`` as it is: a name, then numbers."""
    table = results.analysis("independence")
    if table is None:
        return None
    first, *others = table.columns
    rows = []
    for _, row in table.iterrows():
        cells = [
            probability(row[name]) if name.startswith("p_") else _plain(row[name])  # pyright: ignore[reportArgumentType]
            for name in others
        ]
        rows.append([words(row[first]), *cells])
    headings = tuple("p" if name == "p_value" else name.replace("_", " ") for name in table.columns)
    return ReportTable("Independence of s and z, and use of the units.", headings, {"": rows})


def _plain(value: Any) -> str:
    """A number with as many digits as it needs, or words."""
    if isinstance(value, str):
        return words(value)
    return MISSING if pd.isna(value) else count(value) if float(value).is_integer() else number(value, 4)


def mixture_table(results: Results) -> ReportTable | None:
    """Number of components with the lowest BIC, by space and covariance form."""
    mixture = results.analysis("mixture")
    best = best_components(mixture)
    if best is None:
        return None
    rows = [[space_label(str(space)), *(count(value) for value in row)] for space, row in best.iterrows()]
    caption = "Number of components with the lowest mean BIC, by the form of the components' covariance."
    return ReportTable(caption, ("space", *map(str, best.columns)), {"": rows})


def best_components(mixture: pd.DataFrame | None) -> pd.DataFrame | None:
    """Number of components with the lowest BIC: one row a space, one column a covariance form."""
    if mixture is None or mixture["bic"].isna().all():
        return None
    known = mixture.dropna(subset=["bic"])
    lowest = known.loc[known.groupby(["space", "covariance"])["bic"].idxmin()]
    best = lowest.pivot_table(index="space", columns="covariance", values="k")
    return best.loc[in_order(best.index.tolist(), SPACE_COLOURS)]
