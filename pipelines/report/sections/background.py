"""What was borrowed of healthy anatomy learnt elsewhere, and what it changed."""

from typing import Any

import pandas as pd

from adhd_cvae.analysis.background import WITH, WITHOUT, Taken, taken
from adhd_cvae.names import rows_of
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable, counted, interval, listed, number
from pipelines.report.section import TableWords, from_table, holds, read_section, sentences_of

sentence = sentences_of(__file__)


@from_table("background")
def _sentences(results: Results, table: pd.DataFrame) -> list[str]:
    """From where it is, in how many folds it was taken, and what s tells with it and without."""
    sources = results.run.get("borrowed", [])
    names = listed([str(source["name"]) for source in sources])
    participants = sum(int(source["participants"]) for source in sources)
    found = {row["form"]: row for row in rows_of(pd.DataFrame(table[table["fold"].isna()]))}
    return [
        " ".join([sentence("source", sources=names, participants=participants), _choice(taken(table))]),
        " ".join([*_changes(found[WITH], found[WITHOUT]), sentence("both")]),
    ]


def _choice(found: Taken) -> str:
    folds = counted(found.folds, "fold")
    if not found.borrowed:
        return sentence("none", folds=folds)
    how = f", with {listed(found.how)}" if found.how else ""
    return sentence("taken", taken=found.borrowed, folds=folds, how=how)


def _changes(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """A sentence for each measure that is known."""
    intervals = {
        f"{name}_ci": interval(row["ci_low"], row["ci_high"], 2)
        for name, row in (("with", first), ("without", second))
    }
    return [
        sentence(name, with_it=number(first[name], 2), without=number(second[name], 2), **intervals)
        for name in ("auc", "recovery", "stability")
        if pd.notna(second[name])
    ]


@from_table("background")
def _changes_table(results: Results, table: pd.DataFrame) -> ReportTable:
    everybody = pd.DataFrame(table[table["fold"].isna()])
    words = _of_what_is_held("changes", everybody)
    return words.shown({"": [words.cells(row) for row in rows_of(everybody)]})


@from_table("background")
def _forms_table(results: Results, table: pd.DataFrame) -> ReportTable:
    forms = pd.DataFrame(table[table["fold"].notna()])
    words = _of_what_is_held("forms", forms)
    blocks: dict[str, list[list[str]]] = {}
    for row in rows_of(forms):
        blocks.setdefault(f"fold {int(row['fold'])}", []).append(words.cells(row))
    return words.shown(blocks)


def _of_what_is_held(name: str, table: pd.DataFrame) -> TableWords:
    words = TableWords.of(__file__, name)
    return words.without([column.name for column in words.columns if not holds(table, column.name)])


SECTION = read_section(__file__, sentences=_sentences, tables=(_changes_table, _forms_table))
