"""What a method changes, and what its codes are scored by."""

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from adhd_cvae.config import OBJECTIVES
from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.benchmarks.separation.cells import known_methods
from pipelines.benchmarks.separation.cohorts import simulate_maps
from pipelines.benchmarks.separation.grid import Condition
from pipelines.benchmarks.separation.methods import METHODS, borrowed, ceiling_rows, method_rows, one_thread
from pipelines.benchmarks.separation.metrics import CEILING
from pipelines.recipes.loader import apply_overrides, load_recipe, validated
from tests.pipelines.benchmarks.separation.tiny import TINY


@pytest.mark.parametrize("name", METHODS)
def test_every_method_fits_the_recipe(name):
    recipe = load_recipe("separation").model_copy(update={"seed": 3})
    changed = validated(apply_overrides(recipe.model_dump(mode="json"), METHODS[name].overrides), name)
    assert changed.seed == 3
    assert changed.image == recipe.image


def test_every_objective_is_a_method():
    assert set(OBJECTIVES) <= set(METHODS)


@pytest.fixture(scope="module")
def recipe():
    return load_recipe("separation", TINY)


@pytest.fixture(scope="module")
def cohort(recipe):
    config = SimulationConfig(participants=40, resolution=8, null=True)
    return simulate_maps(config, "site", recipe.image, held_out=0.5)


def test_pca_reconstructs_as_pca_does_and_has_one_space(recipe, cohort, tmp_path):
    reference = cohort.images[:3]
    rows, codes = method_rows(METHODS["pca"], cohort, reference, recipe, tmp_path, null=False)
    scores = {row["metric"]: row["score"] for row in rows}
    assert scores["unexplained_over_pca"] == 1
    assert 0 < scores["unexplained"] < 1
    assert {name: values.shape for name, values in codes.items()} == {"all": (3, 6)}
    assert all(row["seconds"] > 0 for row in rows)
    assert not list(tmp_path.iterdir())


def test_what_each_step_gains_stands_in_the_table(recipe, cohort, tmp_path):
    rows, _ = method_rows(METHODS["trained"], cohort, cohort.images[:3], recipe, tmp_path, null=False)
    kept = {one["target"]: one["score"] for one in rows if one["metric"] == "kept"}
    assert (
        set(kept) == {"linear", "trained"} == {one["target"] for one in rows if one["metric"] == "gain_nats"}
    )
    assert sum(kept.values()) == 1


@pytest.mark.parametrize("as_controls", [False, True])
def test_whoever_is_lent_is_not_scored(recipe, cohort, tmp_path, as_controls):
    method = METHODS["contrast"]._replace(borrows=30, as_controls=as_controls)
    lent = borrowed(method, Condition(), recipe.image)
    rows, codes = method_rows(method, cohort, cohort.images[:3], recipe, tmp_path, lent, null=False)
    alone, without = method_rows(METHODS["contrast"], cohort, cohort.images[:3], recipe, tmp_path, null=False)
    assert {name: values.shape for name, values in codes.items()} == {"salient": (3, 2), "background": (3, 4)}
    assert not np.allclose(codes["background"], without["background"])
    assert [row["metric"] for row in rows] == [row["metric"] for row in alone]
    assert 0 <= next(row["score"] for row in rows if row["metric"] == "auc") <= 1


def test_discriminant_analysis_tells_the_groups_and_has_no_codes(recipe, cohort, tmp_path):
    rows, codes = method_rows(METHODS["shrinkage_lda"], cohort, cohort.images, recipe, tmp_path, null=False)
    assert [(row["metric"], row["space"]) for row in rows] == [("auc", "voxels")]
    assert codes == {}


def test_methods_are_given_the_grids_that_they_name():
    assert not {name for name, one in METHODS.items() if one.borrows and "full" in one.grids}
    assert set(known_methods(None, "mismatched")) == {"contrast", "borrowed_2000", CEILING}


def test_the_ceiling_is_given_the_truth_of_training_patients(cohort):
    rows = ceiling_rows(cohort, permutations=19, seed=0)
    assert {(row["metric"], row["space"]) for row in rows} == {
        (metric, "voxels") for metric in ("r", "r2", "r_rbf")
    }
    assert {row["target"] for row in rows} == set(cohort.factors)
    assert np.isfinite([row["score"] for row in rows]).all()


def test_one_thread_is_put_back():
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
        assert all(library["num_threads"] == 1 for library in threadpool_info())
    assert torch.get_num_threads() == before
