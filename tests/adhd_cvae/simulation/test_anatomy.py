"""What simulated brains share: smooth fields, an atlas a population, regions where severities act."""

import numpy as np
import pytest

from adhd_cvae.simulation.anatomy import Atlas, shared_atlas, smooth_field
from adhd_cvae.simulation.participants import FACTORS, SITES

COARSE = 8


def test_a_field_has_unit_spread_and_is_smooth_over_its_spacing():
    rough, smooth = (smooth_field(np.random.default_rng(0), (24, 24, 24), spacing) for spacing in (2, 8))
    assert rough.std() == pytest.approx(1, abs=1e-5)
    assert np.abs(np.diff(smooth, axis=0)).mean() < 0.5 * np.abs(np.diff(rough, axis=0)).mean()


def test_a_severity_acts_most_at_its_places():
    atlas = shared_atlas(COARSE)
    for name, places in FACTORS.items():
        voxels = np.linalg.inv(atlas.affine) @ np.append(places, np.ones((len(places), 1)), axis=1).T
        at = tuple(np.rint(voxels[:3]).astype(int))
        assert atlas.factors[name][at].min() > 0.6
        assert np.median(atlas.factors[name]) < 0.1


@pytest.mark.parametrize("population", [0, 1])
def test_each_site_has_a_pattern_of_its_own_and_all_are_as_strong(population):
    atlas = shared_atlas(COARSE, population)
    patterns = np.stack([atlas.site_pattern(site).ravel() for site in SITES])
    np.testing.assert_allclose(patterns.std(axis=1), 1, atol=1e-4)
    assert np.array_equal(patterns[:4], atlas.covariates["site"].reshape(4, -1))
    alike = np.corrcoef([*patterns, *(atlas.covariates[name].ravel() for name in ("age", "sex", "iq"))])
    assert np.abs(alike - np.eye(len(alike))).max() < 0.75


def test_all_cohorts_of_a_population_share_its_patterns_and_no_others():
    assert np.array_equal(Atlas(COARSE).covariates["age"], shared_atlas(COARSE).covariates["age"])
    other = Atlas(COARSE, 1)
    assert not np.array_equal(other.covariates["age"], shared_atlas(COARSE).covariates["age"])
    assert other.centres != shared_atlas(COARSE).centres
    assert len(other.modes) > len(shared_atlas(COARSE).modes)
