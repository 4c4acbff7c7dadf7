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


@pytest.fixture
def with_folds(run):
    """Codes by models of four folds, each with a frame and a discriminant of its own, that can be fitted again."""
    latents, rng = read_tsv(run.paths.latents), np.random.default_rng(0)
    folds = np.arange(len(latents)) // 2 % 4
    table = latents.assign(**{f"{unit}_sd": 0.1 for unit in latents.columns[2:]})
    table.insert(2, "fold", folds)
    write_tsv(table, run.paths.out_of_fold)
    arrays = {"folds": np.arange(4), "linear": np.array(True)}
    for space, units in {"salient": ["s_00", "s_01"], "background": ["z_00", "z_01", "z_02"]}.items():
        arrays[space] = latents[units].to_numpy()[None]
        arrays[f"{space}_turn"] = np.stack([np.eye(len(units))] * 4)
        arrays[f"{space}_discriminant"] = rng.normal(size=(4, len(units) + 1))
    np.savez(run.paths.out_of_fold_arrays, participant_id=latents["participant_id"].to_numpy(str), **arrays)
    run.paths.cache.mkdir()
    scores = {f"fold_{one}": rng.normal(size=(len(latents), 9)) for one in range(4)}
    fitted = {f"fitted_{one}": np.flatnonzero(folds != one) for one in range(4)}
    np.savez(run.paths.fold_scores, **scores, **fitted)
    return folds, arrays


def test_each_fold_has_its_own_discriminant(run, with_folds):
    folds, arrays = with_folds
    found = asked(run)
    codes, weights = arrays["salient"][0], arrays["salient_discriminant"]
    for fold in range(4):
        expected = applied(weights[fold], codes[folds == fold])
        np.testing.assert_allclose(found.observed["salient"][folds == fold], expected)
    assert set(found.observed) == {"salient", "background"}, "no discriminant of both was written"
    assert found.in_sample.keys() == {"salient", "background", "both"}
    assert found.is_linear


def test_the_frame_for_pictures_does_not_tell_the_groups(run, with_folds):
    """It is that of the model fitted to everybody, groups of those held out included."""
    _, arrays = with_folds
    before, shown = asked(run), read_analysis_inputs(run.paths, RECIPE.analysis).spaces["salient"]
    names = read_tsv(run.paths.latents)["participant_id"].to_numpy(str)
    arrays["salient_turn"] = np.stack([np.eye(2)[::-1]] * 4)
    np.savez(run.paths.out_of_fold_arrays, participant_id=names, **arrays)
    after, turned = asked(run), read_analysis_inputs(run.paths, RECIPE.analysis).spaces["salient"]
    np.testing.assert_array_equal(turned, shown[:, ::-1])
    for space, values in before.observed.items():
        assert values.tobytes() == after.observed[space].tobytes()


def test_what_can_be_fitted_again_is(run, with_folds):
    folds, _ = with_folds
    refit = asked(run).refit
    for number, fold in enumerate(refit.folds):
        np.testing.assert_array_equal(fold.held_out, folds == number)
        np.testing.assert_array_equal(fold.fitted, np.flatnonzero(folds != number))
    run.paths.fold_scores.unlink()
    assert asked(run).refit is None


def test_site_age_and_sex_are_covariates(run):
    latents = read_tsv(run.paths.latents).drop(columns="fold", errors="ignore")
    write_tsv(latents.assign(fold=np.arange(len(latents)) // 2 % 4), run.paths.latents)
    assert asked(run).groups.covariates.shape[1] == 2 + 1 + 1
