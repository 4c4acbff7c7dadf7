"""Patients against controls: planted differences found, the level kept where site, age and group go together."""

import numpy as np
import pytest
from nilearn.mass_univariate import permuted_ols
from scipy.stats import binom, pearsonr

from adhd_cvae.analysis.maps.group_maps import (
    PEAK_COLUMNS,
    group_test,
    peaks_table,
    severity_test,
)
from adhd_cvae.analysis.maps.mass_univariate import VoxelTest, covariate_columns
from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.errors import InputError

MASK = np.zeros((10, 10, 10), np.uint8)
MASK[2:8, 2:8, 2:8] = 1
VOXELS = int(MASK.sum())
AFFINE = np.array([[-3.0, 0, 0, 90], [0, 3, 0, -126], [0, 0, 3, -72], [0, 0, 0, 1]])
SHARES = (0.85, 0.5, 0.25, 0.1)
"""Of patients at each site."""


def confounded(seed, n=48, voxels=60, difference=0.0):
    """Sites with shares of patients, means and spreads of their own; patients are older, and age moves every voxel."""
    rng = np.random.default_rng([7, seed])
    site = rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
    is_patient = rng.random(n) < np.array(SHARES)[site]
    age = rng.normal(size=n) + 1.5 * is_patient + 0.5 * site
    maps = rng.normal(size=(n, voxels)) * np.array([1, 0.5, 2, 3])[site, None]
    maps += 2 * rng.normal(size=(4, voxels))[site] + age[:, None] * rng.normal(size=voxels)
    maps[:, :5] -= difference * is_patient[:, None]
    return maps, is_patient, site, np.column_stack([covariate_columns(site, nominal=True), age])


def test_planted_difference_is_found_and_nothing_else():
    maps, is_patient, site, covariates = confounded(0, n=200, difference=2.0)
    test = group_test([maps], is_patient, covariates, Inference(permutations=99, strata=site))
    assert (test.p[:5] < 0.05).all()
    assert (test.p[5:] >= 0.05).all()
    assert (test.t[:5] < 0).all()
    np.testing.assert_allclose(test.slope[:5], -2, atol=1)
    assert test.n == 200


def test_level_is_kept_where_site_age_and_group_go_together():
    """Without site and age held constant nearly every such study finds something; 8 % do where the groups themselves
    are permuted (Draper and Stoneman).
    """
    found, freely = 0, 0
    for seed in range(1000):
        maps, is_patient, site, covariates = confounded(seed)
        inference = Inference(permutations=59, strata=site, seed=seed)
        found += group_test([maps], is_patient, covariates, inference).p.min() <= 0.05
        if seed < 20:
            nothing = np.empty((48, 0))
            freely += group_test([maps], is_patient, nothing, Inference(permutations=59)).p.min() <= 0.05
    assert found <= binom.ppf(0.999, 1000, 0.05)
    assert freely > 15


def test_with_one_stratum_p_is_nilearns_but_for_chance():
    maps, is_patient, _, covariates = confounded(3, n=60, voxels=VOXELS, difference=2.5)
    ours = group_test([maps], is_patient, covariates, Inference(permutations=2000))
    theirs = permuted_ols(
        is_patient[:, None].astype(float),
        maps,
        covariates,
        model_intercept=False,
        n_perm=2000,
        random_state=1,
        output_type="dict",
    )
    np.testing.assert_allclose(ours.t, theirs["t"][0], atol=1e-8)
    p = 10.0 ** -theirs["logp_max_t"][0]
    assert np.ptp(p) > 0.9
    np.testing.assert_allclose(ours.p, p, atol=0.06)


def test_sites_of_one_group_and_of_one_participant_tell_nothing():
    maps, is_patient, site, covariates = confounded(1, n=60)
    inference = Inference(permutations=59, strata=site)
    before = group_test([maps], is_patient, covariates[:, :4], inference)
    rng = np.random.default_rng(0)
    more_sites = np.concatenate([site, [7], [8] * 5, [9] * 4])
    more = np.concatenate([maps, rng.normal(size=(10, 60))])
    groups = np.concatenate([is_patient, [True], [False] * 5, [True] * 4])
    columns = covariate_columns(more_sites, nominal=True)
    after = group_test([more], groups, columns, Inference(permutations=59, strata=more_sites))
    np.testing.assert_allclose(after.slope, before.slope, atol=1e-10)
    assert np.isfinite(after.p).all()


def test_what_can_not_be_tested_has_a_note_instead_of_p():
    maps, is_patient, site, covariates = confounded(2)
    few = is_patient & (np.cumsum(is_patient) < 5)
    assert "fewer than 5 patients or controls" in group_test([maps], few, covariates, Inference()).note
    apart = group_test([maps], site == 1, covariates, Inference(strata=site))
    assert "do not differ within strata" in apart.note
    assert apart.volumes(MASK) == {}
    with pytest.raises(InputError, match="a finite row for each"):
        group_test([maps], is_patient, covariates * np.nan, Inference())
    with pytest.raises(InputError, match="for 48 participants"):
        group_test([maps], is_patient, covariates[1:], Inference())


def effects(n=30, seed=0):
    return np.random.default_rng(seed).normal(size=(n, VOXELS)).astype(np.float32)


def test_severity_correlates_where_it_was_planted():
    effect = effects()
    severity = np.random.default_rng(5).normal(size=30)
    effect[:, :10] += 3 * severity[:, None]
    severity[3] = np.nan
    effect[4, 0] = np.nan
    test = severity_test(effect, severity, Inference(permutations=200))
    known = np.isfinite(severity) & np.isfinite(effect[:, 0])
    expected = [pearsonr(effect[known, voxel], severity[known]).statistic for voxel in range(0, VOXELS, 7)]
    np.testing.assert_allclose(test.r[::7], expected, atol=1e-5)
    np.testing.assert_allclose(test.slope[:10], 3 * severity[known].std(ddof=1), atol=1)
    assert test.n == 28
    assert (test.p[:10] < 0.05).all()
    assert (test.p[10:] < 0.05).mean() < 0.02


def test_five_percent_of_noise_maps_have_any_voxel_that_goes_with_severity():
    found = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        effect = rng.normal(size=(14, 32)) @ (np.eye(32) + 0.2)
        test = severity_test(effect, rng.normal(size=14), Inference(permutations=59, seed=seed))
        found += test.p.min() <= 0.05
    low, high = binom.interval(0.999, 200, 0.05)
    assert low <= found <= high


def test_severity_that_cannot_be_correlated():
    for severity in (np.ones(30), np.full(30, np.nan)):
        assert severity_test(effects(), severity, Inference()).note
    assert "fewer than 5" in severity_test(effects(4), np.arange(4.0), Inference()).note
    with pytest.raises(InputError, match="29 severities for 30"):
        severity_test(effects(), np.ones(29), Inference())


def test_severity_and_effect_that_only_follow_the_site_are_unrelated_within_sites():
    rng = np.random.default_rng(3)
    site = np.repeat([0, 1, 2], 14)
    effect = rng.normal(size=(42, VOXELS)) + 2.0 * site[:, None]
    severity = rng.normal(size=42) + site
    freely = severity_test(effect, severity, Inference(permutations=99))
    within = severity_test(effect, severity, Inference(strata=site, permutations=99))
    assert (freely.p < 0.05).mean() > 0.5
    assert within.p.min() > 0.05
    assert (
        severity_test(effect, site.astype(float), Inference(strata=site)).note
        == "does not vary within strata"
    )


def peaks(t, cluster_voxels=4):
    p = np.where(t != 0, 0.01, 1)
    mask = np.ones(t.shape)
    test = VoxelTest(30, None, t.ravel() / 9, 0.1 * t.ravel(), t.ravel(), p.ravel())
    return peaks_table(test, mask, AFFINE, cluster_voxels=cluster_voxels)


def test_peaks_are_in_millimetres_of_the_affine():
    t = np.zeros((10, 10, 10))
    t[3:6, 3:6, 3:6] = 4.0
    t[4, 4, 4] = 6.0
    t[7:9, 7:9, 7:9] = -5.0
    table = peaks(t)
    assert list(table.columns) == PEAK_COLUMNS
    first = table.iloc[0]
    assert tuple(first[["x_mm", "y_mm", "z_mm"]]) == (78.0, -114.0, -60.0)
    assert first["t"] == 6.0
    assert first["peak"] == pytest.approx(0.6)
    assert first["volume_mm3"] == 27 * 27
    assert (table["t"] == -5.0).any()
    assert peaks(t, cluster_voxels=20)["t"].min() > 0


@pytest.mark.parametrize("value", [6.0, 0.0])
def test_peaks_of_one_sign_or_none(value):
    t = np.zeros((10, 10, 10))
    t[3:6, 3:6, 3:6] = value
    table = peaks(t)
    assert list(table.columns) == PEAK_COLUMNS
    assert len(table) == (value > 0)
    assert peaks(t, cluster_voxels=100).empty
