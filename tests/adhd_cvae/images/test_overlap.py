"""One participant in two datasets, prepared otherwise, beside others: simulated brains of seeds 100 and 101."""

from functools import cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from adhd_cvae.config import CohortConfig, ImageConfig
from adhd_cvae.images.overlap import common_mask, equal_maps, likeness
from adhd_cvae.images.resampling import to_grid
from adhd_cvae.simulation.cohort import simulate_cohort

GRID = ImageConfig(shape=(32, 32, 32), voxel_size=6)
SETTINGS = CohortConfig()
LIMIT, AXES = SETTINGS.background_same, SETTINGS.background_same_axes
OWN, OTHERS, BOTH = 60, 200, 12


@cache
def brains(seed, count):
    cohort = simulate_cohort(participants=240, seed=seed, population=1, resolution=6)
    return cohort.affine, [cohort.map(index) for index in range(count)]


def prepared(values, affine, fwhm=0.0, noise=0.0, scale=1.0, offset=0.0):
    rng = np.random.default_rng(0)
    found = []
    for one in values:
        made = one + noise * rng.standard_normal(one.shape) * (one > 0.02)
        made = gaussian_filter(shift(made, [offset] * 3, order=1), fwhm / 2.355 / 6)
        moved = affine.copy()
        moved[:3, 3] -= 6 * offset  # the header says where it is
        found.append(to_grid((scale * made).astype(np.float32), moved, GRID, GRID.fwhm))
    return np.array(found, np.float16)


def compared(own, others):
    return likeness(own, others, common_mask(own, others, 0.1), AXES)


@pytest.mark.parametrize(
    "otherwise",
    [
        {},
        {"fwhm": 8.0},
        {"offset": 0.5},
        {"noise": 0.1},
        {"scale": 1.05},
        {"fwhm": 8.0, "offset": 0.5, "noise": 0.05, "scale": 1.05},
    ],
    ids=["same", "smoothed", "resampled", "noise", "scaled", "all of it"],
)
def test_who_is_in_both_is_found_and_nobody_else(otherwise):
    affine, ours = brains(100, OWN)
    own, theirs = prepared(ours, affine), prepared(brains(101, OTHERS)[1], affine)
    found = compared(own, np.concatenate([theirs, prepared(ours[:BOTH], affine, **otherwise)]))
    assert found[OTHERS:].min() > LIMIT
    assert found[:OTHERS].max() < LIMIT


def test_equal_maps_are_found_value_for_value():
    own = np.arange(24, dtype=np.float16).reshape(3, 2, 2, 2)
    others = np.stack([own[2], own[0] + np.float16(1), own[1]])
    assert equal_maps(own, others).tolist() == [True, False, True]
    assert equal_maps(own[:0], others).tolist() == [False] * 3


def test_the_common_mask_is_gray_matter_in_both():
    own, others = np.zeros((2, 3, 1, 1, 4), np.float16)
    own[..., :2], others[..., 1:] = 0.5, 0.5
    assert common_mask(own, others, 0.1).tolist() == [1]


def test_a_map_that_is_the_mean_is_like_nobody():
    own = np.random.default_rng(1).random((20, 4, 4, 4)).astype(np.float32)
    others = own - own.mean(axis=0)
    others[3] = 0
    others[4] -= others.sum(axis=0)  # the mean stays where it was
    assert compared(own, others)[3] < 0.1
