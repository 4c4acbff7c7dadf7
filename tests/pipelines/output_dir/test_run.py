"""What a stage is called with."""

from dataclasses import FrozenInstanceError, replace

import pytest

from adhd_cvae.config import Recipe
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.run import Run
from pipelines.progress import Silent


@pytest.fixture
def run(tmp_path):
    return Run(OutputPaths(tmp_path), Recipe(name="invented"), Silent())


def test_results_are_replaced_only_where_that_is_said_by_name(run):
    assert not run.overwrite
    with pytest.raises(TypeError):
        Run(run.paths, run.recipe, run.progress, True)


def test_a_stage_cannot_change_it_for_the_next_one(run):
    other = replace(run, recipe=run.recipe.model_copy(update={"seed": 5}))
    assert (run.recipe.seed, other.recipe.seed) == (0, 5)
    with pytest.raises(FrozenInstanceError):
        run.overwrite = True
