"""Whether planted factors come back; only a simulated cohort has them."""

import pandas as pd

from adhd_cvae.figures import statistics
from adhd_cvae.names import (
    BACKGROUND,
    CONTRASTIVE_PCA,
    SALIENT,
    SPACE_LABELS,
    SPLIT_LABELS,
    TEST,
    in_order,
    rows_of,
    space_label,
)
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable, number, words
from pipelines.report.section import Picture, Section, plot_table

_COMPARED = (SALIENT, BACKGROUND, CONTRASTIVE_PCA)
_METRICS = {"r": "r", "r2": "r²", "r_transfer": "r, ridge of others"}


def summary(results: Results) -> str:
    """How well each planted factor is read out of the spaces, in held-out patients."""
    recovery = results.analysis("recovery")
    if recovery is None:
        return ""
    scores: dict[str, list[str]] = {}
    for row in rows_of(recovery):
        held_out = (row["metric"], row["split"]) == ("r", TEST) and pd.notna(row["score"])
        if held_out and row["space"] in _COMPARED:
            score = f"{number(row['score'], 2)} from {space_label(row['space'])}"
            scores.setdefault(words(row["factor"]), []).append(score)
    if not scores:
        return "Recovery of the planted factors could not be scored in held-out patients; the table says why."
    factors = "; ".join(f"{factor}: {', '.join(each)}" for factor, each in scores.items())
    return f"Recovery of the planted factors in held-out patients (correlation r): {factors}."


def _recovery_table(results: Results) -> ReportTable | None:
    """Score of each planted factor from each space, linear baselines included."""
    recovery = results.analysis("recovery")
    if recovery is None:
        return None
    spaces = in_order(recovery["space"].tolist(), SPACE_LABELS)
    rows = []
    for (factor, split, metric), part in recovery.groupby(["factor", "split", "metric"], sort=False):  # pyright: ignore[reportGeneralTypeIssues]
        scores = part.drop_duplicates("space").set_index("space")["score"]
        cells = [number(scores.get(space), 2) for space in spaces]
        rows.append(
            [
                words(factor),
                SPLIT_LABELS.get(split, words(split)),
                _METRICS.get(metric, words(metric)),
                *cells,
            ]
        )
    caption = "Recovery of the planted factors, within patients; only a simulated cohort has a truth."
    headings = ("factor", "participants", "metric", *map(space_label, spaces))
    return ReportTable(caption, headings, {"": rows}, prose=("participants", "metric"))


SECTION = Section(
    "recovery",
    "Does it find what was planted?",
    "Severities known to the simulation alone are predicted from each space, within patients.",
    tables=(_recovery_table,),
    pictures=(
        Picture(
            "recovery",
            "Recovery of what was planted",
            "Bar chart of how well each planted factor is predicted from each space and from linear baselines; "
            "the numbers are in the table below.",
            "High in s and low in z is what a contrastive model promises; contrastive PCA is the mark to beat. "
            "Ridge of the others: fitted on the participants trained on, tried on those held out.",
            plot_table("recovery", statistics.recovery_bars),
        ),
    ),
)
