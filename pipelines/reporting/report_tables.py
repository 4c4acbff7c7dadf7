"""Result tables as a reader sees them: words for names, few digits, never a participant's row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from adhd_cvae.analysis.figure_style import SPACE_COLOURS, in_order, rows_of, space_label
from adhd_cvae.files import MISSING
from pipelines.reporting.formats import (
    ReportTable,
    count,
    interval,
    number,
    plain,
    probability,
    rounded,
    text,
    words,
)
from pipelines.reporting.results import Results

PSEUDO_REPLICATION = (
    "The last three columns are the study's own statistic, a t-test over posterior draws of one model: draws are "
    "not participants, so its p-value answers no question about people."
)
MEASURES = {
    "hsic": "dependence of s and z (HSIC)",
    "critic_accuracy": "critic's accuracy (0.5: no dependence)",
    "active_units": "units in use",
    "norm_target": "mean length of s, patients",
    "norm_background": "mean length of s, controls",
}
"""Words of the measures of independence.tsv."""
SPLITS = {"train": "trained on", "test": "held out"}
METRICS = {"r": "r", "r2": "r²", "r_transfer": "r, ridge of others"}

MORE_RSA: dict[str, tuple[str, Callable[[Any], str]]] = {
    "tau_partial": ("partial τ", number),
    "p_partial": ("partial p", probability),
}
"""Column of rsa.tsv that a table need not have: its heading and how it is written."""


def rsa_table(results: Results) -> ReportTable | None:
    """Permutation RSA with the study's own statistic beside it, labelled as what it is."""
    rsa, published = results.analysis("rsa"), results.analysis("as_published")
    if rsa is None:
        return None
    columns = ["variable", "n", "τ", "95 % interval", "p", "p (FDR)"]
    if more := {name: words for name, words in MORE_RSA.items() if name in rsa and len(rsa[name].dropna())}:
        columns += [heading for heading, _ in more.values()]
    own = len(columns)
    if published is not None:
        published = published.set_index(["space", "variable"])
        columns += ["mean", "t (df)", "p"]
    blocks = {}
    for space in in_order(rsa["space"].tolist(), SPACE_COLOURS):
        part = rsa.loc[rsa["space"] == space]
        blocks[_space_heading(space, part)] = [
            [
                results.label(row["variable"]),
                count(row["n"]),
                number(row["tau"]),
                interval(row["ci_low"], row["ci_high"]),
                probability(row["p_value"]),
                _starred(row["p_fdr"]),
                *(write(row[name]) for name, (_, write) in more.items()),
                *([] if published is None else _published_cells(published, space, row["variable"])),
            ]
            for row in rows_of(part)
        ]
    spans: tuple[tuple[str, int], ...] = ()
    if published is not None:
        spans = (
            ("participants permuted (inference)", own),
            ("as published: pseudo-replication, not inference", 3),
        )
    return ReportTable(_rsa_caption(rsa, published is not None), tuple(columns), blocks, spans)


def _space_heading(space: str, rows: pd.DataFrame) -> str:
    """Name a space, with its ceiling where that is known."""
    name = f"{space_label(space)} space" if space != "vae" else space_label(space)
    ceilings = rows["noise_ceiling"].dropna().tolist() if "noise_ceiling" in rows else []
    if not ceilings:
        return name
    ends = sorted({number(min(ceilings), 2), number(max(ceilings), 2)})
    return f"{name}, ceiling {' to '.join(ends)}"


def _rsa_caption(rsa: pd.DataFrame, published: bool) -> str:
    said = [
        "Kendall's τ between the dissimilarities of a space and of a variable (difference of numbers; codes equal or "
        "not); p by permuting participants."
    ]
    if "tau_partial" in rsa and len(rsa["tau_partial"].dropna()):
        said.append(
            "Partial τ: over pairs of the same site, freed of age, where the cohort has them; its p is not "
            "corrected. A relation that goes away there may be one with site or age."
        )
    if "noise_ceiling" in rsa and len(rsa["noise_ceiling"].dropna()):
        said.append(
            "Ceiling: τ of the space with its own posterior draws; no variable can be expected above it."
        )
    return " ".join([*said, PSEUDO_REPLICATION] if published else said)


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


_WRITERS = {
    "number": number,
    "tenths": lambda value: number(value, 1),
    "plain": plain,
    "p": probability,
    "count": count,
    "text": text,
    "words": words,
    "rounded": rounded,
}


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
    prose = tuple(column.heading for column in shown if column.kind in ("text", "words", "rounded"))
    return ReportTable(caption, (heading, *(column.heading for column in shown)), blocks, prose=prose)


def independence_table(results: Results) -> ReportTable | None:
    """Render ``analysis/independence.tsv`` as it is: a name, then numbers."""
    table = results.analysis("independence")
    if table is None:
        return None
    table = table.dropna(axis="columns", how="all")
    first, *others = table.columns
    rows = []
    for row in rows_of(table):
        measure = MEASURES.get(str(row[first]), words(row[first]))
        rows.append([measure, *(_independence_cell(str(name), row[name]) for name in others)])
    headings = tuple("p" if name == "p_value" else name.replace("_", " ") for name in table.columns)
    caption = "Independence of s and z, and use of the units."
    return ReportTable(caption, headings, {"": rows}, prose=("space", "note"))


def _independence_cell(column: str, value: Any) -> str:
    if column == "space":
        return space_label(str(value))
    if column == "note":
        return text(value)
    return probability(value) if column.startswith("p_") else plain(value)


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
        rows.append(
            [words(factor), SPLITS.get(split, words(split)), METRICS.get(metric, words(metric)), *cells]
        )
    caption = "Recovery of the planted factors, within patients; only a simulated cohort has a truth."
    headings = ("factor", "participants", "metric", *(space_label(space) for space in spaces))
    return ReportTable(caption, headings, {"": rows}, prose=("participants", "metric"))


def claims_table(results: Results) -> ReportTable | None:
    """Each claim with its estimate and the verdict in words."""
    claims = results.analysis("claims")
    if claims is None:
        return None
    rows = [
        [
            str(row["claim"]),
            str(row["verdict"]),
            text(row["reason"]),
            "" if pd.isna(row["variable"]) else results.label(str(row["variable"])),
            count(row["n"]),
            _estimate(row["tau"], row["ci_low"], row["ci_high"]),
            probability(row["p_fdr"]),
            interval(row["difference_ci_low"], row["difference_ci_high"], 2),
        ]
        for row in rows_of(claims)
    ]
    caption = (
        "Supported: p (FDR) below 0.05 in the claimed direction, and the other space does not show it more "
        "strongly. Contradicted: the opposite is significant, or the other space shows it, and more by an "
        "interval that excludes zero. "
        "Not supported is not evidence against. Difference: τ beyond chance, this space minus the other, 95 % "
        "interval."
    )
    columns = ("claim", "verdict", "why", "variable", "n", "τ (95 % interval)", "p (FDR)", "difference")
    return ReportTable(caption, columns, {"": rows}, prose=("verdict", "why", "variable"))


def _estimate(value: Any, low: Any, high: Any) -> str:
    return f"{number(value, 2)} ({interval(low, high, 2)})" if pd.notna(low) else number(value, 2)


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
