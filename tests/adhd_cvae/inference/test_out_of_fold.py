"""Codes of those held out: nothing of theirs enters the models that make them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.analysis.refits import Fold, Refit, applied
from adhd_cvae.config import CohortConfig, ImageConfig, ModelConfig, Recipe, TrainingConfig
from adhd_cvae.inference.decoding import decode
from adhd_cvae.inference.embedding import embed
from adhd_cvae.inference.out_of_fold import Cohort, fold_models, out_of_fold, refitted
from adhd_cvae.models.initialisation import initial_models
from adhd_cvae.models.reference_background import Borrowed, fit_reference
from adhd_cvae.models.weights import save_model
from adhd_cvae.names import SALIENT, VAE
from tests.adhd_cvae.inference.maps import GRID, SHAPE, anatomy

MODEL = ModelConfig(salient=2, background=3, patch=4, patch_features=2, hidden=4)
RECIPE = Recipe(model=MODEL, image=GRID, training=TrainingConfig(fold_models="linear"))
FOLDS = np.arange(40) // 2 % 4


@pytest.fixture(scope="module")
def cohort():
    groups = np.where(np.arange(40) % 2 == 0, "target", "background")
    return Cohort(anatomy(40, 0), pd.DataFrame({"group": groups, "site": np.repeat(["a", "b"], 20)}), "site")


def fitted_to_everybody(cohort):
    """A model, and codes of the cohort by space."""
    plain = MODEL.model_copy(update={"salient": 0, "background": 5})
    models = initial_models([MODEL, plain], GRID, cohort.images, cohort.is_target, 0, cohort.sites).models
    codes, beside = (embed(model.eval(), cohort.images) for model in models)
    in_sample = {
        SALIENT: codes.salient_mean,
        "background": codes.background_mean,
        VAE: beside.background_mean,
    }
    return models[0], in_sample


@pytest.fixture(scope="module")
def registered(cohort):
    return fitted_to_everybody(cohort)


def of_fold(cohort, registered, number=0, trained=None):
    models = fold_models(cohort, number == FOLDS, RECIPE, trained)
    return models, out_of_fold(models, cohort, *registered, RECIPE)


def test_what_is_held_out_has_codes_of_its_own_frame(cohort, registered):
    models, found = of_fold(cohort, registered)
    held = FOLDS == 0
    means, sds = found.posteriors[SALIENT]
    expected = embed(models.contrastive, cohort.images[held]).salient_mean
    np.testing.assert_allclose(means, expected, atol=1e-5)
    assert (sds > 0).all()
    assert set(found.discriminants) == {SALIENT, "background", VAE, "both"}
    for turn in found.turns.values():
        np.testing.assert_allclose(turn @ turn.T, np.eye(len(turn)), atol=1e-6)
    assert {space: len(found.posteriors[space][0]) for space in found.posteriors} == dict.fromkeys(
        (SALIENT, "background", VAE), held.sum()
    )


def test_group_and_site_of_those_held_out_do_not_matter(cohort, registered):
    held = FOLDS == 0
    groups = np.where(cohort.is_target ^ held, "target", "background")
    other = replace(cohort, table=pd.DataFrame({"group": groups, "site": np.where(held, "c", cohort.sites)}))
    (_, before), (_, after) = (of_fold(one, registered) for one in (cohort, other))
    for space, (means, sds) in before.posteriors.items():
        assert means.tobytes() == after.posteriors[space][0].tobytes()
        assert sds.tobytes() == after.posteriors[space][1].tobytes()
    for name in ("discriminants", "turns"):
        for space, values in getattr(before, name).items():
            assert values.tobytes() == getattr(after, name)[space].tobytes()


def test_nothing_of_those_held_out_enters_where_sites_are_harmonised(cohort, registered):
    recipe = RECIPE.model_copy(update={"cohort": CohortConfig(harmonise="combat", residualise=True)})
    table = cohort.table.assign(age=np.linspace(8, 16, 40))
    held = FOLDS == 0
    changed = table.assign(
        group=np.where(cohort.is_target ^ held, "target", "background"), age=table["age"].where(~held, 12)
    )
    before, after = (fold_models(replace(cohort, table=one), held, recipe, None) for one in (table, changed))
    for name, tensor in before.contrastive.state_dict().items():
        assert tensor.equal(after.contrastive.state_dict()[name])
    plain = fold_models(cohort, held, RECIPE, None)
    assert not before.contrastive.origin.equal(plain.contrastive.origin)


def test_a_map_changes_its_own_code_alone(cohort, registered):
    images = np.array(cohort.images)
    row = int(np.flatnonzero(FOLDS == 0)[3])
    images[row] = images[row] * np.float16(1.5)
    (_, before), (_, after) = (of_fold(one, registered) for one in (cohort, replace(cohort, images=images)))
    changed = (before.posteriors[SALIENT][0] != after.posteriors[SALIENT][0]).any(axis=1)
    assert np.flatnonzero(changed).tolist() == [3]


def test_standardising_over_everybody_would_be_noticed(cohort, registered):
    """The planted fault of the null campaign: with mean and spread of everybody a map moves the others' codes."""
    images = np.array(cohort.images)
    row = int(np.flatnonzero(FOLDS == 0)[0])
    images[row] = images[row] * np.float16(1.5)
    before, after = (
        initial_models([MODEL], GRID, one, cohort.is_target, 0, cohort.sites).models[0].eval()
        for one in (cohort.images, images)
    )
    others = cohort.images[(FOLDS == 0) & (np.arange(40) != row)]
    assert (embed(before, others).salient_mean != embed(after, others).salient_mean).any()


def test_aligning_before_the_groups_are_compared_would_be_noticed(cohort, registered):
    """The other planted fault: the frame of the registered model knows the groups of those held out."""
    groups = np.where(cohort.is_target ^ (FOLDS == 0), "target", "background")
    other = replace(cohort, table=cohort.table.assign(group=groups))
    (_, before), (_, after) = (of_fold(cohort, registered), of_fold(other, fitted_to_everybody(other)))
    own, aligned = (
        [one.posteriors[SALIENT][0] @ turn for one, turn in turned]
        for turned in (
            [(before, np.eye(2)), (after, np.eye(2))],
            [(before, before.turns[SALIENT]), (after, after.turns[SALIENT])],
        )
    )
    assert own[0].tobytes() == own[1].tobytes()
    assert before.discriminants[SALIENT].tobytes() == after.discriminants[SALIENT].tobytes()
    assert (aligned[0] != aligned[1]).any()


@pytest.mark.parametrize("space", [SALIENT, "background", "both"])
def test_linear_codes_tell_the_groups_as_the_refitted_model_does(cohort, registered, space):
    """Else p would be of other scores than those of the codes."""
    models, found = of_fold(cohort, registered)
    refit = Refit(
        [Fold(models.scores, models.fitted, models.held_out)], cohort.sites, RECIPE.model.of_folds(), 0
    )
    codes = {one: values for one, (values, _) in found.posteriors.items()}
    codes["both"] = np.hstack([codes[SALIENT], codes["background"]])
    expected = refit.scores(cohort.is_target)[space][models.held_out]
    by_codes = applied(found.discriminants[space], codes[space])
    np.testing.assert_allclose(by_codes, expected, rtol=1e-3, atol=1e-3)


def test_effects_are_decoded_minus_twin(cohort, registered):
    models, found = of_fold(cohort, registered)
    patients = (FOLDS == 0) & cohort.is_target
    codes = embed(models.contrastive, cohort.images[patients])
    change = decode(models.contrastive, codes.background_mean, codes.salient_mean)
    change -= decode(models.contrastive, codes.background_mean)
    assert found.effect.shape == (patients.sum(), registered[0].voxels)
    assert found.effect.sum() == pytest.approx(change.sum(), rel=1e-3)


def test_unexplained_shares_and_scores(cohort, registered):
    models, found = of_fold(cohort, registered)
    assert ((found.unexplained > 0) & (found.unexplained < 1.2)).all()
    assert ((found.pca_unexplained > 0) & (found.pca_unexplained < 1)).all()
    assert models.scores.shape == (40, len(models.fitted) - 1)
    assert set(models.fitted) == set(np.flatnonzero(FOLDS != 0))
    assert found.examples.shape[:2] == (4, 4)
    assert (FOLDS[found.example_rows] == 0).all()


def test_what_a_conditioned_decoder_leaves_is_asked_at_each_ones_own_site(cohort, registered):
    pattern = np.random.default_rng(1).normal(size=SHAPE) * 0.1
    images = (cohort.images + (cohort.sites == "b")[:, None, None, None] * pattern).astype(np.float16)
    unlike = replace(cohort, images=images)
    recipe = RECIPE.model_copy(update={"model": MODEL.model_copy(update={"condition_on_site": True})})
    models = fold_models(unlike, FOLDS == 0, recipe, None)
    known, average = (
        out_of_fold(models, one, *registered, recipe).unexplained
        for one in (unlike, replace(unlike, site=None))
    )
    assert known.mean() < 0.8 * average.mean()


def test_networks_that_were_trained_take_the_linear_ones_place(cohort, registered, tmp_path):
    linear = fold_models(cohort, FOLDS == 0, RECIPE, None)
    for name, model in (("cvae", registered[0]), ("vae", linear.plain)):
        save_model(model, ImageConfig(shape=SHAPE), tmp_path / name)
    models, found = of_fold(cohort, registered, trained=tmp_path)
    expected = embed(registered[0], cohort.images[FOLDS == 0]).salient_mean
    np.testing.assert_allclose(found.posteriors[SALIENT][0], expected, atol=1e-5)
    np.testing.assert_array_equal(models.scores, linear.scores)


@pytest.fixture(scope="module")
def borrowing(cohort):
    """The cohort with a reference of its own anatomy."""
    healthy = anatomy(300, 7).reshape(300, -1).astype(np.float32)
    return replace(cohort, reference=fit_reference(healthy, most_axes=30))


def test_what_is_borrowed_is_fitted_again_as_it_was(borrowing):
    models = fold_models(borrowing, FOLDS == 0, RECIPE, None)
    arrays = refitted(models, borrowing)
    names = ("mean", "axes", "variances", "counts")
    *known, counts = (arrays[f"reference_{name}"] for name in names)
    fold = Fold(arrays["fold"], arrays["fitted"], FOLDS == 0, None, Borrowed(*known, *counts))
    codes = Refit([fold], borrowing.sites, MODEL.of_folds(), 0).codes(fold, borrowing.is_target[fold.fitted])
    assert "borrowed" in [form.name for form in models.start.forms]
    expected = embed(models.contrastive, borrowing.images).salient_mean
    np.testing.assert_allclose(codes[SALIENT], expected, atol=2e-3)


def test_groups_of_those_held_out_do_not_matter_where_something_is_borrowed(borrowing):
    groups = np.where(borrowing.is_target ^ (FOLDS == 0), "target", "background")
    other = replace(borrowing, table=borrowing.table.assign(group=groups))
    before, after = (fold_models(one, FOLDS == 0, RECIPE, None) for one in (borrowing, other))
    for name, tensor in before.contrastive.state_dict().items():
        assert tensor.equal(after.contrastive.state_dict()[name])
    assert [one.separation for one in before.start.forms] == [one.separation for one in after.start.forms]
