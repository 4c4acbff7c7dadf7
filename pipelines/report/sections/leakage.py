"""What a space holds that it should not: probes, and the dependence of s and z."""

from typing import Any

import pandas as pd

from adhd_cvae.figures import statistics
from adhd_cvae.names import rows_of, space_label
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable, plain, probability, text, words
from pipelines.report.section import (
    TableWords,
    from_table,
    plot_variables,
    read_section,
    result_table,
    words_of,
)


@from_table("independence")
def _independence(results: Results, table: pd.DataFrame) -> ReportTable:
    """Show ``analysis/independence.tsv`` as it is: a name, then numbers."""
    table = table.dropna(axis="columns", how="all")
    (first, *others), measures = table.columns, words_of(__file__)["measures"]
    rows = [
        [
            measures.get(str(row[first]), words(row[first])),
            *(_independence_cell(str(name), row[name]) for name in others),
        ]
        for row in rows_of(table)
    ]
    headings = tuple("p" if name == "p_value" else words(name) for name in table.columns)
    shown = TableWords.of(__file__, "independence")
    return ReportTable(shown.caption, headings, {"": rows}, prose=("space", "note"), title=shown.title)


def _independence_cell(column: str, value: Any) -> str:
    if column == "space":
        return space_label(str(value))
    if column == "note":
        return text(value)
    return probability(value) if column.startswith("p_") else plain(value)


SECTION = read_section(
    __file__,
    {"probes": plot_variables("probes", statistics.probe_scores)},
    tables=(result_table(__file__, "probes", "target"), _independence),
)
