"""Whether planted factors come back; only a simulated cohort has them."""

import pandas as pd

from adhd_cvae.figures import statistics
from adhd_cvae.names import (
    BACKGROUND,
    CONTRASTIVE_PCA,
    SALIENT,
    SPLIT_LABELS,
    rows_of,
    space_label,
    spaces_in,
)
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable, listed, number, words
from pipelines.report.section import from_table, read_section

_COMPARED = (SALIENT, BACKGROUND, CONTRASTIVE_PCA)
_METRICS = {"r": "r", "r2": "r²"}


@from_table("recovery")
def summary(results: Results, recovery: pd.DataFrame) -> str:
    """How well each planted factor is read out of the spaces, in patients."""
    scores: dict[str, list[str]] = {}
    for row in rows_of(recovery):
        known = row["metric"] == "r" and pd.notna(row["score"])
        if known and row["space"] in _COMPARED:
            score = f"{number(row['score'], 2)} from {space_label(row['space'])}"
            scores.setdefault(words(row["factor"]), []).append(score)
    if not scores:
        return "Recovery of the planted factors could not be scored; the table says why."
    how = listed([_split(split) for split in recovery["split"].unique()])
    factors = "; ".join(f"{factor}: {', '.join(each)}" for factor, each in scores.items())
    return f"Recovery of the planted factors in patients, {how} (correlation r): {factors}."


def _split(name: object) -> str:
    return SPLIT_LABELS.get(str(name), words(name))


@from_table("recovery")
def _recovery_table(results: Results, recovery: pd.DataFrame) -> ReportTable:
    """Score of each planted factor from each space, linear baselines included."""
    spaces = spaces_in(recovery)
    rows = []
    for (factor, split, metric), part in recovery.groupby(["factor", "split", "metric"], sort=False):  # pyright: ignore[reportGeneralTypeIssues]
        scores = part.drop_duplicates("space").set_index("space")["score"]
        row = [words(factor), _split(split), _METRICS.get(metric, words(metric))]
        rows.append(row + [number(scores.get(space), 2) for space in spaces])
    caption = "Recovery of the planted factors, within patients; only a simulated cohort has a truth."
    headings = ("factor", "codes", "metric", *map(space_label, spaces))
    return ReportTable(caption, headings, {"": rows}, prose=("codes", "metric"), title="Scores by factor")


SECTION = read_section(
    __file__,
    {"recovery": from_table("recovery")(lambda results, table: statistics.recovery_bars(table))},
    tables=(_recovery_table,),
)
