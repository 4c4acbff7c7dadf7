"""How fast this machine is, and how well planted effects are separated: tidy tables, measured here."""

import time
from pathlib import Path

import pandas as pd

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.files import write_tsv
from adhd_cvae.simulation import SimulationConfig
from pipelines import analyse, embed, prepare, simulate, train
from pipelines.benchmark_speed import MAPS, measure_speed
from pipelines.evidence import gather
from pipelines.paths import BidsInput, OutputPaths
from pipelines.progress import Progress, Silent
from pipelines.record import RunRecord

EFFECTS = (0.4, 0.8, 1.2)
PARTICIPANTS = 120


def run(what: str, folder: Path, recipe: Recipe, progress: Progress, maps: int = MAPS) -> str:
    """Measure ``speed`` or ``separation``; write ``<what>.tsv`` in `folder` and return it as text."""
    measures = {
        "speed": lambda: measure_speed(folder, recipe, progress, maps),
        "separation": lambda: separation(folder, recipe, progress),
    }
    table = measures[what]()
    path = folder / f"{what}.tsv"
    write_tsv(table, path)
    return f"{table.to_string(index=False, float_format=_digits)}\n\nWritten to {path}"


def separation(folder: Path, recipe: Recipe, progress: Progress) -> pd.DataFrame:
    """Recover planted severities at several effect sizes, from every space and linear baseline."""
    tables = []
    with progress.bar("Measuring separation") as tick:
        for done, effect in enumerate(EFFECTS):
            tick(done, len(EFFECTS), f"d = {effect}")
            started = time.monotonic()
            scores = _recover(folder / f"d-{effect}", recipe, effect)
            scores.insert(0, "cohens_d", effect)
            tables.append(scores.assign(seed=recipe.seed, seconds=round(time.monotonic() - started, 1)))
        tick(len(EFFECTS), len(EFFECTS), "")
    return pd.concat(tables, ignore_index=True)


def _recover(folder: Path, recipe: Recipe, effect: float) -> pd.DataFrame:
    quiet = Silent()
    config = SimulationConfig(participants=PARTICIPANTS, seed=recipe.seed, cohens_d=effect)
    paths = OutputPaths(folder / "derivatives" / "adhd-cvae")
    simulate.run(folder / "bids", config, quiet)
    prepare.run(paths, recipe, BidsInput(folder / "bids"), quiet)
    train.run(paths, recipe, quiet)
    embed.run(paths, recipe, quiet)
    truth = analyse.find_truth(paths, RunRecord.open(paths))
    if truth is None:
        raise InputError(f"{folder / 'bids'} holds no planted truth. Delete {folder} and measure again.")
    return analyse.recovery(gather(paths, recipe.analysis), truth, recipe.seed)


def _digits(value: float) -> str:
    return f"{value:.3g}"
