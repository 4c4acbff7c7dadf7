import numpy as np
import pytest
from sklearn.decomposition import PCA

from adhd_cvae.models.directions import METHODS
from adhd_cvae.models.linear import fit_linear, fit_pca, shrunk_mean
from adhd_cvae.models.ratio import Ratio
from adhd_cvae.models.reference_background import Borrowed


def planted(participants=160, voxels=600, seed=0):
    """Shared variation in everybody, one severity in patients along a pattern the shared axes partly cover."""
    rng = np.random.default_rng(seed)
    is_target = np.arange(participants) % 2 == 1
    shared = rng.standard_normal((participants, 12)) @ rng.standard_normal((12, voxels))
    pattern = np.zeros(voxels)
    pattern[:80] = 1.2
    severity = rng.gamma(2, 0.5, participants) * is_target
    data = shared + severity[:, None] * pattern + rng.standard_normal((participants, voxels))
    return data.astype(np.float32), is_target, severity


def correlation(codes, truth):
    """Of the truth with its best linear prediction."""
    design = np.column_stack([codes, np.ones(len(codes))])
    return np.corrcoef(design @ np.linalg.lstsq(design, truth, rcond=None)[0], truth)[0, 1]


def test_pca_agrees_with_scikit_learn():
    data, _, _ = planted()
    space = fit_pca(data, 5)
    reference = PCA(5, whiten=True, svd_solver="full").fit(data)
    ours, theirs = space.embed(data), reference.transform(data)
    assert np.allclose(np.abs(np.sum(ours * theirs, axis=0)) / len(data), 1, atol=0.01)
    rebuilt = space.origin + ours @ space.decoder
    assert np.allclose(rebuilt, reference.inverse_transform(theirs), atol=1e-3)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("method", ["contrast", "contrastive_pca"])
def test_contrastive_methods_find_the_severity_of_new_patients_and_background_does_not(method, seed):
    data, is_target, severity = planted(participants=240, seed=seed)
    train = np.arange(240) < 160
    spaces = fit_linear(method, data[train], is_target[train], 2, 12)
    new = ~train & is_target
    assert correlation(spaces.salient.embed(data[new]), severity[new]) > 0.85
    background = spaces.background.embed(data)
    design = np.linalg.lstsq(background[train & is_target], severity[train & is_target], rcond=None)[0]
    assert abs(np.corrcoef(background[new] @ design, severity[new])[0, 1]) < 0.45
    plain = fit_pca(data[train], 2).embed(data[new])
    assert correlation(plain, severity[new]) < 0.5


def test_a_weak_difference_that_all_patients_share_is_found():
    """Contrastive PCA looks for much variation, and a weak difference of means is drowned in it."""

    def accuracy(method, seed):
        rng = np.random.default_rng(seed)
        is_target = np.arange(160) % 2 == 1
        sizes = 3 / np.sqrt(np.arange(1, 61))
        shared = (rng.standard_normal((160, 60)) * sizes) @ rng.standard_normal((60, 600))
        effect = np.outer(is_target, np.where(np.arange(600) < 200, 0.5, 0.0))
        data, train = shared + rng.standard_normal((160, 600)) + effect, np.arange(160) < 120
        space = fit_linear(method, data[train], is_target[train], 1, 8).salient
        return np.corrcoef(space.embed(data[~train])[:, 0], is_target[~train])[0, 1]

    found = {name: [accuracy(name, seed) for seed in range(4)] for name in ("contrast", "contrastive_pca")}
    assert np.mean(found["contrast"]) > 0.45
    assert np.abs(np.mean(found["contrastive_pca"])) < 0.35


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_uncorrelated_salient_codes_and_rebuilds(method):
    data, is_target, _ = planted()
    spaces = fit_linear(method, data, is_target, 3, 12)
    codes = spaces.salient.embed(data)
    patients = codes[is_target]
    assert np.allclose(patients.T @ patients / len(patients), np.eye(3), atol=1e-3)
    rebuilt = (
        spaces.background.origin
        + spaces.background.embed(data) @ spaces.background.decoder
        + (codes * is_target[:, None]) @ spaces.salient.decoder
    )
    residual = np.square(data - rebuilt).sum() / np.square(data - data.mean(axis=0)).sum()
    assert residual < 0.35
    again = fit_linear(method, data, is_target, 3, 12)
    assert np.array_equal(again.salient.encoder, spaces.salient.encoder)


def test_controls_hardly_vary_in_the_salient_space():
    data, is_target, _ = planted()
    for method in ("contrast", "contrastive_pca", "pcpca"):
        codes = fit_linear(method, data, is_target, 1, 12).salient.embed(data)
        assert np.sqrt(np.mean(codes[~is_target] ** 2)) < 0.8, method


@pytest.mark.parametrize("method", ["contrast", "contrastive_pca", "pcpca", "pca", "ica"])
def test_salient_codes_do_not_tell_the_site_where_sites_are_known(method):
    data, is_target, _ = planted(participants=240)
    rng = np.random.default_rng(1)
    # Patients crowd at one site, and one site's scanner adds a strong pattern.
    sites = np.where(rng.random(240) < np.where(is_target, 0.7, 0.3), "a", "b")
    data = data + np.outer(sites == "a", 2 * rng.standard_normal(data.shape[1])).astype(np.float32)

    def distance(codes):
        groups = [[codes[(sites == site) & (is_target == group)] for site in "ab"] for group in (True, False)]
        return max(np.abs(a.mean(axis=0) - b.mean(axis=0)).max() for a, b in groups)

    blind = fit_linear(method, data, is_target, 2, 12).salient.embed(data)
    aware = fit_linear(method, data, is_target, 2, 12, sites=sites).salient.embed(data)
    assert distance(aware) < 0.5
    assert distance(aware) < distance(blind) + 0.05


@pytest.mark.parametrize("method", METHODS)
def test_a_cohort_smaller_than_the_units_gets_zeros(method):
    data, is_target, _ = planted(participants=8)
    spaces = fit_linear(method, data, is_target, 4, 16, sites=["a", "b"] * 4)
    assert spaces.salient.encoder.shape == (4, 600)
    assert spaces.background.encoder.shape == (16, 600)
    assert not spaces.background.encoder[8:].any()
    assert np.isfinite(spaces.background.embed(data)).all()
    assert np.isfinite(spaces.salient.embed(data)).all()


@pytest.mark.parametrize("method", METHODS)
def test_one_patient_is_enough_to_fit_something(method):
    data, _, _ = planted(participants=8)
    spaces = fit_linear(method, data, np.arange(8) == 0, 4, 16)
    assert np.isfinite(spaces.salient.embed(data)).all()
    assert np.isfinite(spaces.background.embed(data)).all()


def test_many_participants_in_few_dimensions_have_what_there_is():
    rng = np.random.default_rng(0)
    voxels = rng.standard_normal((200, 5)) @ rng.standard_normal((5, 60))
    model = fit_linear("contrast", voxels, np.arange(200) % 2 == 1, 8, 6)
    assert model.salient.encoder.shape == (8, 60)
    assert np.isfinite(model.salient.encoder).all()
    assert np.linalg.matrix_rank(model.salient.encoder) <= 5
    assert np.isfinite(model.background.decoder).all()


@pytest.mark.parametrize("apart", [0.0, 0.3, 1.0, 5.0])
def test_a_mean_shrunk_towards_lenders_is_never_further_off_than_that_of_few_controls(rng, apart):
    """Along each of 200 axes lenders' mean lies `apart` standard deviations from that of where controls come from."""
    errors = []
    for _ in range(40):
        controls = rng.standard_normal((25, 200))
        own = controls.mean(axis=0)
        lenders = np.full(200, apart)
        shrunk = own + shrunk_mean(controls - own, lenders - own)
        errors.append([np.square(own).sum(), np.square(shrunk).sum()])
    own, shrunk = np.mean(errors, axis=0)
    assert shrunk < own
    assert (shrunk < 0.3 * own) == (apart == 0)
    assert (shrunk > 0.9 * own) == (apart >= 1)


def test_of_few_controls_patients_are_told_better_around_a_mean_that_lenders_know(rng):
    is_target, effect = np.arange(60) % 2 == 1, np.zeros(300)
    effect[:30] = 0.6
    found = {}
    for place in (0.0, 4.0):  # of the lenders' mean: that of the controls, and far away
        reference = Borrowed(np.full(300, place), np.eye(300), np.ones(300), 1000, 300)
        accuracy = []
        for _ in range(10):
            voxels = rng.standard_normal((400, 300)) + np.outer(np.arange(400) % 2, effect)
            model = fit_linear(Ratio(1.0, reference), voxels[:60], is_target, 1, 2)
            codes = model.salient.embed(voxels[60:])[:, 0]
            accuracy.append((codes[1::2][:, None] > codes[::2]).mean())
        found[place] = np.mean(accuracy)
    assert found[0.0] > found[4.0] + 0.02 > 0.7
