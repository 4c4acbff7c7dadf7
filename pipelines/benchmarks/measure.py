"""What can be measured here, each as a tidy table: separation, calibration, speed, training, faults, spoilt files."""

from collections.abc import Sequence
from pathlib import Path

from adhd_cvae.config import Recipe
from adhd_cvae.files import write_tsv
from pipelines.benchmarks.calibration import measure_calibration
from pipelines.benchmarks.faults import KILLS, SAME, measure_faults
from pipelines.benchmarks.fuzz import MINUTES, read_spoilt
from pipelines.benchmarks.separation import grid, measure_separation
from pipelines.benchmarks.separation_report import summary_page, write_report
from pipelines.benchmarks.speed import MAPS, measure_speed
from pipelines.benchmarks.training_speed import EPOCHS, measure_training
from pipelines.progress import Progress


def speed(folder: Path, recipe: Recipe, progress: Progress, maps: int = MAPS) -> str:
    """Measure the speed of this machine; write ``speed.tsv`` in `folder` and return it as text."""
    table = measure_speed(folder, recipe, progress, maps)
    path = folder / "speed.tsv"
    write_tsv(table, path)
    return f"{table.to_string(index=False, float_format=_digits)}\n\nWritten to {path}"


def calibration(folder: Path, progress: Progress, simulations: int = 200, jobs: int | None = None) -> str:
    """Measure how often each test rejects; write ``calibration.tsv`` and its figure, and return the table as text."""
    table, figure = measure_calibration(folder, progress, simulations=simulations, jobs=jobs)
    path = folder / "calibration.tsv"
    write_tsv(table, path)
    return f"{table.to_string(index=False, float_format=_digits)}\n\nWritten to {path} and {figure.name}"


def training(folder: Path, recipe: Recipe, progress: Progress, epochs: int = EPOCHS) -> str:
    """Train ours and the study's network on the same maps; write ``training.tsv`` in `folder` and return it as text."""
    table = measure_training(folder, recipe, progress, epochs=epochs)
    path = folder / "training.tsv"
    write_tsv(table, path)
    return f"{table.to_string(index=False, float_format=_digits)}\n\nWritten to {path}"


def separation(
    folder: Path,
    recipe: Recipe,
    progress: Progress,
    quick: bool = False,
    seeds: int | None = None,
    methods: Sequence[str] | None = None,
    jobs: int | None = None,
) -> str:
    """Compare the methods where the truth is known; write table, page and figures, and return the page.

    Parameters
    ----------
    quick
        The small grid instead of the full one.
    seeds
        Cohorts of each kind; the grid's own number where None.
    methods
        Names; all where None.
    jobs
        Processes; all cores where None.
    """
    cells = grid(quick, seeds)
    table = measure_separation(folder, recipe, progress, cells=cells, methods=methods, jobs=jobs)
    path = folder / "separation.tsv"
    write_tsv(table, path)
    written = write_report(table, folder)
    names = ", ".join(file.name for file in (path, *written))
    return f"{summary_page(table)}\nWritten to {folder}: {names}"


def faults(
    folder: Path, progress: Progress, kills: int = KILLS, seed: int = 0, jobs: int | None = None
) -> str:
    """Kill runs at random moments and call them again; write ``faults.tsv`` in `folder` and say what came of it."""
    table = measure_faults(folder, progress, kills, seed, jobs)
    path = folder / "faults.tsv"
    write_tsv(table, path)
    table["same"] = table["outcome"] == SAME
    by_step = table.groupby("step", sort=False)["same"].agg(["size", "sum"])
    by_step.columns = ["kills", "ended the same"]
    same = f"{table['same'].sum()} of {len(table)} ended the same as undisturbed."
    return f"{by_step.to_string()}\n\n{same} Written to {path}"


def fuzz(folder: Path, progress: Progress, minutes: float = MINUTES, seed: int = 0) -> str:
    """Read spoilt files; write ``fuzz.tsv`` in `folder`, beside the files found, and return it as text."""
    table = read_spoilt(folder, progress, minutes, seed)
    write_tsv(table, folder / "fuzz.tsv")
    return f"{table.to_string(index=False)}\n\nWritten to {folder / 'fuzz.tsv'}"


def _digits(value: float) -> str:
    return f"{value:.3g}"
