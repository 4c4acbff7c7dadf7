"""The verbs below ``adhd-cvae benchmark``. Heavy modules are imported inside them, so that ``--help`` is instant."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.options import Dask, OutputDir, Overrides, RecipeName, Seed
from pipelines.progress import for_this_terminal

FOLDER = Path("benchmark")
app = typer.Typer(name="benchmark", no_args_is_help=True, help="Measure, and write what was found as tables.")
Jobs = Annotated[
    int | None, typer.Option("--jobs", min=1, help="Processes of one core each. Default: all cores.")
]


@app.command()
def separation(
    output_dir: OutputDir = FOLDER,
    recipe: Annotated[
        str | None, typer.Option("--recipe", metavar="NAME|FILE", help="Default: separation.")
    ] = None,
    overrides: Overrides = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small grid, minutes instead of hours.")] = False,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="Cohorts of each kind.")] = None,
    methods: Annotated[
        str | None, typer.Option("--methods", metavar="A,B", help="These methods only.")
    ] = None,
    jobs: Jobs = None,
    dask: Dask = None,
) -> None:
    """Every objective and baseline where the truth is known."""
    from pipelines.benchmarks import measure
    from pipelines.settings import load_recipe
    from pipelines.workers import workers

    resolved = load_recipe(recipe or "separation", tuple(overrides or ()))
    names = methods.split(",") if methods else None
    with workers(dask):
        print(measure.separation(output_dir, resolved, for_this_terminal(), quick, seeds, names, jobs))


@app.command()
def calibration(
    output_dir: OutputDir = FOLDER,
    simulations: Annotated[int, typer.Option("--simulations", min=1, help="Studies of each kind.")] = 200,
    jobs: Jobs = None,
    dask: Dask = None,
) -> None:
    """How often each p-value is below 0.05, in studies with nothing there and with something planted."""
    from pipelines.benchmarks import measure
    from pipelines.workers import workers

    with workers(dask):
        print(measure.calibration(output_dir, for_this_terminal(), simulations, jobs))


@app.command()
def speed(
    output_dir: OutputDir = FOLDER,
    recipe: RecipeName = "demo",
    overrides: Overrides = None,
    maps: Annotated[int, typer.Option("--maps", min=4, help="Maps prepared, of each kind.")] = 24,
) -> None:
    """The speed of this machine, beside other ways to do the same."""
    from pipelines.benchmarks import measure
    from pipelines.settings import load_recipe

    resolved = load_recipe(recipe or "demo", tuple(overrides or ()))
    print(measure.speed(output_dir, resolved, for_this_terminal(), maps))


@app.command()
def training(
    output_dir: OutputDir = FOLDER, recipe: RecipeName = "demo", overrides: Overrides = None
) -> None:
    """Training until a reconstruction error is reached, beside the study's network."""
    from pipelines.benchmarks import measure
    from pipelines.settings import load_recipe

    resolved = load_recipe(recipe or "demo", tuple(overrides or ()))
    print(measure.training(output_dir, resolved, for_this_terminal()))


@app.command()
def faults(
    output_dir: OutputDir = FOLDER,
    kills: Annotated[int, typer.Option("--kills", min=1, help="How often a run is killed.")] = 50,
    seed: Seed = 0,
    jobs: Jobs = None,
) -> None:
    """Runs killed at random moments and called again: do they end the same?"""
    from pipelines.benchmarks import measure

    print(measure.faults(output_dir, for_this_terminal(), kills, seed, jobs))


@app.command()
def fuzz(
    output_dir: OutputDir = FOLDER,
    minutes: Annotated[float, typer.Option("--minutes", min=0, help="How long.")] = 10,
    seed: Seed = 0,
) -> None:
    """Spoilt files are read: does each end in a clear error?"""
    from pipelines.benchmarks import measure

    print(measure.fuzz(output_dir, for_this_terminal(), minutes, seed))
