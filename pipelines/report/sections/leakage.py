"""What a space holds that it should not: probes, and the dependence of s and z."""

from typing import Any

import pandas as pd

from adhd_cvae.figures import statistics
from adhd_cvae.names import rows_of, space_label
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable, plain, probability, text, words
from pipelines.report.section import Column, from_table, plot_variables, read_section, result_table

_MEASURES = {
    "hsic": "dependence of s and z (HSIC)",
    "critic_accuracy": "critic's accuracy (0.5: no dependence)",
    "active_units": "units in use",
    "norm_target": "mean length of s, patients",
    "norm_background": "mean length of s, controls",
}
"""Words of the measures of independence.tsv."""


_PROBES = result_table(
    "probes",
    "target",
    (
        Column("probe", "probe", text),
        Column("metric", "metric", words),
        Column("score", "score"),
        Column("null_mean", "chance: mean"),
        Column("null_p95", "chance: 95 %"),
        Column("p_value", "p", probability),
        Column("note", "note", text),
    ),
    "What a probe reads out of each space, cross-validated; chance is by shuffling targets.",
)


@from_table("independence")
def _independence(results: Results, table: pd.DataFrame) -> ReportTable:
    """Show ``analysis/independence.tsv`` as it is: a name, then numbers."""
    table = table.dropna(axis="columns", how="all")
    first, *others = table.columns
    rows = [
        [
            _MEASURES.get(str(row[first]), words(row[first])),
            *(_independence_cell(str(name), row[name]) for name in others),
        ]
        for row in rows_of(table)
    ]
    headings = tuple("p" if name == "p_value" else words(name) for name in table.columns)
    return ReportTable(
        "Independence of s and z, and use of the units.", headings, {"": rows}, prose=("space", "note")
    )


def _independence_cell(column: str, value: Any) -> str:
    if column == "space":
        return space_label(str(value))
    if column == "note":
        return text(value)
    return probability(value) if column.startswith("p_") else plain(value)


SECTION = read_section(
    __file__, {"probes": plot_variables("probes", statistics.probe_scores)}, tables=(_PROBES, _independence)
)
