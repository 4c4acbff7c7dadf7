"""The demo: a simulated cohort, every stage, and what came of it in a few lines."""

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from adhd_cvae.names import BACKGROUND, CONTRASTIVE_PCA, SALIENT, TARGET, space_label
from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.compute import stop_workers
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.run import Run
from pipelines.output_dir.tables import ANALYSIS, COHORT, FOLDS
from pipelines.stages import simulate
from pipelines.workflows import group

if TYPE_CHECKING:
    from pipelines.mlflow_tracking.publication import Published


def run(run: Run, bids_dir: Path, simulation: SimulationConfig, *, live: bool = False) -> str:
    """Make the cohort in `bids_dir`, then every result; return the summary."""
    started = time.monotonic()
    simulate.run(bids_dir, simulation, run.progress, overwrite=run.overwrite)
    stop_workers()  # each holds an atlas of its own, which would lie in memory while the model is trained
    published = group.run(run, BidsInput(bids_dir), live=live)
    return summary(run, published, time.monotonic() - started)


def places(folder: Path) -> tuple[Path, OutputPaths]:
    """Where the demo of `folder` keeps its cohort, and its results."""
    return folder / "bids", OutputPaths(folder / "derivatives" / "adhd-cvae")


def summary(run: Run, published: "Published", seconds: float) -> str:
    """Lay out how many took part, what was recovered and where everything is."""
    paths = run.paths
    cohort = COHORT.read(paths.cohort)
    counts, folds = Counter(cohort["group"]), FOLDS.read(paths.folds)["fold"].nunique()
    lines = [
        "",
        f"Participants     {len(cohort)}: {counts[TARGET]} patients, {counts[BACKGROUND]} controls; "
        f"each held out once, in {folds} folds",
    ]
    if paths.table("recovery").is_file():
        lines += ["", *recovery_lines(ANALYSIS["recovery"].read(paths.table("recovery"))), ""]
    lines += [f"Report           {paths.report}", str(published), f"Time             {seconds:.0f} s"]
    return "\n".join(lines)


def recovery_lines(recovery: pd.DataFrame) -> list[str]:
    """Lay out recovery of the planted factors, one line a factor, one column a space."""
    chosen = recovery[recovery["metric"] == "r"]
    table = chosen.pivot_table(index="factor", columns="space", values="score", sort=False)
    spaces = [space for space in (SALIENT, BACKGROUND, CONTRASTIVE_PCA) if space in table]
    title = "Recovery (r within patients, out of fold)"
    lines = [f"{title:<40}" + "".join(f"{space_label(space):>18}" for space in spaces)]
    lines += [
        f"  {factor:<38}" + "".join(f"{row[space]:>18.2f}" for space in spaces)
        for factor, row in table.iterrows()
    ]
    return lines
