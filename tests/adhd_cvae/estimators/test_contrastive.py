"""The contrastive model as a scikit-learn estimator; that it is the command line's: tests/whole/test_estimators.py."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline
from sklearn.utils import estimator_checks as checks

from adhd_cvae.errors import InputError
from adhd_cvae.estimators import ContrastiveModel, ReferenceBackground
from adhd_cvae.images.nifti import save_nifti
from adhd_cvae.images.resampling import grid_affine

WITHOUT_DATA = [
    checks.check_estimator_cloneable,
    checks.check_estimator_repr,
    checks.check_do_not_raise_errors_in_init_or_set_params,
    checks.check_no_attributes_set_in_init,
    checks.check_parameters_default_constructible,
    checks.check_get_params_invariance,
    checks.check_set_params,
    checks.check_mixin_order,
    checks.check_valid_tag_types,
]
"""scikit-learn's checks that need no data; it exempts whoever takes no (n, features), and this takes maps."""


@pytest.fixture
def covariates(rng):
    return pd.DataFrame({"age": rng.uniform(8, 18, 60), "sex": np.arange(60) // 4 % 2})


@pytest.fixture
def model(recipe):
    return ContrastiveModel.from_recipe(recipe)


@pytest.fixture
def adjusting(model):
    return model.set_params(harmonise="combat", residualise=True)


@pytest.mark.parametrize("check", WITHOUT_DATA, ids=lambda check: check.__name__)
def test_scikit_learn_finds_nothing_without_data(check):
    check("ContrastiveModel", ContrastiveModel())


def test_parameters_count_before_the_recipes(model, recipe, maps):
    assert model.get_params()["salient"] == recipe.model.salient == 2
    assert clone(model).get_params() == model.get_params()
    values, is_target, _ = maps
    found = model.set_params(salient=1, background=4).fit(values, is_target)
    assert found is model
    assert list(model.get_feature_names_out()) == ["s_00", "z_00", "z_01", "z_02", "z_03"]
    assert model.transform(values).shape == (60, 5)
    assert model.n_features_in_ == 512
    assert recipe.model.salient == 2
    with pytest.raises(ValueError, match="harmonise"):
        clone(model).set_params(harmonise="comabt").fit(values, is_target)


def test_codes_have_names_as_a_table(model, maps):
    values, is_target, _ = maps
    codes = model.set_output(transform="pandas").fit_transform(values, is_target)
    assert list(codes) == ["s_00", "s_01", "z_00", "z_01", "z_02"]


def test_a_saved_model_is_the_same(adjusting, maps, covariates, tmp_path):
    values, is_target, sites = maps
    codes = adjusting.fit_transform(
        values, np.where(is_target, "patient", "control"), sites=sites, covariates=covariates
    )
    adjusting.save(tmp_path)
    loaded = ContrastiveModel.load(tmp_path)
    found = loaded.transform(values, sites=sites, covariates=covariates)
    np.testing.assert_allclose(found, codes, atol=1e-5)
    assert loaded.get_params() == ContrastiveModel.from_recipe(adjusting.recipe_).get_params()
    assert list(loaded.classes_) == ["control", "patient"]
    assert loaded.n_features_in_ == 512
    again = clone(loaded).fit(values, is_target, sites=sites, covariates=covariates)
    np.testing.assert_allclose(again.transform(values, sites, covariates), codes, atol=1e-5)


def test_another_model_in_its_place_and_a_damaged_one(adjusting, maps, covariates, tmp_path):
    values, is_target, sites = maps
    adjusting.fit(values, is_target, sites=sites, covariates=covariates).save(tmp_path)
    adjusting.set_params(harmonise="none", residualise=False).fit(values, is_target).save(tmp_path)
    assert ContrastiveModel.load(tmp_path).adjustment_ is None
    (tmp_path / "estimator.json").write_text("{")
    with pytest.raises(InputError, match=r"estimator\.json in .* is damaged"):
        ContrastiveModel.load(tmp_path)


def test_what_it_takes_from_maps_must_be_known_of_everybody(adjusting, maps, covariates):
    values, is_target, sites = maps
    with pytest.raises(InputError, match=r"missing: site\. Give sites="):
        adjusting.fit(values, is_target, covariates=covariates)
    with pytest.raises(InputError, match="missing: age, sex or tiv"):
        adjusting.fit(values, is_target, sites=sites)
    adjusting.fit(values, is_target, sites=sites, covariates=covariates)
    with pytest.raises(InputError, match="missing: site, age, sex"):
        adjusting.transform(values)
    with pytest.raises(InputError, match="missing: sex"):
        adjusting.transform(values, sites=sites, covariates=covariates[["age"]])
    with pytest.raises(InputError, match="5 rows, expected one for each of 60"):
        adjusting.transform(values, sites=sites, covariates=covariates.head())
    with pytest.raises(InputError, match="knows the sites 0, 1 and not 7"):
        adjusting.transform(values[:1], sites=[7], covariates=covariates[:1])
    adjusting.new_site = "average"
    assert np.isfinite(adjusting.transform(values[:1], sites=[7], covariates=covariates[:1])).all()


def test_sites_and_covariates_are_routed(adjusting, maps, covariates):
    values, is_target, sites = maps
    asked = {"sites": True, "covariates": True}
    known = {"sites": sites, "covariates": covariates}
    expected = clone(adjusting).fit_transform(values, is_target, **known)
    with config_context(enable_metadata_routing=True):
        model = adjusting.set_fit_request(**asked).set_transform_request(**asked)
        line = Pipeline([("same", "passthrough"), ("codes", model)]).fit(values, is_target, **known)
        np.testing.assert_allclose(line.transform(values, **known), expected, atol=1e-5)


def test_folds_of_a_table_of_paths_bring_their_sites_and_covariates(
    adjusting, maps, covariates, grid, tmp_path
):
    values, is_target, sites = maps
    paths = [tmp_path / f"map-{number:02d}.nii.gz" for number in range(60)]
    for one, path in zip(values, paths, strict=True):
        save_nifti(one, grid_affine(grid), path)
    table = covariates.assign(image=paths, site=sites)
    families = np.arange(60) // 4
    codes = cross_val_predict(adjusting, table, is_target, groups=families, cv=GroupKFold(2))
    for fitted, held_out in GroupKFold(2).split(table, is_target, families):
        alone = clone(adjusting).fit(
            table["image"].iloc[fitted], is_target[fitted], sites[fitted], covariates.iloc[fitted]
        )
        np.testing.assert_allclose(codes[held_out], alone.transform(table.iloc[held_out]), atol=1e-5)


def test_healthy_anatomy_may_be_borrowed(model, maps, rng, tmp_path):
    values, is_target, _ = maps
    healthy = 0.5 + 0.05 * rng.standard_normal((40, 8, 8, 8))
    reference = ReferenceBackground(least_participants=20).fit(healthy)
    reference.save(tmp_path)
    alone = clone(model).fit(values, is_target)
    there, here = (
        clone(model).set_params(background_from=[one]).fit(values, is_target) for one in (tmp_path, reference)
    )
    assert np.array_equal(there.transform(values), here.transform(values))
    assert there.network_.voxels == alone.network_.voxels
    with pytest.raises(ValueError, match="expected one of them"):
        there.set_params(residualise=True).fit(values, is_target)
    with pytest.raises(InputError, match="a reference has 256 features and X has 512"):
        model.set_params(
            background_from=[ReferenceBackground(least_participants=20).fit(healthy[:, :4])]
        ).fit(values, is_target)


def test_what_goes_wrong_in_training_is_a_warning(recipe, maps):
    training = recipe.training.model_copy(update={"epochs": 1, "linear_epochs": 1, "patience": 1})
    values, is_target, _ = maps
    model = ContrastiveModel.from_recipe(recipe.model_copy(update={"training": training}))
    with pytest.warns(ConvergenceWarning, match="so the linear start is kept"):
        model.fit(values, is_target)
    assert set(model.training_.history["model"]) == {"cvae"}
