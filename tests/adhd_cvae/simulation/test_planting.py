"""Where effects are planted, how large they have to be, and what they leave as it was."""

import numpy as np
import pytest

from adhd_cvae.config import Region, SensitivityConfig
from adhd_cvae.errors import InputError
from adhd_cvae.simulation.planting import Planting, lost_fractions, region_weights, simulated_severities

AFFINE = np.diag([3.0, 3, 3, 1]) + np.array([[0, 0, 0, -30]] * 3 + [[0, 0, 0, 0]])
SHAPE = (21, 21, 21)


def regions(**severities):
    return SensitivityConfig(severities=severities)


def planting(n=40, largest=1.0, seed=0):
    """Unsmoothed maps on their own grid, so that what is planted in them is what is planted."""
    rng = np.random.default_rng(seed)
    config = regions(a=Region(centres=((-12, 0, 0),), radius=4), b=Region(centres=((12, 0, 0),), radius=5))
    weights = np.stack(list(region_weights(config, SHAPE, AFFINE).values()))
    maps = (rng.random((n, *SHAPE)) * largest * rng.uniform(0.8, 1, (n, 1, 1, 1))).astype(np.float32)
    within = maps[:, None] * weights
    return weights, Planting(
        ("a", "b"),
        maps.astype(np.float16),
        within.astype(np.float16),
        within.sum(axis=(2, 3, 4), dtype=float),
        np.einsum("nkxyz,jxyz->nkj", within.astype(float), weights),
    )


def test_the_loss_is_whole_at_a_centre_on_any_grid_and_nothing_far_away():
    config = regions(a=Region(centres=((-9, 3, 0), (9, 3, 0)), radius=6))
    weights = region_weights(config, SHAPE, AFFINE)["a"]
    assert weights.dtype == np.float32
    assert weights[7, 11, 10] == weights[13, 11, 10] == 1
    assert weights[7, 11, 12] == pytest.approx(np.exp(-0.5), rel=1e-5)  # 6 mm above
    world = np.moveaxis(np.indices(SHAPE), 0, -1) * 3 - 30
    near = np.min([np.linalg.norm(world - centre, axis=-1) for centre in ((-9, 3, 0), (9, 3, 0))], axis=0)
    assert not weights[near > 18.3].any()
    assert (weights[near < 18] > 0).all()
    turned = np.array([[0, -3, 0, 30], [3, 0, 0, -30], [0, 0, 3, -30], [0, 0, 0, 1.0]])
    assert region_weights(config, SHAPE, turned)["a"][11, 13, 10] == 1  # x = -9, y = 3


def test_regions_that_overlap_never_take_more_than_there_is():
    same = Region(centres=((0, 0, 0),))
    weights = region_weights(regions(a=same, b=same, c=Region(centres=((6, 0, 0),))), SHAPE, AFFINE)
    total = sum(weights.values())
    assert total.max() == pytest.approx(1, abs=1e-6)
    assert np.array_equal(weights["a"], weights["b"])
    assert total[10, 10, 10] == pytest.approx(1, abs=1e-6)


def test_labels_want_a_segmentation():
    with pytest.raises(InputError, match=r"a names labels.*sensitivity\.dseg"):
        region_weights(regions(a=Region(labels=(1,))), SHAPE, AFFINE)


@pytest.mark.parametrize("largest", [1.0, 30.0])
def test_planted_maps_keep_their_range_and_those_who_lose_nothing_their_bytes(largest):
    _, given = planting(largest=largest)
    rows = np.array([3, 3, 5, 0])
    found = given.planted(rows, np.array([[1.0, 1], [0, 0], [0.4, 0], [1e-9, 1]]))
    assert found.dtype == np.float16
    assert found[1].tobytes() == given.images[3].tobytes()
    assert (found >= 0).all()
    assert (found <= given.images[rows]).all()
    assert found[0].astype(float) == pytest.approx(
        given.images[3] - given.within[3].astype(float).sum(axis=0), abs=1e-3 * largest
    )
    assert found[0, 6, 10, 10] == 0  # the middle of a


@pytest.mark.parametrize("cohens_d", [0.1, 0.5, 1.4])
def test_mean_losses_are_standard_deviations_of_all_regional_volumes(cohens_d):
    weights, given = planting()
    rows = np.arange(0, 40, 2)
    severities = simulated_severities(np.random.default_rng(0), 20, given.names, subtypes=False)
    fractions = lost_fractions(severities, given.losses(cohens_d, severities, rows))
    assert fractions.max() <= 1
    before, after = given.images[rows].astype(float), given.planted(rows, fractions).astype(float)
    measured = np.einsum("nxyz,kxyz->nk", before - after, weights).mean(axis=0)
    spread = np.einsum("nxyz,kxyz->nk", given.images.astype(float), weights).std(axis=0, ddof=1)
    assert measured / spread == pytest.approx([cohens_d] * 2, rel=0.01)


def test_a_severity_that_some_have_to_the_end_is_planted_in_the_others_all_the_more():
    _, given = planting(n=4)
    given = Planting(
        ("a",), given.images, given.within[:, :1], np.array([[1.0], [2], [3], [4]]), np.full((4, 1, 1), 2.0)
    )
    severities = np.array([[10.0], [1.0], [1.0], [0.0]])  # 10 has no more to lose at a loss of 0.1
    spread = np.std([1, 2, 3, 4], ddof=1)
    loss = given.losses(1.0, severities, np.array([0, 1, 2, 3]))
    assert loss == pytest.approx([(3 * spread / 2 - 1) / 2])
    assert given.losses(1.0, np.zeros((4, 1)), np.arange(4)) == [0]
    assert given.losses(0.0, severities, np.arange(4)) == [0]


def test_an_effect_that_all_of_a_region_is_not_is_refused_with_the_largest():
    _, given = planting()
    severities = np.ones((10, 2))
    with pytest.raises(InputError, match=r"a: a loss of d = 500 .* all of it is d = \d") as caught:
        given.losses(500, severities, np.arange(10))
    largest = float(str(caught.value).split("all of it is d = ")[1].split(".")[0])
    assert (given.losses(largest * 0.95, severities, np.arange(10)) <= 1).all()


def test_severities_have_mean_one_and_subtypes_one_each():
    rng = np.random.default_rng(0)
    drawn = simulated_severities(rng, 20_000, ("a", "b"), subtypes=False)
    assert drawn.mean(axis=0) == pytest.approx([1, 1], abs=0.03)
    assert drawn.var(axis=0) == pytest.approx([0.5, 0.5], abs=0.03)  # a gamma distribution of shape 2
    own = simulated_severities(rng, 3000, ("a", "b", "c"), subtypes=True)
    assert ((own > 0).sum(axis=1) == 1).all()
    assert (own > 0).sum(axis=0).tolist() == [1000, 1000, 1000]
    assert own[own > 0].mean() == pytest.approx(1, abs=0.05)


def test_regions_that_overlap_lose_together_what_is_asked_for_of_each():
    rng = np.random.default_rng(0)
    near = regions(
        a=Region(centres=((0, 0, 0),)), b=Region(centres=((9, 0, 0),)), c=Region(centres=((0, 15, 0),))
    )
    weights = np.stack(list(region_weights(near, SHAPE, AFFINE).values()))
    maps = rng.random((30, *SHAPE)) * rng.uniform(0.8, 1, (30, 1, 1, 1))
    within = maps[:, None] * weights
    volumes, removed = within.sum(axis=(2, 3, 4)), np.einsum("nkxyz,jxyz->nkj", within, weights)
    halves = maps.astype(np.float16), within.astype(np.float16)
    given = Planting(("a", "b", "c"), *halves, volumes, removed)
    severities = simulated_severities(rng, 30, given.names, subtypes=False)
    for cohens_d in (0.2, 1.0):
        fractions = lost_fractions(severities, given.losses(cohens_d, severities, np.arange(30)))
        lost = np.einsum("nkxyz,nk->nxyz", within, fractions)
        measured = np.einsum("nxyz,kxyz->nk", lost, weights).mean(axis=0) / volumes.std(axis=0, ddof=1)
        assert measured == pytest.approx([cohens_d] * 3, rel=0.01)
    within_another = np.array([[4.0, 4.0], [1.0, 1.1]])  # b, of which there is much less, is lost with a
    nested = Planting(("a", "b"), *halves, volumes[:, :2] / [1, 50], np.tile(within_another, (30, 1, 1)))
    with pytest.raises(InputError, match=r"b: other severities alone take d = .* overlap less"):
        nested.losses(0.01, severities[:, :2], np.arange(30))
