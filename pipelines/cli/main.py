"""The verbs. Heavy modules are imported inside them, so that ``--help`` is instant."""

import sys
import traceback
from concurrent.futures import BrokenExecutor
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from adhd_cvae.errors import InputError
from pipelines.cli import options as opt
from pipelines.cli.benchmark import app as benchmark
from pipelines.cli.bids_app import Level, MachineOptions, in_our_words
from pipelines.cli.compare import compare
from pipelines.cli.groups import (
    DatasetOptions,
    DemoOptions,
    SensitivityOptions,
    SimulationOptions,
    StageOptions,
    TrainingOptions,
    grouped,
)
from pipelines.cli.init import init
from pipelines.cli.verbs import CHECK, REUSE, RUN, STAGES, START, Verbs
from pipelines.compute import helps, stop_workers, writable_caches
from pipelines.output_dir.paths import OutputPaths
from pipelines.progress import for_this_terminal, without_passwords

Expected = InputError | MemoryError | OSError | BrokenExecutor
INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

app = typer.Typer(
    name="adhd-cvae",
    cls=Verbs,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(benchmark, rich_help_panel=CHECK)


def _show_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(version("adhd-cvae"))
        raise typer.Exit


@app.callback()
def _options(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; allowed anywhere.")] = False,
    show_version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version."),
    ] = False,
) -> None:
    """Hold the options that come before a verb."""


@app.command(rich_help_panel=START)
@grouped
def demo(
    simulation: DemoOptions,
    output_dir: opt.OutputDir = Path("demo"),
    recipe: Annotated[str, typer.Option("--recipe", metavar="NAME|FILE")] = "demo",
    overrides: opt.Overrides = None,
    *,
    overwrite: opt.Overwrite = False,
    live: opt.Live = True,
) -> None:
    """Simulate a cohort and run every stage on it."""
    from adhd_cvae.simulation.cohort import SimulationConfig
    from pipelines.workflows import demo as workflow

    bids_dir, paths = workflow.places(output_dir)
    options = StageOptions(output_dir=paths.folder, recipe=recipe, overrides=overrides, overwrite=overwrite)
    run = options.first_run()
    with options.alone(bids_dir):
        print(workflow.run(run, bids_dir, SimulationConfig(**asdict(simulation)), live=live))


app.command(rich_help_panel=START)(init)


@app.command(rich_help_panel=START)
@grouped
def simulate(
    bids_dir: opt.NewBidsDir, simulation: SimulationOptions, *, overwrite: opt.Overwrite = False
) -> None:
    """Make a BIDS dataset of maps with planted effects."""
    from adhd_cvae.simulation.cohort import SimulationConfig
    from pipelines.stages import simulate as stage

    config = SimulationConfig(**asdict(simulation))
    stage.run(bids_dir, config, for_this_terminal(), overwrite=overwrite)


@app.command("import-burner", rich_help_panel=START)
def import_burner(
    maps_dir: opt.MapsDir,
    bids_dir: opt.NewBidsDir,
    phenotype: opt.Phenotype,
    prefer: opt.Prefer = None,
) -> None:
    """Make a BIDS dataset of a Burner folder."""
    from pipelines.stages import import_burner as stage

    stage.run(maps_dir, bids_dir, phenotype, prefer, for_this_terminal())


@app.command(rich_help_panel=RUN)
@grouped
def run(
    dataset: DatasetOptions,
    options: StageOptions,
    level: Annotated[Level, typer.Argument(metavar="participant,group", show_default=False)],
    training: TrainingOptions,
    machine: MachineOptions,
    model: opt.Model = None,
    new_site: opt.NewSite = "refuse",
) -> None:
    """Every stage (group), or new participants only."""
    with machine.heeded():
        if level is Level.group:
            _run_group(dataset, options, training, model)
        else:
            _run_participants(dataset, options, training, model, new_site)


def _run_participants(
    dataset: DatasetOptions,
    options: StageOptions,
    training: TrainingOptions,
    model: str | None,
    new_site: opt.NewSite,
) -> None:
    if model is None:
        raise typer.BadParameter(
            "the participant level needs a trained model, e.g. --model models:/adhd-cvae@champion",
            param_hint="--model",
        )
    if options.recipe is not None or options.overrides or training.seeds > 1:
        raise typer.BadParameter("the model brings its own settings", param_hint="--recipe / --set / --seeds")
    from adhd_cvae.config import Recipe
    from pipelines.workflows import participant

    participant.run(options.run(Recipe(name="participant")), dataset.source, model, new_site)


def _run_group(
    dataset: DatasetOptions, options: StageOptions, training: TrainingOptions, model: str | None
) -> None:
    if model is not None:
        raise typer.BadParameter("only the participant level takes a model", param_hint="--model")
    from pipelines.compute import workers
    from pipelines.workflows import group

    run, dask = options.first_run(), training.dask
    with options.alone(dataset.bids_dir), workers(dask):
        published = group.run(
            run, dataset.source, live=training.live, seeds=training.seeds, cluster=dask is not None
        )
    print(f"Report           {run.paths.report}\n{published}")


@app.command(rich_help_panel=STAGES)
@grouped
def prepare(dataset: DatasetOptions, options: StageOptions, *, dry_run: opt.DryRun = False) -> None:
    """BIDS in; cohort, exclusions and image cache out."""
    from pipelines.stages import prepare as stage

    run = options.first_run()
    if dry_run:
        stage.preview(run, dataset.source)
        return
    with options.alone(dataset.bids_dir):
        stage.run(run, dataset.source)


@app.command(rich_help_panel=STAGES)
@grouped
def train(options: StageOptions, *, live: opt.Live = True) -> None:
    """Train the models on the cache, or go on with it. torchrun gives it several processes."""
    from pipelines.stages import train as stage

    if helps():
        stage.help_first(OutputPaths(options.output_dir))
        return
    with options.alone():
        stage.run(options.later_run(), live=live)


@app.command(rich_help_panel=STAGES)
@grouped
def embed(options: StageOptions) -> None:
    """Posterior means and draws of every participant."""
    from pipelines.stages import embed as stage

    with options.alone():
        stage.run(options.later_run())


@app.command(rich_help_panel=STAGES)
@grouped
def analyse(options: StageOptions, dask: opt.Dask = None) -> None:
    """Tables, maps and figures, from the files there alone."""
    from pipelines.compute import workers
    from pipelines.stages import analyse as stage

    with options.alone(way_in=True), workers(dask):
        stage.run(options.later_run())


@app.command(rich_help_panel=STAGES)
def publish(output_dir: opt.OutputDir, *, promote: opt.Promote = False) -> None:
    """Report, MLflow run and registered model."""
    from pipelines.stages import publish as stage

    options = StageOptions(output_dir=output_dir)
    with options.alone():
        print(stage.run(options.later_run(), promote=promote))


@app.command("export-bundle", rich_help_panel=REUSE)
def export_bundle(output_dir: opt.OutputDir, bundle_dir: opt.BundleDir) -> None:
    """The trained model as a MONAI bundle."""
    from pipelines.stages import export_bundle as stage

    print(f"MONAI bundle     {stage.run(OutputPaths(output_dir), bundle_dir)}")


@app.command(rich_help_panel=REUSE)
@grouped
def background(
    dataset: DatasetOptions,
    learnt: opt.ReferenceDir = None,
    recipe: opt.RecipeName = None,
    overrides: opt.Overrides = None,
    parts: opt.Merge = None,
    *,
    overwrite: opt.Overwrite = False,
    shareable: opt.Shareable = False,
    site_names: opt.SiteNames = False,
) -> None:
    """Learn healthy anatomy for others to borrow. OUTPUT_DIR --merge A B puts together what was learnt apart."""
    from pipelines.workflows import background as workflow

    place = dataset.bids_dir if parts else learnt
    if place is None or (parts and (learnt is not None or shareable or site_names)):
        raise typer.BadParameter("expected BIDS_DIR OUTPUT_DIR, or OUTPUT_DIR --merge A B, as they are")
    options = StageOptions(output_dir=place, recipe=recipe, overrides=overrides, overwrite=overwrite)
    with options.alone(None if parts else dataset.bids_dir):
        run = options.first_run()
        if parts:
            print(workflow.merge(run, parts))
        else:
            print(workflow.run(run, dataset.source, shareable=shareable, site_names=site_names))


@app.command(rich_help_panel=CHECK)
@grouped
def sensitivity(dataset: DatasetOptions, options: StageOptions, asked: SensitivityOptions) -> None:
    """What this cohort could have shown. Known effects, and none, are planted into its own controls."""
    from pipelines.workflows import sensitivity as workflow

    with options.alone(dataset.bids_dir):
        print(workflow.run(options.later_run(), dataset.source, **vars(asked)))


app.command(rich_help_panel=REUSE)(compare)


@app.command(rich_help_panel=REUSE)
def ui(output_dir: opt.OutputDir = Path("demo/derivatives/adhd-cvae"), port: opt.Port = 5000) -> None:
    """Open the MLflow UI and an index of all results. They serve this computer only."""
    from pipelines.mlflow_tracking import ui as server
    from pipelines.report.index import served

    with served(output_dir.absolute().parent, port) as address:
        server.run(output_dir, port, address, for_this_terminal())


def main(arguments: list[str] | None = None) -> None:
    """Call the command line; wrong data end in one line per problem and exit status 1."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    try:
        with writable_caches():
            verbs = vars(typer.main.get_command(app))["commands"]
            app(args=in_our_words([one for one in given if one != "--debug"], verbs), prog_name="adhd-cvae")
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            stop_workers()
            print("adhd-cvae: interrupted; the same command goes on from here.", file=sys.stderr)
        raise
    except Exception as error:  # Python's own traceback would show the passwords that stand in a message
        stop_workers()
        if isinstance(error, Expected) and not debug:
            for problem in problems(error):
                print(f"adhd-cvae: {without_passwords(' '.join(problem.split()))}", file=sys.stderr)
        else:
            print(without_passwords(traceback.format_exc()), file=sys.stderr)
        raise SystemExit(1) from None


def problems(error: Expected) -> tuple[str, ...]:
    """One line per problem; a full disk or a forbidden folder is named with its path."""
    if isinstance(error, InputError):
        return error.problems
    if isinstance(error, MemoryError):
        return (f"the memory of this machine is full ({error or 'no more is given'}).",)
    if isinstance(error, BrokenExecutor):
        return ("a process was killed, as where memory is full. Call again with fewer --jobs or --nprocs.",)
    return (": ".join(str(one) for one in (error.filename, error.strerror or error) if one),)
