"""How fast this machine is, how well effects are separated, how often tests are wrong: tidy tables, measured here."""

from collections.abc import Sequence
from pathlib import Path

from adhd_cvae.config import Recipe
from adhd_cvae.files import write_tsv
from pipelines.benchmarks.calibration import measure_calibration
from pipelines.benchmarks.separation import grid, measure_separation
from pipelines.benchmarks.separation_report import summary_page, write_report
from pipelines.benchmarks.speed import MAPS, measure_speed
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


def _digits(value: float) -> str:
    return f"{value:.3g}"
