"""The page that shows runs side by side: what differs in settings, headline numbers, maps."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pandas as pd

from adhd_cvae.analysis.group_measures import AUC
from adhd_cvae.io import write_text
from adhd_cvae.names import GROUP_LABELS, SALIENT, rows_of
from pipelines.output_dir.results import FoundRun
from pipelines.recipes.differences import differing
from pipelines.report.formatting import ReportTable, interval, number, probability, template, text_lines
from pipelines.report.page import data_address
from pipelines.report.section import sentences_of, words_of

MOST = len(ascii_uppercase)
"""Runs on a page: each has a letter."""
_LABEL = 28
"""Characters of a label that a terminal has room for, however many runs there are."""
sentence = sentences_of(__file__)


def comparison_lines(runs: Sequence[FoundRun], width: int) -> list[str]:
    """The same for a terminal: letters, cohorts, settings and numbers."""
    lines = [
        f"{letter}  {run.name}  ({run.place})" for letter, run in zip(ascii_uppercase, runs, strict=False)
    ]
    tables = ((_settings(runs), "setting"), (_numbers("measures", runs), "out of fold"))
    for table, title in (*tables, (_numbers("relations", runs), "among patients")):
        lines += _blocks(table, title, width) if table else ["", sentence("nothing")]
    return [*lines, "", _cohorts(runs)]


def _blocks(table: ReportTable, title: str, width: int) -> list[str]:
    """A table for a terminal, as many runs beside each other as fit."""
    rows = table.blocks[""]
    first, widest = max(len(row[0]) for row in rows), max(len(cell) for row in rows for cell in row[1:])
    beside, lines = max(1, (width - max(min(first, _LABEL), len(title))) // (widest + 2)), []
    for start in range(1, len(table.columns), beside):
        part = {"": [[row[0], *row[start : start + beside]] for row in rows]}
        columns = ("", *table.columns[start : start + beside])
        lines += ["", *text_lines(replace(table, columns=columns, blocks=part), title, width)]
    return lines


def write_comparison(runs: Sequence[FoundRun], file: Path) -> None:
    """Write runs side by side as one self-contained page."""
    is_one, settings = _is_one_cohort(runs), _settings(runs)
    tables = (None if is_one else _cohort_table(runs), settings, _numbers("measures", runs))
    page = template("comparison.html.j2").render(
        runs=list(zip(ascii_uppercase, runs, strict=False)),
        is_one_cohort=is_one,
        cohorts=_cohorts(runs),
        unchanged="" if settings else sentence("nothing"),
        tables=[table for table in tables if table],
        pictures=_pictures(runs),
        scale=words_of(__file__)["scale"],
        relations=_numbers("relations", runs),
    )
    write_text(page, file)


def _is_one_cohort(runs: Sequence[FoundRun]) -> bool:
    return len({run.digest for run in runs}) == 1


def _cohorts(runs: Sequence[FoundRun]) -> str:
    if not _is_one_cohort(runs):
        return sentence("other")
    return sentence("same", cohort=runs[0].cohort, n=runs[0].counts.get("participants", 0))


def _table(name: str, runs: Sequence[FoundRun], rows: list[list[str]]) -> ReportTable | None:
    columns = ("", *ascii_uppercase[: len(runs)])
    caption = words_of(__file__)["tables"][name]["caption"]
    return ReportTable(caption, columns, {"": rows}, prose=columns[1:]) if rows else None


def _cohort_table(runs: Sequence[FoundRun]) -> ReportTable | None:
    rows = [["data", *(run.cohort for run in runs)], ["checksum", *(run.digest[:12] for run in runs)]]
    for group, words in GROUP_LABELS.items():
        rows.append([words, *(str(run.counts.get(group, 0)) for run in runs)])
    return _table("cohorts", runs, rows)


def _settings(runs: Sequence[FoundRun]) -> ReportTable | None:
    rows = [[key, *map(_text, values)] for key, values in differing([run.settings for run in runs]).items()]
    return _table("settings", runs, rows)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else "none" if value is None else json.dumps(value)


def _numbers(name: str, runs: Sequence[FoundRun]) -> ReportTable | None:
    """Table of headline ``measures``, or of ``relations``; n/a where a run lacks one."""
    columns = [(_headlines if name == "measures" else _relations)(run) for run in runs]
    labels = dict.fromkeys(label for column in columns for label in column)
    return _table(
        name, runs, [[label, *(column.get(label, "n/a") for column in columns)] for label in labels]
    )


def _headlines(run: FoundRun) -> dict[str, str]:
    """Label to value, with its interval where there is one."""
    table = run.results.analysis("separation")
    rows = (
        [] if table is None else rows_of(pd.DataFrame(table[table["site"].isna() & table["value"].notna()]))
    )
    found = {f"separation/{row['space']}": row for row in rows if row["measure"] == AUC}
    shown: dict[str, str] = {}
    for name, label in words_of(__file__)["measures"].items():
        if name in found:
            shown[label] = _value(*(found[name][part] for part in ("value", "ci_low", "ci_high")))
            if name == f"separation/{SALIENT}":
                shown["p of AUC by s"] = probability(found[name]["p_value"])
        elif name in run.scores:
            ends = (run.scores.get(f"{name}/{end}", float("nan")) for end in ("low", "high"))
            shown[label] = _value(run.scores[name], *ends)
    return shown | _of_maps(run) | _recovery(run)


def _of_maps(run: FoundRun) -> dict[str, str]:
    table = run.results.analysis("group_maps")
    rows = [] if table is None else [row for row in rows_of(table) if row["map"] == "group"]
    return {
        label: text
        for row in rows
        for label, text in (
            ("group map, voxels", f"{row['significant']:,.0f}"),
            ("group map, least p", probability(row["p_value"])),
        )
        if pd.notna(row["p_value"])
    }


def _recovery(run: FoundRun) -> dict[str, str]:
    """Where anything was planted, how well s tells it."""
    return {
        f"r of s and {name.split('/')[1]}": number(value, 2)
        for name, value in run.scores.items()
        if name.startswith("recovery/") and name.endswith(f"/{SALIENT}/out_of_fold/r")
    }


def _relations(run: FoundRun) -> dict[str, str]:
    table = run.results.analysis("rsa")
    rows = [] if table is None else [row for row in rows_of(table) if row["space"] == SALIENT]
    return {
        f"τ of s and {row['variable']}": _value(row["tau"], row["ci_low"], row["ci_high"]) for row in rows
    }


def _value(value: float, low: float, high: float) -> str:
    return number(value, 2) + (f" ({interval(low, high, 2)})" if pd.notna(low) and pd.notna(high) else "")


def _pictures(runs: Sequence[FoundRun]) -> list[dict[str, Any]]:
    """Each map with its picture of every run, as a data address; empty where a run has none."""
    found = []
    for name, words in words_of(__file__)["pictures"].items():
        files = [run.results.paths.figures / f"{name}.svg" for run in runs]
        sources = [data_address(file) if file.is_file() else "" for file in files]
        if any(sources):
            found.append({**words, "sources": list(zip(ascii_uppercase, sources, runs, strict=False))})
    return found
