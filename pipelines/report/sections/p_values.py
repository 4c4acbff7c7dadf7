"""Every p-value in one place, and how many of them chance would give."""

import pandas as pd

from adhd_cvae.analysis.multiplicity import below_alpha, expected_by_chance, tests_of
from adhd_cvae.names import rows_of
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable, counted, number
from pipelines.report.section import TableWords, from_table, is_of_adhd200, read_section, sentences_of

sentence = sentences_of(__file__)


@from_table("p_values")
def summary(results: Results, table: pd.DataFrame) -> str:
    """How many tests were made, and how many are expected and found to be significant."""
    tests, found = tests_of(table), below_alpha(table)
    families = len(set(tests["family"]))
    return sentence(
        "counted",
        tests=counted(len(tests), "p-value"),
        families=f"{families} {'family' if families == 1 else 'families'}",
        expected=number(expected_by_chance(table), 1),
        found=found,
        are="is" if found == 1 else "are",
    )


@from_table("p_values")
def _sentences(results: Results, table: pd.DataFrame) -> list[str]:
    return [summary(results) or ""]


@from_table("p_values")
def _p_values_table(results: Results, table: pd.DataFrame) -> ReportTable:
    words = TableWords.of(__file__, "p_values")
    shown = table if is_of_adhd200(results) else pd.DataFrame(table[table["family"] != "as_published"])
    rows = rows_of(shown)
    families = dict.fromkeys(row["family"] for row in rows)
    blocks = {
        family.replace("_", " "): [words.cells(row) for row in rows if row["family"] == family]
        for family in families
    }
    return words.shown(blocks)


SECTION = read_section(__file__, sentences=_sentences, tables=(_p_values_table,))
