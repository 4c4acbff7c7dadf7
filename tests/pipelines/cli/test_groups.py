"""Groups of options: what the command line shows of them, and what a verb is given."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.cli.groups import DatasetOptions, DemoOptions, SimulationOptions, StageOptions, grouped
from pipelines.cli.options import Dask, OutputDir, Overwrite, Seed
from pipelines.output_dir.paths import BidsInput
from pipelines.output_dir.provenance import Provenance


@dataclass(frozen=True, kw_only=True)
class Pair:
    output_dir: OutputDir
    seed: Seed = 3


@pytest.fixture
def verb():
    """A verb of one group, and the arguments it was called with."""
    app, given = typer.Typer(), []

    @app.command()
    @grouped
    def go(pair: Pair, dask: Dask = None, *, overwrite: Overwrite = False) -> None:
        """Go there."""
        given.append((pair, dask, overwrite))

    def call(*arguments: str) -> tuple[str, list]:
        return CliRunner().invoke(app, arguments).output, given

    return call


def test_a_verb_is_given_its_group_made_of_the_options(verb):
    _, given = verb("out", "--seed", "5", "--overwrite")
    assert given == [(Pair(output_dir=Path("out"), seed=5), None, True)]


def test_the_defaults_are_the_groups(verb):
    _, given = verb("out")
    assert given == [(Pair(output_dir=Path("out"), seed=3), None, False)]


def test_help_shows_each_option_of_a_group_in_the_order_of_the_verb(verb):
    shown, given = verb("--help")
    assert not given
    places = [shown.index(name) for name in ("Go there.", "OUTPUT_DIR ", "--seed", "--dask", "--overwrite")]
    assert places == sorted(places)


def test_what_a_group_requires_is_required(verb):
    shown, given = verb("--seed", "5")
    assert "Missing argument" in shown
    assert not given


def test_labels_and_filter_reach_the_stages():
    dataset = DatasetOptions(
        bids_dir=Path("bids"), labels=["01", "02"], filter_file=Path("f.json"), tables=[Path("a.tsv")]
    )
    assert dataset.source == BidsInput(Path("bids"), ("01", "02"), Path("f.json"), tables=(Path("a.tsv"),))


def test_a_first_run_has_the_named_recipe_and_a_later_one_what_the_folder_was_made_with(tmp_path):
    asked = StageOptions(output_dir=tmp_path, recipe="demo", overrides=["model.salient=3"], overwrite=True)
    first = asked.first_run()
    assert (first.recipe.name, first.recipe.model.salient, first.overwrite) == ("demo", 3, True)
    Provenance.open(first.paths).note(recipe=first.recipe.model_dump(mode="json"))
    later = StageOptions(output_dir=tmp_path).later_run()
    assert later.recipe == first.recipe
    assert not later.overwrite
    assert StageOptions(output_dir=tmp_path).first_run().recipe.name == "adhd200"


@pytest.mark.parametrize("group", [SimulationOptions, DemoOptions])
def test_simulation_options_are_settings_of_a_simulated_cohort(group):
    given = vars(group())
    assert SimulationConfig(**given).model_dump().items() >= given.items()
