import numpy as np
import pytest
from sklearn.decomposition import PCA

from adhd_cvae.baselines import fit_contrastive_pca, fit_pca


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
def test_contrastive_pca_finds_the_severity_of_new_patients_and_background_does_not(seed):
    data, is_target, severity = planted(participants=240, seed=seed)
    train = np.arange(240) < 160
    spaces = fit_contrastive_pca(data[train], is_target[train], 2, 12, seed=0)
    new = ~train & is_target
    assert correlation(spaces.salient.embed(data[new]), severity[new]) > 0.85
    background = spaces.background.embed(data)
    design = np.linalg.lstsq(background[train & is_target], severity[train & is_target], rcond=None)[0]
    assert abs(np.corrcoef(background[new] @ design, severity[new])[0, 1]) < 0.45
    plain = fit_pca(data[train], 2).embed(data[new])
    assert correlation(plain, severity[new]) < 0.5


def test_controls_hardly_vary_in_the_salient_space():
    data, is_target, _ = planted()
    codes = fit_contrastive_pca(data, is_target, 1, 12, seed=0).salient.embed(data)
    assert np.allclose(np.sqrt(np.mean(codes[is_target] ** 2)), 1, atol=1e-3)
    assert np.sqrt(np.mean(codes[~is_target] ** 2)) < 0.4


def test_a_cohort_smaller_than_the_units_gets_zeros():
    data, is_target, _ = planted(participants=8)
    spaces = fit_contrastive_pca(data, is_target, 4, 16, seed=0)
    assert spaces.salient.encoder.shape == (4, 600)
    assert spaces.background.encoder.shape == (16, 600)
    assert not spaces.background.encoder[8:].any()
    assert np.isfinite(spaces.background.embed(data)).all()
