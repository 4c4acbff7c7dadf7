"""Brain maps: planted effects found where they are, corrected for all voxels, in the right millimetres."""

import numpy as np
import pytest
from nilearn.mass_univariate import permuted_ols
from scipy.stats import binom, pearsonr, ttest_1samp

from adhd_cvae.analysis.group_maps import (
    PEAK_COLUMNS,
    peaks_table,
    salient_effect_maps,
    severity_maps,
    to_volume,
)
from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.errors import InputError

MASK = np.zeros((10, 10, 10), np.uint8)
MASK[2:8, 2:8, 2:8] = 1
VOXELS = int(MASK.sum())


def effects(n=30, planted=20, seed=0):
    rng = np.random.default_rng(seed)
    effect = rng.normal(size=(n, VOXELS)).astype(np.float32)
    effect[:, :planted] += 1.5
    return effect


def test_volume_puts_values_back_in_c_order():
    volume = to_volume(np.arange(VOXELS), MASK, outside=-1)
    np.testing.assert_array_equal(volume[MASK.astype(bool)], np.arange(VOXELS))
    assert (volume[MASK == 0] == -1).all()
    with pytest.raises(InputError, match=r"shape \(5,\), the mask 216 voxels"):
        to_volume(np.ones(5), MASK)


def test_planted_effect_is_found_and_nothing_else():
    effect = effects()
    maps = salient_effect_maps(effect, MASK, Inference(permutations=200))
    inside = MASK.astype(bool)
    np.testing.assert_allclose(maps["mean"][inside], effect.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(maps["t"][inside], ttest_1samp(effect, 0).statistic, rtol=1e-3)
    p = maps["p"][inside]
    assert (p[:20] < 0.05).all()
    assert (p[20:] < 0.05).mean() < 0.02
    assert p.min() == pytest.approx(1 / 201, rel=1e-4)
    np.testing.assert_allclose(maps["log10_p"][inside], -np.log10(p), atol=1e-5)
    assert (maps["p"][~inside] == 1).all()
    again = salient_effect_maps(effect, MASK, Inference(permutations=200))
    np.testing.assert_array_equal(maps["log10_p"], again["log10_p"])


def test_test_is_two_sided():
    maps = salient_effect_maps(-effects(), MASK, Inference(permutations=100))
    assert (maps["p"][MASK.astype(bool)][:20] < 0.05).all()
    assert (maps["t"][MASK.astype(bool)][:20] < 0).all()


@pytest.mark.parametrize("which", ["mean", "severity"])
def test_five_percent_of_noise_maps_have_any_significant_voxel(which):
    mask = np.ones((4, 4, 2))
    found = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        effect = rng.normal(size=(14, 32)) @ (np.eye(32) + 0.2)
        if which == "mean":
            maps = salient_effect_maps(effect, mask, Inference(permutations=59, seed=seed))
        else:
            maps = severity_maps(effect, mask, rng.normal(size=14), Inference(permutations=59, seed=seed))
        found += maps["p"].min() <= 0.05 + 1e-6
    low, high = binom.interval(0.999, 200, 0.05)
    assert low <= found <= high


def test_voxels_that_do_not_vary_and_patients_that_are_not_finite():
    effect = effects()
    effect[:, -3:] = [0.0, 0.2, -0.1]
    effect[4, 0] = np.nan
    maps = salient_effect_maps(effect, MASK, Inference(permutations=50))
    inside = MASK.astype(bool)
    assert (maps["t"][inside][-3:] == 0).all()
    assert (maps["p"][inside][-3:] == 1).all()
    np.testing.assert_allclose(maps["mean"][inside], np.delete(effect, 4, axis=0).mean(axis=0), atol=1e-6)
    assert all(np.isfinite(volume).all() for volume in maps.values())
    nothing = salient_effect_maps(np.zeros((10, VOXELS)), MASK, Inference(permutations=20))
    assert (nothing["p"] == 1).all()


def test_few_patients_have_a_mean_but_no_test():
    assert set(salient_effect_maps(effects(4), MASK, Inference(permutations=1000))) == {"mean"}
    assert set(salient_effect_maps(effects(5), MASK, Inference(permutations=20))) == {
        "mean",
        "t",
        "p",
        "log10_p",
    }
    with pytest.raises(InputError, match="No patient"):
        salient_effect_maps(np.full((2, VOXELS), np.nan), MASK, Inference(permutations=1000))
    with pytest.raises(InputError, match="do not fit a mask of 216 voxels"):
        salient_effect_maps(effects()[:, :9], MASK, Inference(permutations=1000))


def test_severity_correlates_where_it_was_planted():
    effect = effects(planted=0)
    severity = np.random.default_rng(5).normal(size=30)
    effect[:, :10] += 3 * severity[:, None]
    severity[3] = np.nan
    maps = severity_maps(effect, MASK, severity, Inference(permutations=200))
    inside = MASK.astype(bool)
    known = np.isfinite(severity)
    expected = [pearsonr(effect[known, voxel], severity[known]).statistic for voxel in range(0, VOXELS, 7)]
    np.testing.assert_allclose(maps["r"][inside][::7], expected, atol=1e-5)
    assert (maps["p"][inside][:10] < 0.05).all()
    assert (maps["p"][inside][10:] < 0.05).mean() < 0.02


@pytest.mark.parametrize("which", ["mean", "severity"])
def test_t_is_nilearns_and_p_differs_by_chance_alone(which):
    """Nilearn permutes what the sites leave of the effect freely; here severities move within sites."""
    rng = np.random.default_rng(2)
    site, severity = np.repeat([0, 1, 2], 14), rng.normal(size=42)
    effect = rng.normal(size=(42, VOXELS)) + site[:, None]
    effect[:, :30] += 0.5 * severity[:, None]
    if which == "mean":
        effect -= effect.mean(axis=0) - rng.uniform(0, 0.9, VOXELS)
        maps = salient_effect_maps(effect, MASK, Inference(permutations=4000))
        variable, held = np.ones((42, 1)), None
    else:
        maps = severity_maps(effect, MASK, severity, Inference(strata=site, permutations=4000))
        variable, held = severity[:, None], np.eye(3)[site]
    theirs = permuted_ols(
        variable, effect, held, model_intercept=False, n_perm=4000, random_state=1, output_type="dict"
    )
    inside = MASK.astype(bool)
    np.testing.assert_allclose(maps["t"][inside], theirs["t"][0], rtol=1e-4, atol=1e-5)
    ours, p = maps["p"][inside], 10.0 ** -theirs["logp_max_t"][0]
    assert np.ptp(p) > 0.9
    np.testing.assert_allclose(ours, p, atol=0.05)


def test_severity_that_cannot_be_correlated():
    assert severity_maps(effects(), MASK, np.ones(30), Inference(permutations=1000)) == {}
    assert severity_maps(effects(), MASK, np.full(30, np.nan), Inference(permutations=1000)) == {}
    assert severity_maps(effects(4), MASK, np.arange(4.0), Inference(permutations=1000)) == {}
    with pytest.raises(InputError, match="29 severities for 30"):
        severity_maps(effects(), MASK, np.ones(29), Inference(permutations=1000))


def test_severity_and_effect_that_only_follow_the_site_are_unrelated_within_sites():
    rng = np.random.default_rng(3)
    site = np.repeat([0, 1, 2], 14)
    effect = rng.normal(size=(42, VOXELS)) + 2.0 * site[:, None]
    severity = rng.normal(size=42) + site
    freely = severity_maps(effect, MASK, severity, Inference(permutations=99))
    within = severity_maps(effect, MASK, severity, Inference(strata=site, permutations=99))
    inside = MASK.astype(bool)
    assert (freely["p"][inside] < 0.05).mean() > 0.5
    assert within["p"].min() > 0.05
    centred = [severity, effect[:, 7]]
    for code in range(3):
        centred = [values - (site == code) * values[site == code].mean() for values in centred]
    assert within["r"][inside][7] == pytest.approx(pearsonr(*centred).statistic, abs=1e-5)
    assert severity_maps(effect, MASK, site.astype(float), Inference(permutations=1000, strata=site)) == {}


def test_peaks_are_in_millimetres_of_the_affine():
    volume = np.zeros((10, 10, 10))
    volume[3:6, 3:6, 3:6] = 4.0
    volume[4, 4, 4] = 6.0
    volume[7:9, 7:9, 7:9] = -5.0
    affine = np.array([[-3.0, 0, 0, 90], [0, 3, 0, -126], [0, 0, 3, -72], [0, 0, 0, 1]])
    table = peaks_table(volume, affine, 3.0, cluster_voxels=4)
    assert list(table.columns) == PEAK_COLUMNS
    first = table.iloc[0]
    assert tuple(first[["x_mm", "y_mm", "z_mm"]]) == (78.0, -114.0, -60.0)
    assert first["peak"] == 6.0
    assert first["volume_mm3"] == 27 * 27
    assert (table["peak"] == -5.0).any()


@pytest.mark.parametrize("threshold", [5.5, 7.0])
def test_peaks_of_one_sign_or_none(threshold):
    volume = np.zeros((10, 10, 10))
    volume[3:6, 3:6, 3:6] = 6.0
    table = peaks_table(volume, np.diag([3.0, 3, 3, 1]), threshold, cluster_voxels=4)
    assert list(table.columns) == PEAK_COLUMNS
    assert len(table) == (threshold < 6)
