"""The linear models as scikit-learn estimators."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from adhd_cvae.estimators import LinearContrast, ReferenceBackground


@parametrize_with_checks([LinearContrast(salient=2, background=3), ReferenceBackground(least_participants=2)])
def test_scikit_learn_finds_nothing(estimator, check):
    check(estimator)


@pytest.fixture
def cohort(rng):
    """Features of forty controls and forty patients, of healthy others, and the planted severities."""
    loadings = rng.standard_normal((30, 90)) * np.linspace(3, 0.3, 30)[:, None]
    effect = rng.standard_normal(90)
    effect -= effect @ np.linalg.pinv(loadings[:10]) @ loadings[:10]

    def simulate(count):
        return rng.standard_normal((count, 30)) @ loadings + 0.3 * rng.standard_normal((count, 90))

    is_target = np.arange(320) % 2 == 1
    severity = rng.gamma(2, 0.5, 320) * is_target
    return simulate(320) - 0.4 * np.outer(severity, effect), is_target, severity, simulate(500)


def test_what_is_borrowed_sharpens_the_salient_codes_of_others(cohort):
    values, is_target, severity, healthy = cohort
    fitted, asked = np.arange(320) < 60, (np.arange(320) >= 60) & is_target
    r = []
    for borrowed in ([], [ReferenceBackground().fit(healthy)]):
        model = LinearContrast(4, 8, background_from=borrowed).fit(values[fitted], is_target[fitted])
        r.append(abs(np.corrcoef(model.transform(values[asked])[:, 0], severity[asked])[0, 1]))
    assert model.forms_[0].name == "borrowed"
    assert r[1] > r[0] + 0.1


def test_units_have_names_and_decoders_their_shapes(cohort):
    values, is_target, _, _ = cohort
    model = clone(LinearContrast(2, 3)).fit(values, is_target, sites=np.arange(320) % 3)
    assert list(model.get_feature_names_out()) == ["s_00", "s_01", "z_00", "z_01", "z_02"]
    assert model.encoder_.shape == model.decoder_.shape == (5, 90)
    assert "s_00" in model.set_output(transform="pandas").transform(values)


def test_maps_are_taken_as_they_are(cohort):
    values, is_target, _, _ = cohort
    maps = values.reshape(320, 3, 5, 6)
    flat, found = (LinearContrast(2, 3).fit(each, is_target).transform(each) for each in (values, maps))
    assert np.array_equal(flat, found)


def test_a_saved_reference_is_borrowed_from_its_folder(cohort, tmp_path):
    values, is_target, _, healthy = cohort
    reference = ReferenceBackground().fit(healthy, sites=np.arange(500) % 4)
    reference.save(tmp_path)
    there, here = (
        LinearContrast(2, 3, background_from=[one]).fit(values, is_target).transform(values)
        for one in (tmp_path, reference)
    )
    assert np.array_equal(there, here)
    both = reference.merge([ReferenceBackground.load(tmp_path)])
    assert both.reference_.count == 1000


def test_too_few_healthy_and_other_features_are_refused(cohort):
    values, is_target, _, healthy = cohort
    with pytest.raises(ValueError, match=r"n_samples = 50 healthy"):
        ReferenceBackground().fit(healthy[:50])
    reference = ReferenceBackground().fit(healthy[:, :80])
    with pytest.raises(ValueError, match=r"80 features and X has 90"):
        LinearContrast(background_from=[reference]).fit(values, is_target)
    with pytest.raises(ValueError, match=r"a site for each of 320"):
        LinearContrast().fit(values, is_target, sites=["a"])
