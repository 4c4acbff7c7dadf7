"""The linear models as scikit-learn estimators."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from adhd_cvae.estimators import (
    ContrastiveModel,
    ContrastivePCA,
    LinearContrast,
    ProbabilisticContrastivePCA,
    ReferenceBackground,
)

ALL = (LinearContrast, ContrastivePCA, ProbabilisticContrastivePCA)


@parametrize_with_checks([model(salient=2, background=3) for model in ALL])
def test_scikit_learn_finds_nothing(estimator, check):
    check(estimator)


def test_what_is_borrowed_sharpens_the_salient_codes_of_others(cohort):
    values, is_target, severity, healthy = cohort
    fitted, asked = np.arange(320) < 60, (np.arange(320) >= 60) & is_target
    r = []
    for borrowed in ([], [ReferenceBackground().fit(healthy)]):
        model = LinearContrast(4, 8, background_from=borrowed).fit(values[fitted], is_target[fitted])
        r.append(abs(np.corrcoef(model.transform(values[asked])[:, 0], severity[asked])[0, 1]))
    assert model.forms_[0].name == "borrowed"
    assert r[1] > r[0] + 0.1


@pytest.mark.parametrize("model", [ContrastivePCA, ProbabilisticContrastivePCA])
def test_contrastive_pca_finds_what_patients_vary_in_and_controls_do_not(model, rng):
    values, is_target = rng.standard_normal((300, 20)) * np.r_[5, np.ones(19)], np.arange(300) % 2 == 1
    severity = 4 * rng.standard_normal(300) * is_target
    values[:, 7] += severity  # less than what both vary in
    codes = model(1, 2).fit(values[:200], is_target[:200]).transform(values)
    new = is_target & (np.arange(300) >= 200)
    assert abs(np.corrcoef(codes[new, 0], severity[new])[0, 1]) > 0.9


def test_units_have_names_and_decoders_their_shapes(cohort):
    values, is_target, _, _ = cohort
    model = clone(LinearContrast(2, 3)).fit(values, is_target, sites=np.arange(320) % 3)
    assert list(model.get_feature_names_out()) == ["s_00", "s_01", "z_00", "z_01", "z_02"]
    assert model.encoder_.shape == model.decoder_.shape == (5, 90)
    assert "s_00" in model.set_output(transform="pandas").transform(values)


def test_of_maps_the_voxels_inside_of_the_brain_count(maps, grid):
    values, is_target, _ = maps
    model = LinearContrast(2, 3, image=grid).fit(values, is_target)
    noise = np.zeros(values.shape)
    noise[:, 0] = np.random.default_rng(1).standard_normal((60, 8, 8))
    assert np.array_equal(model.transform(values), model.transform(values + noise.astype(np.float32)))
    assert not model.encoder_.reshape(5, 8, 8, 8)[:, 0].any()
    with pytest.raises(ValueError, match="Are these gray-matter maps"):
        model.fit(-values, is_target)


def test_on_maps_it_is_the_networks_start(maps, grid, recipe):
    values, is_target, sites = maps
    network = ContrastiveModel.from_recipe(recipe).fit(values, is_target, sites=sites)
    model = LinearContrast(2, 3, image=grid).fit(values.astype(np.float16), is_target, sites=sites)
    np.testing.assert_allclose(
        model.transform(values.astype(np.float16)), network.transform(values), atol=1e-3
    )


def test_what_a_reference_lacks_is_left_out(cohort):
    values, is_target, _, healthy = cohort
    reference = ReferenceBackground().fit(healthy)
    kept = np.arange(90) < 80
    known = reference.reference_
    parts = {name: getattr(known, name)[..., kept] for name in ("mean", "spread", "columns", "axes")}
    reference.reference_ = type(known)(**{**vars(known), **parts})
    model = LinearContrast(2, 3, background_from=[reference]).fit(values[:60], is_target[:60])
    assert not model.encoder_[:, ~kept].any()
    assert model.encoder_[:, kept].any(axis=0).all()


def test_sites_are_routed_through_a_pipeline_and_folds(cohort):
    values, is_target, _, _ = cohort
    sites, families = np.arange(320) % 3, np.arange(320) // 4
    with config_context(enable_metadata_routing=True):
        model = LinearContrast(2, 3).set_fit_request(sites=True)
        line = make_pipeline(StandardScaler(), model)
        codes = cross_val_predict(
            line,
            values,
            is_target,
            cv=GroupKFold(2),
            params={"sites": sites, "groups": families},
        )
        folds = GroupKFold(2).split(values, is_target, families)
        for fitted, held_out in folds:
            alone = clone(line).fit(values[fitted], is_target[fitted], sites=sites[fitted])
            assert np.array_equal(codes[held_out], alone.transform(values[held_out]))
        blind = clone(line).fit(values[fitted], is_target[fitted])
    assert not np.allclose(blind.transform(values), alone.transform(values))


def test_other_features_and_sites_are_refused(cohort):
    values, is_target, _, healthy = cohort
    reference = ReferenceBackground().fit(healthy[:, :80])
    with pytest.raises(ValueError, match=r"80 features and X has 90"):
        LinearContrast(background_from=[reference]).fit(values, is_target)
    with pytest.raises(ValueError, match=r"a site for each of 320"):
        LinearContrast().fit(values, is_target, sites=["a"])
