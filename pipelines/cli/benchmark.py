"""The verbs below ``adhd-cvae benchmark``. Heavy modules are imported inside them, so that ``--help`` is instant."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import options as opt
from pipelines.progress import for_this_terminal

FOLDER = Path("benchmark")
app = typer.Typer(name="benchmark", no_args_is_help=True, help="Measure, and write what was found as tables.")
Jobs = Annotated[
    int | None, typer.Option("--jobs", min=1, help="Processes of one core each. Default: all cores.")
]


@app.command()
def separation(
    output_dir: opt.OutputDir = FOLDER,
    recipe: Annotated[
        str | None, typer.Option("--recipe", metavar="NAME|FILE", help="Default: separation.")
    ] = None,
    overrides: opt.Overrides = None,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="A small grid, minutes instead of hours.")] = False,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="Cohorts of each kind.")] = None,
    methods: Annotated[
        str | None, typer.Option("--methods", metavar="A,B", help="These methods only.")
    ] = None,
    jobs: Jobs = None,
    dask: opt.Dask = None,
) -> None:
    """Every objective and baseline where the truth is known."""
    from pipelines.benchmarks.separation.cells import Cells, known_methods
    from pipelines.benchmarks.separation.grid import grid
    from pipelines.benchmarks.separation.report import summary_page, write_report
    from pipelines.compute import workers
    from pipelines.output_dir.ownership import owned
    from pipelines.recipes.loader import load_recipe

    resolved = load_recipe(recipe or "separation", tuple(overrides or ()))
    names = known_methods(methods.split(",") if methods else None)
    with owned(output_dir), workers(dask):
        cells = Cells(output_dir.resolve(), resolved, names)
        table = cells.measure(grid(seeds, quick=quick), for_this_terminal(), jobs)
        written = ", ".join(file.name for file in write_report(table, output_dir))
    print(f"{summary_page(table)}\nWritten to {output_dir}: {written}")


@app.command()
def speed(
    output_dir: opt.OutputDir = FOLDER,
    recipe: opt.RecipeName = "demo",
    overrides: opt.Overrides = None,
    maps: Annotated[int, typer.Option("--maps", min=4, help="Maps prepared, of each kind.")] = 24,
) -> None:
    """The speed of this machine, beside other ways to do the same."""
    from adhd_cvae.io import write_tsv
    from pipelines.benchmarks.speed.stages import measure_speed
    from pipelines.output_dir.ownership import owned
    from pipelines.recipes.loader import load_recipe

    resolved = load_recipe(recipe or "demo", tuple(overrides or ()))
    path = output_dir / "speed.tsv"
    with owned(output_dir):
        table = measure_speed(resolved, for_this_terminal(), maps)
        write_tsv(table, path)
    print(f"{table.to_string(index=False, float_format=lambda value: f'{value:.3g}')}\n\nWritten to {path}")
