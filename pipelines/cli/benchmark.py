"""The verbs below ``adhd-cvae benchmark``. Heavy modules are imported inside them, so that ``--help`` is instant."""

from dataclasses import dataclass
from enum import StrEnum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import options as opt
from pipelines.cli.groups import grouped
from pipelines.progress import for_this_terminal

if TYPE_CHECKING:
    from adhd_cvae.config import Recipe
    from pipelines.benchmarks.separation.grid import Size

FOLDER = Path("benchmark")
app = typer.Typer(name="benchmark", no_args_is_help=True, help="Measure, and write what was found as tables.")


class Lent(StrEnum):
    """Healthy people elsewhere who are lent to some methods."""

    fitting = auto()
    mismatched = auto()


@dataclass(frozen=True, kw_only=True)
class BenchmarkOptions:
    """Where tables go, with which settings, and whether they may replace others."""

    output_dir: opt.OutputDir = FOLDER
    recipe: Annotated[
        str | None, typer.Option("--recipe", metavar="NAME|FILE", help="Default: separation, for speed demo.")
    ] = None
    overrides: opt.Overrides = None
    overwrite: opt.Overwrite = False

    def resolved(self, default: str) -> "Recipe":
        """The named recipe, or the benchmark's, with the changes."""
        from pipelines.recipes.loader import load_recipe

        return load_recipe(self.recipe or default, tuple(self.overrides or ()))


@dataclass(frozen=True, kw_only=True)
class CohortOptions:
    """In which cohorts methods are compared."""

    quick: Annotated[bool, typer.Option("--quick", help="A small grid, minutes instead of hours.")] = False
    curved: Annotated[
        bool, typer.Option("--curved", help="Effects that lie on a curve, up to 2,000 participants.")
    ] = False
    lent: Annotated[
        Lent | None,
        typer.Option("--lent", help="Small effects, with healthy people elsewhere who fit or do not."),
    ] = None
    cohort: Annotated[
        Path | None,
        typer.Option(
            "--cohort", metavar="DIR", help="The planted cohort of `sensitivity --export DIR` instead."
        ),
    ] = None
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="Cohorts of each kind.")] = None

    @property
    def size(self) -> "Size":
        """Which grid."""
        usual = "curved" if self.curved else "quick" if self.quick else "full"
        return usual if self.lent is None else "borrowed" if self.lent is Lent.fitting else "mismatched"


@app.command()
@grouped
def separation(
    options: BenchmarkOptions,
    cohorts: CohortOptions,
    *,
    methods: Annotated[
        str | None, typer.Option("--methods", metavar="A,B", help="These methods only.")
    ] = None,
    jobs: opt.Jobs = None,
    dask: opt.Dask = None,
) -> None:
    """Every objective and baseline where the truth is known."""
    from pipelines.benchmarks.separation.cells import Cells, known_methods
    from pipelines.benchmarks.separation.cohorts import PlantedFolder
    from pipelines.benchmarks.separation.grid import grid
    from pipelines.benchmarks.separation.report import summary_page, write_report
    from pipelines.compute import workers
    from pipelines.output_dir.ownership import owned

    folder, recipe = options.output_dir.resolve(), options.resolved("separation")
    planted = None if cohorts.cohort is None else PlantedFolder(cohorts.cohort.resolve(), recipe.cohort)
    names = known_methods(methods.split(",") if methods else None, cohorts.size, lends=planted is None)
    asked = grid(cohorts.seeds, size=cohorts.size, planted=None if planted is None else planted.condition)
    with owned(folder, overwrite=options.overwrite), workers(dask):
        cells = Cells(folder, recipe, names, overwrite=options.overwrite, planted=planted)
        table = cells.measure(asked, for_this_terminal(), jobs)
        written = ", ".join(file.name for file in write_report(table, folder))
    print(f"{summary_page(table)}\nWritten to {options.output_dir}: {written}")


@app.command()
@grouped
def speed(
    options: BenchmarkOptions,
    *,
    maps: Annotated[int, typer.Option("--maps", min=4, help="Maps prepared, of each kind.")] = 24,
) -> None:
    """The speed of this machine, beside other ways to do the same."""
    from adhd_cvae.io import write_tsv
    from adhd_cvae.simulation.cohort import SimulationConfig
    from pipelines.benchmarks.speed.stages import measure_speed
    from pipelines.output_dir.ownership import owned

    path = options.output_dir / "speed.tsv"
    with owned(options.output_dir, overwrite=options.overwrite):
        cohort = SimulationConfig(participants=320, cohens_d=1.4)  # as `adhd-cvae demo` makes it
        table = measure_speed(options.resolved("demo"), for_this_terminal(), maps, demo=cohort)
        write_tsv(table, path)
    print(f"{table.to_string(index=False, float_format=lambda value: f'{value:.3g}')}\n\nWritten to {path}")
