"""What the comparison of the groups rests on."""

import numpy as np
import pytest

from adhd_cvae.analysis.refits import applied, discriminant
from adhd_cvae.io import read_tsv, write_tsv
from pipelines.output_dir.analysis_inputs import read_analysis_inputs
from pipelines.output_dir.group_scores import asked_of_groups
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe

RECIPE = load_recipe("smoke", ("analysis.variables=[{name: age, scale: ratio}]", "analysis.batteries={}"))


@pytest.fixture
def run(invent_results, tmp_path):
    return Run(invent_results(tmp_path), RECIPE, Silent())


def asked(run):
    return asked_of_groups(run, read_analysis_inputs(run.paths, RECIPE.analysis))


def test_latents_of_another_model_without_folds_are_in_sample(run):
    latents = read_tsv(run.paths.latents).drop(columns="fold", errors="ignore")
    write_tsv(latents, run.paths.latents)
    found = asked(run)
    assert not found.observed
    assert found.refit is None
    codes = latents[["s_00", "s_01"]].to_numpy()
    expected = applied(discriminant(codes, found.groups.is_target), codes)
    np.testing.assert_allclose(found.in_sample["salient"], expected)


def test_latents_of_another_model_with_folds_are_judged_by_the_other_folds(run):
    latents = read_tsv(run.paths.latents).drop(columns="fold", errors="ignore")
    folds = np.arange(len(latents)) // 2 % 4
    write_tsv(latents.assign(fold=folds), run.paths.latents)
    found = asked(run)
    assert {"salient", "background", "both"} == set(found.observed)
    assert not found.in_sample
    codes, held = latents[["s_00", "s_01"]].to_numpy(), folds == 2
    weights = discriminant(codes[~held], found.groups.is_target[~held])
    np.testing.assert_allclose(found.observed["salient"][held], applied(weights, codes[held]))


def test_site_age_and_sex_are_covariates(run):
    latents = read_tsv(run.paths.latents).drop(columns="fold", errors="ignore")
    write_tsv(latents.assign(fold=np.arange(len(latents)) // 2 % 4), run.paths.latents)
    assert asked(run).groups.covariates.shape[1] == 2 + 1 + 2
