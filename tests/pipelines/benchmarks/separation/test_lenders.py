"""Healthy people elsewhere, alike or not."""

import numpy as np
import pytest

from adhd_cvae.config import ImageConfig
from adhd_cvae.simulation.cohort import SITES
from pipelines.benchmarks.separation.grid import Condition
from pipelines.benchmarks.separation.lenders import lenders, lent_reference

IMAGE = ImageConfig(shape=(16, 16, 16), voxel_size=12)
COUNT = 12


def lent(kind):
    return lenders(Condition(lent=kind), COUNT, IMAGE)


@pytest.mark.parametrize("kind", ["alike", "smoothed", "population", "scanners", "older", "copies"])
def test_so_many_are_lent_and_no_cohort_changes_them(kind):
    found = lent(kind)
    assert found.images.shape == (COUNT, *IMAGE.shape)
    assert len(found.sites) == COUNT
    larger = lenders(Condition(lent=kind, cohens_d=1.4, n=500), COUNT, IMAGE)
    np.testing.assert_array_equal(larger.images, found.images)


def test_each_differs_in_what_it_says():
    alike = lent("alike")
    roughness = [np.abs(np.diff(one.images.astype(float), axis=1)).sum() for one in (alike, lent("smoothed"))]
    assert roughness[1] < 0.9 * roughness[0]
    assert set(alike.sites) <= set(SITES[:4])
    assert not set(lent("scanners").sites) & set(SITES[:4])
    copies = lent("copies").images
    np.testing.assert_array_equal(copies[:6], copies[6:])
    np.testing.assert_array_equal(copies[:6], alike.images[:6])
    for kind in ("population", "older"):
        assert not np.array_equal(lent(kind).images, alike.images)


def test_a_reference_knows_the_voxels_of_its_own_mask():
    reference = lent_reference(Condition(n=100), COUNT, IMAGE)
    values = lent("alike").images.reshape(COUNT, -1).mean(axis=0, dtype=np.float32)
    assert reference.count == COUNT
    assert reference.columns.tolist() == np.flatnonzero(values > IMAGE.mask_threshold).tolist()
