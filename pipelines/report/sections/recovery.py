"""TODO: pipelines.report.sections.recovery."""

import pandas as pd

from adhd_cvae.figures.style import SPACE_COLOURS
from adhd_cvae.names import in_order, rows_of, space_label
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable, number, words

_COMPARED = ("salient", "background", "contrastive_pca")
SPLITS = {"train": "trained on", "test": "held out"}
METRICS = {"r": "r", "r2": "r²", "r_transfer": "r, ridge of others"}


def _recovery(results: Results) -> str:
    recovery = results.analysis("recovery")
    if recovery is None:
        return ""
    told = {}
    for row in rows_of(recovery):
        held_out = (row["metric"], row["split"]) == ("r", "test") and pd.notna(row["score"])
        if held_out and row["space"] in _COMPARED:
            score = f"{number(row['score'], 2)} from {space_label(row['space'])}"
            told.setdefault(str(row["factor"]).replace("_", " "), []).append(score)
    if not told:
        return "Recovery of the planted factors could not be scored in held-out patients; the table says why."
    factors = "; ".join(f"{factor}: {', '.join(scores)}" for factor, scores in told.items())
    return f"Recovery of the planted factors in held-out patients (correlation r): {factors}."


def recovery_table(results: Results) -> ReportTable | None:
    """Score of each planted factor from each space, linear baselines included."""
    recovery = results.analysis("recovery")
    if recovery is None:
        return None
    spaces = in_order(recovery["space"].tolist(), SPACE_COLOURS)
    rows = []
    for (factor, split, metric), part in recovery.groupby(["factor", "split", "metric"], sort=False):  # pyright: ignore[reportGeneralTypeIssues]
        scores = part.drop_duplicates("space").set_index("space")["score"]
        cells = [number(scores.get(space), 2) for space in spaces]
        rows.append(
            [words(factor), SPLITS.get(split, words(split)), METRICS.get(metric, words(metric)), *cells]
        )
    caption = "Recovery of the planted factors, within patients; only a simulated cohort has a truth."
    headings = ("factor", "participants", "metric", *(space_label(space) for space in spaces))
    return ReportTable(caption, headings, {"": rows}, prose=("participants", "metric"))
