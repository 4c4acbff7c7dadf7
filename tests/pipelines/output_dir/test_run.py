"""What a stage is called with."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.models.reference_background import fit_reference
from adhd_cvae.models.reference_file import save_reference
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.run import Run, of_borrowed
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


def test_what_is_borrowed_is_read_where_the_recipe_borrows(run):
    assert run.borrowed() is None
    assert of_borrowed(None) == {}
    cohort = run.recipe.cohort.model_copy(update={"background_from": ("elsewhere",)})
    borrows = replace(run, recipe=run.recipe.model_copy(update={"cohort": cohort}))
    with pytest.raises(InputError, match=r"Run `adhd-cvae prepare BIDS_DIR .*` again"):
        borrows.borrowed()
    reference = fit_reference(np.random.default_rng(100).normal(size=(9, 5)))
    save_reference(reference, run.paths.borrowed, {})
    assert of_borrowed(borrows.borrowed()) == {"borrowed background": reference.checksum}
    assert run.borrowed() is None
    assert borrows.lent() is None
    lends = {"borrowed": [{"name": "a"}, {"name": "b", "lent": 2}, {"name": "c", "lent": 1}]}
    save_reference(reference, run.paths.borrowed, lends)
    with pytest.raises(InputError, match=r"within\.npy holds 0 maps, expected 3\. Run `adhd-cvae prepare"):
        borrows.lent()
    np.save(run.paths.lent, np.ones((3, 2, 2, 2), np.float16))
    assert borrows.lent().shape == (3, 2, 2, 2)
    none = borrows.recipe.training.model_copy(update={"lent_controls": 0.0})
    assert replace(borrows, recipe=borrows.recipe.model_copy(update={"training": none})).lent() is None
    assert run.lent() is None
