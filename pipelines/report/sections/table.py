"""Result tables as a reader sees them: words for names, few digits, never a participant's row."""

from dataclasses import dataclass

import pandas as pd

from adhd_cvae.figures.style import SPACE_COLOURS
from adhd_cvae.names import in_order, rows_of, space_label
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable, count, number, plain, probability, rounded, text, words


def _space_heading(space: str, rows: pd.DataFrame) -> str:
    """Name a space, with its ceiling where that is known."""
    name = f"{space_label(space)} space" if space != "vae" else space_label(space)
    ceilings = rows["noise_ceiling"].dropna().tolist() if "noise_ceiling" in rows else []
    if not ceilings:
        return name
    ends = sorted({number(min(ceilings), 2), number(max(ceilings), 2)})
    return f"{name}, ceiling {' to '.join(ends)}"


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
