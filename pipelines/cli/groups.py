"""Options that belong together: a verb takes a group as one argument, and the command line shows each option of it."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from functools import wraps
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.cli import options as opt
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.progress import for_this_terminal, logged

if TYPE_CHECKING:
    from adhd_cvae.config import Recipe
    from pipelines.output_dir.run import Run


def grouped(verb: Callable[..., None]) -> Callable[..., None]:
    """Let typer see the fields of every dataclass that `verb` takes as if they were arguments of `verb`."""
    asked = inspect.signature(verb, eval_str=True)
    annotations = {name: parameter.annotation for name, parameter in asked.parameters.items()}
    groups = {
        name: kind for name, kind in annotations.items() if isinstance(kind, type) and is_dataclass(kind)
    }
    fields = {name: inspect.signature(group).parameters for name, group in groups.items()}
    shown: list[Parameter] = []
    for name, parameter in asked.parameters.items():
        shown += fields.get(name, {name: parameter}).values()

    @wraps(verb)
    def call(**given: Any) -> None:
        made = {
            name: group(**{field: given.pop(field) for field in fields[name]})
            for name, group in groups.items()
        }
        verb(**made, **given)

    # What typer reads; all by keyword, so that a required one may follow one that is not.
    by_keyword = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in shown]
    vars(call)["__signature__"] = asked.replace(parameters=by_keyword)
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return call


@dataclass(frozen=True, kw_only=True)
class DatasetOptions:
    """Which part of which BIDS dataset goes in."""

    bids_dir: opt.BidsDir
    labels: opt.Labels = None
    filter_file: opt.FilterFile = None
    tables: opt.Tables = None
    prefer: opt.Prefer = None

    @property
    def source(self) -> BidsInput:
        """The same, as the stages take it."""
        labels, tables = tuple(self.labels or ()), tuple(self.tables or ())
        return BidsInput(self.bids_dir, labels, self.filter_file, self.prefer, tables)


@dataclass(frozen=True, kw_only=True)
class StageOptions:
    """Where results go, with which settings, and whether they may replace others."""

    output_dir: opt.OutputDir
    recipe: opt.RecipeName = None
    overrides: opt.Overrides = None
    overwrite: opt.Overwrite = False

    @contextmanager
    def alone(self, dataset: Path | None = None, *, way_in: bool = False) -> Iterator[None]:
        """Have OUTPUT_DIR, if it is ours, and keep other commands out of it."""
        from pipelines.output_dir.lock import locked
        from pipelines.output_dir.ownership import owned

        here = owned(self.output_dir, overwrite=self.overwrite, dataset=dataset, way_in=way_in)
        with here, locked(self.output_dir), logged(OutputPaths(self.output_dir).log):
            yield

    def run(self, recipe: "Recipe") -> "Run":
        """A run with these settings."""
        from pipelines.output_dir.run import Run

        return Run(OutputPaths(self.output_dir), recipe, for_this_terminal(), overwrite=self.overwrite)

    def first_run(self) -> "Run":
        """Settings of the named recipe, or the default one."""
        from pipelines.recipes.loader import DEFAULT, load_recipe

        return self.run(load_recipe(self.recipe or DEFAULT, tuple(self.overrides or ())))

    def later_run(self) -> "Run":
        """Settings that OUTPUT_DIR was made with, unless a recipe is named."""
        from pipelines.output_dir.provenance import recipe_of

        return self.run(recipe_of(OutputPaths(self.output_dir), self.recipe, self.overrides))


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How often a model is trained, where, and who may watch."""

    live: opt.Live = True
    seeds: opt.EnsembleSeeds = 1
    dask: opt.Dask = None


@dataclass(frozen=True, kw_only=True)
class SensitivityOptions:
    """How many cohorts are made of the controls, where, or that one is only written."""

    quick: opt.FirstAnswer = False
    jobs: opt.Jobs = None
    dask: opt.Dask = None
    export: opt.Export = None


@dataclass(frozen=True, kw_only=True)
class SimulationOptions:
    """What is planted in a simulated cohort, by the names of `adhd_cvae.simulation.cohort.SimulationConfig`."""

    participants: opt.Participants = 240
    seed: opt.Seed = 0
    cohens_d: opt.CohensD = 0.8
    site_confound: opt.SiteConfound = 0.3
    sites: opt.Sites = 4
    age_gap: opt.AgeGap = 0.0
    head_size_gap: opt.HeadSizeGap = None
    severities: opt.Severities = 2
    subtypes: opt.Subtypes = 0
    population: opt.Population = 0
    null: opt.Null = False


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """The same for the demo, whose effects are plain enough to be found in minutes."""

    participants: opt.Participants = 320
    seed: opt.Seed = 0
    cohens_d: opt.CohensD = 1.4
    null: opt.Null = False
