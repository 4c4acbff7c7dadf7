"""The verbs. Heavy modules are imported inside them, so that ``--help`` is instant."""

import sys
from contextlib import AbstractContextManager
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adhd_cvae.errors import InputError
from pipelines.cli.benchmark import app as benchmark
from pipelines.cli.options import (
    BidsDir,
    CohensD,
    Dask,
    EnsembleSeeds,
    FilterFile,
    Labels,
    Live,
    Model,
    NewBidsDir,
    Null,
    OutputDir,
    Overrides,
    Overwrite,
    Participants,
    Population,
    Port,
    Prefer,
    Promote,
    RecipeName,
    Seed,
    Severities,
    SiteConfound,
    Subtypes,
)
from pipelines.compute import helps
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.progress import for_this_terminal

if TYPE_CHECKING:
    from pipelines.output_dir.run import Run

app = typer.Typer(
    name="adhd-cvae",
    help="Salient and background anatomy of patients and controls, from BIDS, with contrastive variational "
    "autoencoders.",
    epilog="Exit status: 0 done, 1 the data or the settings are wrong, 2 the command is wrong.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(benchmark)


class Level(StrEnum):
    """The two levels of a BIDS App."""

    participant = "participant"
    group = "group"


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("adhd-cvae"))
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; allowed anywhere.")] = False,
    show_version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version."),
    ] = False,
) -> None:
    """Hold the options that come before a verb."""


def _alone_in(folder: Path) -> AbstractContextManager[None]:
    from pipelines.output_dir.lock import locked

    return locked(folder)


def _run_of(output_dir: OutputDir, recipe: RecipeName, overrides: Overrides, overwrite: Overwrite) -> "Run":
    """Make what a later stage is called with."""
    from pipelines.output_dir.provenance import recipe_of
    from pipelines.output_dir.run import Run

    paths = OutputPaths(output_dir)
    return Run(paths, recipe_of(paths, recipe, overrides), for_this_terminal(), overwrite=overwrite)


@app.command()
def demo(
    output_dir: OutputDir = Path("demo"),
    participants: Participants = 320,
    seed: Seed = 0,
    cohens_d: CohensD = 1.4,
    null: Null = False,
    recipe: Annotated[str, typer.Option("--recipe", metavar="NAME|FILE")] = "demo",
    overrides: Overrides = None,
    overwrite: Overwrite = False,
    live: Live = True,
) -> None:
    """Simulate a cohort and run every stage on it."""
    from adhd_cvae.simulation.cohort import SimulationConfig
    from pipelines.output_dir.run import Run
    from pipelines.recipes.loader import load_recipe
    from pipelines.workflows import demo as stages

    resolved = load_recipe(recipe, tuple(overrides or ()))
    config = SimulationConfig(participants=participants, seed=seed, cohens_d=cohens_d, null=null)
    bids_dir, paths = stages.places(output_dir)
    with _alone_in(paths.folder):
        once = Run(paths, resolved, for_this_terminal(), overwrite=overwrite)
        print(stages.run(once, bids_dir, config, live=live))


@app.command()
def simulate(
    bids_dir: NewBidsDir,
    participants: Participants = 240,
    seed: Seed = 0,
    cohens_d: CohensD = 0.8,
    site_confound: SiteConfound = 0.3,
    severities: Severities = 2,
    subtypes: Subtypes = 0,
    population: Population = 0,
    null: Null = False,
    overwrite: Overwrite = False,
) -> None:
    """Make a BIDS dataset of gray-matter maps with planted effects."""
    from adhd_cvae.simulation.cohort import SimulationConfig
    from pipelines.stages import simulate as stage

    config = SimulationConfig(
        participants=participants,
        seed=seed,
        cohens_d=cohens_d,
        severities=severities,
        subtypes=subtypes,
        population=population,
        site_confound=site_confound,
        null=null,
    )
    stage.run(bids_dir, config, for_this_terminal(), overwrite=overwrite)


@app.command("import-burner")
def import_burner(
    maps_dir: Annotated[Path, typer.Argument(metavar="MAPS_DIR", help="Folder of mwrc1<id>.nii[.gz] files.")],
    bids_dir: NewBidsDir,
    phenotype: Annotated[list[Path], typer.Option("--phenotype", metavar="FILE", help="Table. Repeatable.")],
    prefer: Prefer = None,
) -> None:
    """Turn a Burner-style folder and its phenotype tables into a BIDS derivative."""
    from pipelines.stages import import_burner as stage

    stage.run(maps_dir, bids_dir, phenotype, prefer, for_this_terminal())


@app.command()
def run(
    bids_dir: BidsDir,
    output_dir: OutputDir,
    level: Annotated[Level, typer.Argument(metavar="participant,group", show_default=False)],
    labels: Labels = None,
    filter_file: FilterFile = None,
    prefer: Prefer = None,
    recipe: RecipeName = None,
    overrides: Overrides = None,
    model: Model = None,
    overwrite: Overwrite = False,
    live: Live = True,
    seeds: EnsembleSeeds = 1,
    dask: Dask = None,
) -> None:
    """Run every stage (group), or embed new participants with a registered model (participant)."""
    from pipelines.compute import workers
    from pipelines.output_dir.run import Run
    from pipelines.recipes.loader import DEFAULT, load_recipe

    source = BidsInput(bids_dir, tuple(labels or ()), filter_file, prefer)
    paths, progress = OutputPaths(output_dir), for_this_terminal()
    if level is Level.participant:
        if model is None:
            raise typer.BadParameter(
                "the participant level needs a trained model, e.g. --model models:/adhd-cvae@champion",
                param_hint="--model",
            )
        if recipe is not None or overrides or seeds > 1:
            raise typer.BadParameter(
                "the model brings its own settings", param_hint="--recipe / --set / --seeds"
            )
        from adhd_cvae.config import Recipe
        from pipelines.workflows import participant

        new = Run(paths, Recipe(name="participant"), progress, overwrite=overwrite)
        participant.run(new, source, model)
        return
    if model is not None:
        raise typer.BadParameter("only the participant level takes a model", param_hint="--model")
    from pipelines.workflows import group

    resolved = load_recipe(recipe or DEFAULT, tuple(overrides or ()))
    with _alone_in(paths.folder), workers(dask):
        once = Run(paths, resolved, progress, overwrite=overwrite)
        published = group.run(once, source, live=live, seeds=seeds, cluster=dask is not None)
    print(f"Report           {paths.report}\n{published}")


@app.command()
def prepare(
    bids_dir: BidsDir,
    output_dir: OutputDir,
    labels: Labels = None,
    filter_file: FilterFile = None,
    prefer: Prefer = None,
    recipe: RecipeName = None,
    overrides: Overrides = None,
    overwrite: Overwrite = False,
) -> None:
    """BIDS in; cohort, exclusions and image cache out."""
    from pipelines.output_dir.run import Run
    from pipelines.recipes.loader import DEFAULT, load_recipe
    from pipelines.stages import prepare as stage

    resolved = load_recipe(recipe or DEFAULT, tuple(overrides or ()))
    source = BidsInput(bids_dir, tuple(labels or ()), filter_file, prefer)
    with _alone_in(output_dir):
        stage.run(Run(OutputPaths(output_dir), resolved, for_this_terminal(), overwrite=overwrite), source)


@app.command()
def train(
    output_dir: OutputDir,
    recipe: RecipeName = None,
    overrides: Overrides = None,
    overwrite: Overwrite = False,
    live: Live = True,
) -> None:
    """Train the models on the image cache; goes on where it was interrupted. torchrun gives it several processes."""
    from pipelines.stages import train as stage

    if helps():
        stage.help_first(OutputPaths(output_dir))
        return
    with _alone_in(output_dir):
        stage.run(_run_of(output_dir, recipe, overrides, overwrite), live=live)


@app.command()
def embed(
    output_dir: OutputDir,
    recipe: RecipeName = None,
    overrides: Overrides = None,
    overwrite: Overwrite = False,
) -> None:
    """Posterior means and draws of every participant."""
    from pipelines.stages import embed as stage

    with _alone_in(output_dir):
        stage.run(_run_of(output_dir, recipe, overrides, overwrite))


@app.command()
def analyse(
    output_dir: OutputDir,
    recipe: RecipeName = None,
    overrides: Overrides = None,
    overwrite: Overwrite = False,
    dask: Dask = None,
) -> None:
    """Tables, maps and figures from cohort.tsv, latents.tsv and draws.npz alone."""
    from pipelines.compute import workers
    from pipelines.stages import analyse as stage

    with _alone_in(output_dir), workers(dask):
        stage.run(_run_of(output_dir, recipe, overrides, overwrite))


@app.command()
def publish(
    output_dir: OutputDir,
    recipe: RecipeName = None,
    overrides: Overrides = None,
    overwrite: Overwrite = False,
    promote: Promote = False,
) -> None:
    """Report, MLflow run and registered model."""
    from pipelines.stages import publish as stage

    with _alone_in(output_dir):
        print(stage.run(_run_of(output_dir, recipe, overrides, overwrite), promote=promote))


@app.command("export-bundle")
def export_bundle(
    output_dir: OutputDir,
    bundle_dir: Annotated[Path, typer.Argument(metavar="BUNDLE_DIR", help="Folder for the new bundle.")],
) -> None:
    """The trained model as a MONAI bundle."""
    from pipelines.stages import export_bundle as bundle

    print(f"MONAI bundle     {bundle.run(OutputPaths(output_dir), bundle_dir)}")


@app.command()
def ui(
    output_dir: OutputDir = Path("demo/derivatives/adhd-cvae"),
    port: Port = 5000,
) -> None:
    """Open the MLflow UI on the store of OUTPUT_DIR, on this computer only."""
    from pipelines.mlflow_tracking import ui as server

    server.run(output_dir, port, for_this_terminal())


def main(arguments: list[str] | None = None) -> None:
    """Call the command line; wrong data end in one line per problem and exit status 1."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    try:
        app(args=spread_labels([argument for argument in given if argument != "--debug"]))
    except (InputError, MemoryError, OSError) as error:
        if debug:
            raise
        for problem in problems(error):
            print(f"adhd-cvae: {' '.join(problem.split())}", file=sys.stderr)
        raise SystemExit(1) from None


def problems(error: InputError | MemoryError | OSError) -> tuple[str, ...]:
    """One line per problem; a full disk or a forbidden folder is named with its path."""
    if isinstance(error, InputError):
        return error.problems
    if isinstance(error, MemoryError):
        return (f"the memory of this machine is full ({error or 'no more is given'}).",)
    where = f"{error.filename}: " if error.filename else ""
    return (f"{where}{error.strerror or error}",)


def spread_labels(arguments: list[str]) -> list[str]:
    """Repeat ``--participant-label`` before each label: BIDS Apps take several after one option."""
    spread, in_labels = [], False
    for argument in arguments:
        if argument.startswith("-"):
            in_labels = argument == "--participant-label"
            if not in_labels:
                spread.append(argument)
        else:
            spread.extend(["--participant-label", argument] if in_labels else [argument])
    return spread
