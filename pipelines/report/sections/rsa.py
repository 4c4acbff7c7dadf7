"""What the spaces are related to: permutation RSA, and the study's own statistic beside it."""

from dataclasses import replace
from typing import Any

import pandas as pd

from adhd_cvae.figures import statistics
from adhd_cvae.io import MISSING
from adhd_cvae.names import ALPHA, VAE, rows_of, space_label, spaces_in
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable, count, counted, interval, listed, number, probability
from pipelines.report.section import (
    TableWords,
    from_table,
    holds,
    is_of_adhd200,
    plot_variables,
    read_section,
    sentences_of,
)

sentence = sentences_of(__file__)
_PARTIAL = ("tau_partial", "p_partial")
"""Columns that rsa.tsv need not have."""
_PUBLISHED = ("published_mean", "published_t", "published_p")


@from_table("rsa")
def summary(results: Results, rsa: pd.DataFrame) -> str:
    """Which variables are related to which space beyond chance."""
    rows = [row for row in rows_of(rsa) if pd.notna(row["p_fdr"])]
    if not rows:
        return sentence("untested")
    tested, found = len({row["variable"] for row in rows}), [row for row in rows if row["p_fdr"] < ALPHA]
    if not found:
        return sentence("none", variables=counted(tested, "variable"))
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
    return sentence("found", variables=counted(tested, "variable"), by_space="; ".join(by_space))


@from_table("rsa")
def as_published(results: Results, rsa: pd.DataFrame) -> str:
    """How much the study's own statistic would call significant."""
    published = _published(results)
    if published is None:
        return ""
    naive = sum(row["p_value"] < ALPHA for row in rows_of(published))
    honest = sum(row["p_fdr"] < ALPHA for row in rows_of(rsa))
    return sentence("as_published", naive=naive, rows=len(published), honest=honest)


def _published(results: Results) -> pd.DataFrame | None:
    """The study's own statistic, where the study is at stake."""
    return results.analysis("as_published") if is_of_adhd200(results) else None


@from_table("rsa")
def _rsa_table(results: Results, rsa: pd.DataFrame) -> ReportTable:
    """Permutation RSA with the study's own statistic beside it, labelled as what it is."""
    published = _published(results)
    words = TableWords.of(__file__, "rsa").without([name for name in _PARTIAL if not holds(rsa, name)])
    more = {"partial": holds(rsa, "tau_partial"), "ceiling": holds(rsa, "noise_ceiling")}
    spans: tuple[tuple[str, int], ...] = ()
    if published is None:
        words = words.without(_PUBLISHED)
    else:
        published, more["pseudo_replication"] = published.set_index(["space", "variable"]), True
        spans = ((sentence("span"), len(words.columns) - len(_PUBLISHED)), (sentence("span_published"), 3))

    def cells(row: dict[str, Any]) -> list[str]:
        made = {
            "label": results.label(row["variable"]),
            "interval": interval(row["ci_low"], row["ci_high"]),
            "starred": _starred(row["p_fdr"]),
        }
        beside = {} if published is None else _published_cells(published, row["space"], row["variable"])
        return words.cells({**row, **made, **beside})

    parts = {space: rsa.loc[rsa["space"] == space] for space in spaces_in(rsa)}
    blocks = {_heading(space, part): [cells(row) for row in rows_of(part)] for space, part in parts.items()}
    caption = "".join(f" {sentence(name)}" for name, there in more.items() if there)
    return replace(words.shown(blocks, more=caption), spans=spans)


def _named(space: str) -> str:
    return space_label(space) if space == VAE else f"{space_label(space)} space"


def _heading(space: str, rows: pd.DataFrame) -> str:
    """Name a space, with its ceiling where that is known."""
    if not holds(rows, "noise_ceiling"):
        return _named(space)
    ends = sorted({number(rows["noise_ceiling"].min(), 2), number(rows["noise_ceiling"].max(), 2)})
    return f"{_named(space)}, ceiling {' to '.join(ends)}"


def _starred(p_fdr: Any) -> str:
    return probability(p_fdr) + (" ★" if pd.notna(p_fdr) and p_fdr < ALPHA else "")


def _published_cells(published: pd.DataFrame, space: str, variable: str) -> dict[str, str]:
    if (space, variable) not in published.index:
        return dict.fromkeys(_PUBLISHED, MISSING)
    row = published.loc[(space, variable)]
    t_value = MISSING if pd.isna(row["t"]) else f"{number(row['t'], 1)} ({count(row['df'])})"
    return dict(zip(_PUBLISHED, (number(row["mean"]), t_value, probability(row["p_value"])), strict=True))


SECTION = read_section(__file__, {"rsa": plot_variables("rsa", statistics.rsa_bars)}, tables=(_rsa_table,))
