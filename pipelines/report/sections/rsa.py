"""What the spaces are related to: permutation RSA, and the study's own statistic beside it."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from adhd_cvae.figures import statistics
from adhd_cvae.io import MISSING
from adhd_cvae.names import ALPHA, VAE, rows_of, space_label, spaces_in
from pipelines.output_dir.results import Results
from pipelines.report.formatting import (
    ReportTable,
    count,
    counted,
    interval,
    listed,
    number,
    probability,
)
from pipelines.report.section import from_table, holds, plot_variables, read_section

_PSEUDO_REPLICATION = (
    "The last three columns are the study's own statistic, a t-test over posterior samples of one model: samples "
    "are not participants, so its p-value answers no question about participants."
)
_MORE: dict[str, tuple[str, Callable[[Any], str]]] = {
    "tau_partial": ("partial τ", number),
    "p_partial": ("partial p", probability),
}
"""Column of rsa.tsv that a table need not have: its heading and how it is written."""


@from_table("rsa")
def summary(results: Results, rsa: pd.DataFrame) -> str:
    """Which variables are related to which space beyond chance."""
    rows = [row for row in rows_of(rsa) if pd.notna(row["p_fdr"])]
    if not rows:
        return "No variable could be tested for a relation to any of the spaces; the reasons are below."
    tested, found = len({row["variable"] for row in rows}), [row for row in rows if row["p_fdr"] < ALPHA]
    if not found:
        return (
            f"None of the {counted(tested, 'variable')} is related to any of the spaces beyond chance, once "
            "participants are permuted and the whole table is corrected for multiple testing (false discovery rate 5 "
            "%). That is not evidence of no relation; the intervals below say how large one could be."
        )
    by_space = []
    for space in spaces_in(rsa):
        named = [
            f"{results.label(row['variable'])} (τ = {number(row['tau'])})"
            for row in found
            if row["space"] == space
        ]
        by_space.append(
            f"{len(named) or 'none'} in the {_named(space)}{': ' + listed(named) if named else ''}"
        )
    return (
        f"Of {counted(tested, 'variable')}, those related to a space beyond chance, participants permuted "
        f"and the whole table corrected (false discovery rate 5 %), are {'; '.join(by_space)}. A positive τ says "
        "that participants who differ more in the variable lie farther apart in the space: a group-level "
        "association, neither a cause nor a prediction for one participant."
    )


@from_table("rsa")
def as_published(results: Results, rsa: pd.DataFrame) -> str:
    """How much the study's own statistic would call significant."""
    published = results.analysis("as_published")
    if published is None:
        return ""
    naive = sum(row["p_value"] < ALPHA for row in rows_of(published))
    honest = sum(row["p_fdr"] < ALPHA for row in rows_of(rsa))
    return (
        f"The study's own statistic on the same latents calls {naive} of {len(published)} rows significant, where "
        f"permuting participants leaves {honest}: it counts posterior samples of one model as if they were "
        "participants (pseudo-replication), and is shown for comparison only."
    )


@from_table("rsa")
def _rsa_table(results: Results, rsa: pd.DataFrame) -> ReportTable:
    """Permutation RSA with the study's own statistic beside it, labelled as what it is."""
    published = results.analysis("as_published")
    columns = ["variable", "n", "τ", "95 % interval", "p", "p (FDR)"]
    if more := {name: words for name, words in _MORE.items() if holds(rsa, name)}:
        columns += [heading for heading, _ in more.values()]
    own = len(columns)
    if published is not None:
        published = published.set_index(["space", "variable"])
        columns += ["mean", "t (df)", "p"]
    blocks = {}
    for space in spaces_in(rsa):
        part = rsa.loc[rsa["space"] == space]
        blocks[_heading(space, part)] = [
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
    return ReportTable(_caption(rsa, published=published is not None), tuple(columns), blocks, spans)


def _named(space: str) -> str:
    return space_label(space) if space == VAE else f"{space_label(space)} space"


def _heading(space: str, rows: pd.DataFrame) -> str:
    """Name a space, with its ceiling where that is known."""
    if not holds(rows, "noise_ceiling"):
        return _named(space)
    ends = sorted({number(rows["noise_ceiling"].min(), 2), number(rows["noise_ceiling"].max(), 2)})
    return f"{_named(space)}, ceiling {' to '.join(ends)}"


def _caption(rsa: pd.DataFrame, *, published: bool) -> str:
    sentences = [
        "Kendall's τ between the dissimilarities of a space and of a variable (difference of numbers; codes equal or "
        "not); p by permuting participants."
    ]
    if holds(rsa, "tau_partial"):
        sentences.append(
            "Partial τ: over pairs of the same site, freed of age, where the cohort has them; its p is not "
            "corrected. A relation that goes away there may be one with site or age."
        )
    if holds(rsa, "noise_ceiling"):
        sentences.append(
            "Ceiling: τ of the space with its own posterior samples; no variable can be expected above it."
        )
    return " ".join([*sentences, _PSEUDO_REPLICATION] if published else sentences)


def _starred(p_fdr: Any) -> str:
    return probability(p_fdr) + (" ★" if pd.notna(p_fdr) and p_fdr < ALPHA else "")


def _published_cells(published: pd.DataFrame, space: str, variable: str) -> list[str]:
    if (space, variable) not in published.index:
        return [MISSING] * 3
    row = published.loc[(space, variable)]
    t_value = MISSING if pd.isna(row["t"]) else f"{number(row['t'], 1)} ({count(row['df'])})"
    return [number(row["mean"]), t_value, probability(row["p_value"])]


SECTION = read_section(
    __file__, {"rsa": plot_variables("rsa", statistics.similarity_bars)}, tables=(_rsa_table,)
)
