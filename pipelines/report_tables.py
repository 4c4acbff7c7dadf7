"""Result tables as a reader sees them: words for names, few digits, never a participant's row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from adhd_cvae.analysis.figure_style import SPACE_COLOURS, in_order, rows_of, space_label
from adhd_cvae.files import MISSING
from pipelines.formats import count, interval, number, plain, probability, text, words
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

    @property
    def wide(self) -> bool:
        """Whether it needs the page's full width on a desktop."""
        return len(self.columns) > 4


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
    counts.index = pd.Index([results.level(site, code) for code in counts.index])
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
        "place; "
        "“hardly”: fewer than five in the smaller group."
    )
    return ReportTable(caption, ("site", *GROUPS.values(), "within site"), {"": rows})


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
            for row in rows_of(rsa.loc[rsa["space"] == space])
        ]
    caption = (
        "Kendall's τ between the dissimilarities of a space and of a variable; p by permuting participants."
    )
    spans: tuple[tuple[str, int], ...] = ()
    if published is not None:
        spans = (
            ("participants permuted (inference)", 7),
            ("as published: pseudo-replication, not inference", 3),
        )
        caption += (
            " The last three columns are the study's own statistic, a t-test over posterior draws of one "
            "model: "
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


_WRITERS = {"number": number, "p": probability, "count": count, "text": text, "words": words}


def plain_table(
    results: Results, name: str, heading: str, first: str, columns: tuple[Column, ...], caption: str
) -> ReportTable | None:
    """Render ``analysis/<name>.tsv`` in blocks by space; columns that it lacks are left out."""
    table = results.analysis(name)
    if table is None:
        return None
    shown = [column for column in columns if column.name in table and len(table[column.name].dropna())]
    spaces = in_order(table["space"].astype(str).tolist(), SPACE_COLOURS) if "space" in table else [""]
    blocks = {}
    for space in spaces:
        rows = table.loc[table["space"] == space] if space else table
        blocks[space_label(space) if space else ""] = [
            [
                results.label(str(row[first])),
                *(_WRITERS[column.kind](row[column.name]) for column in shown),
            ]
            for row in rows_of(rows)
        ]
    return ReportTable(caption, (heading, *(column.heading for column in shown)), blocks)


def independence_table(results: Results) -> ReportTable | None:
    """Render ``analysis/independence.tsv`` as it is: a name, then numbers."""
    table = results.analysis("independence")
    if table is None:
        return None
    first, *others = table.columns
    rows = []
    for row in rows_of(table):
        cells = [
            probability(row[name]) if name.startswith("p_") else plain(row[name])  # pyright: ignore[reportArgumentType]
            for name in others
        ]
        rows.append([words(row[first]), *cells])
    headings = tuple("p" if name == "p_value" else name.replace("_", " ") for name in table.columns)
    return ReportTable("Independence of s and z, and use of the units.", headings, {"": rows})


def recovery_table(results: Results) -> ReportTable | None:
    """Score of each planted factor from each space, linear baselines included."""
    recovery = results.analysis("recovery")
    if recovery is None:
        return None
    spaces = in_order(recovery["space"].tolist(), SPACE_COLOURS)
    rows = []
    for (factor, split, metric), part in recovery.groupby(["factor", "split", "metric"], sort=False):  # pyright: ignore[reportGeneralTypeIssues]
        scores = part.drop_duplicates("space").set_index("space")["score"]
        cells = [number(scores.get(space), 2) for space in spaces]
        rows.append([words(factor), words(split), words(metric), *cells])
    caption = "Recovery of the planted factors, within patients; only a simulated cohort has a truth."
    headings = ("factor", "participants", "metric", *(space_label(space) for space in spaces))
    return ReportTable(caption, headings, {"": rows})


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
    if mixture is None or mixture["bic"].dropna().empty:
        return None
    known = mixture.dropna(subset=["bic"])
    lowest = known.loc[known.groupby(["space", "covariance"])["bic"].idxmin()]
    best = lowest.pivot_table(index="space", columns="covariance", values="k")
    return best.loc[in_order(best.index.tolist(), SPACE_COLOURS)]
