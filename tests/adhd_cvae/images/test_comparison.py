import numpy as np
import pytest

from adhd_cvae.config import ImageConfig, MapCheckConfig
from adhd_cvae.images.comparison import octant_sums, same_brains, scale_factors

IMAGE = ImageConfig(shape=(12, 13, 11))
RNG = np.random.default_rng(0)
BRAINS = [RNG.random(IMAGE.shape).astype(np.float16) * (0.8 + 0.05 * number) for number in range(9)]


def factors(images, image=IMAGE):
    return scale_factors(octant_sums(images), image)


def copies(images):
    return same_brains(images, octant_sums(images), IMAGE)


@pytest.mark.parametrize("factor", [255.0, 100.0, 1000.0, 1 / 255, 4.0])
def test_the_odd_scale_is_found(factor):
    images = dict(enumerate(BRAINS)) | {4: BRAINS[4].astype(np.float32) * factor}
    found = factors(images)
    assert list(found) == [4]
    assert found[4] == pytest.approx(factor, rel=0.3)


@pytest.mark.parametrize(
    ("lost", "odd"), [(3, range(3)), (4, range(4)), (5, range(5, 9))], ids=["three", "four", "most"]
)
def test_several_odd_scales(lost, odd):
    images = {at: one.astype(np.float32) * (255 if at < lost else 1) for at, one in enumerate(BRAINS)}
    assert list(factors(images)) == list(odd)


def test_one_scale_for_all_whatever_it_is():
    assert factors({at: one.astype(np.float32) * 100 for at, one in enumerate(BRAINS)}) == {}
    assert factors({}) == factors({0: BRAINS[0]}) == {}
    unchecked = IMAGE.model_copy(update={"check": MapCheckConfig(largest_scale=None)})
    assert factors({0: BRAINS[0], 1: BRAINS[1].astype(np.float32) * 255}, unchecked) == {}


@pytest.mark.parametrize(
    "copy",
    [
        lambda brain: brain.copy(),
        lambda brain: brain.astype(np.float32) * np.float32(1.0005),
        lambda brain: np.rint(brain.astype(np.float32) * 255) / 255,
        lambda brain: brain.astype(np.float32) + RNG.normal(0, 1e-4, brain.shape).astype(np.float32),
    ],
)
def test_copies_are_found(copy):
    images = {10 * at: brain for at, brain in enumerate(BRAINS)} | {5: copy(BRAINS[7])}
    assert copies(images) == {5: [70], 70: [5]}


def test_three_copies_name_each_other():
    assert copies({1: BRAINS[0], 2: BRAINS[0], 3: BRAINS[0], 4: BRAINS[1]}) == {
        1: [2, 3],
        2: [1, 3],
        3: [1, 2],
    }


def test_other_brains_are_none():
    images = dict(enumerate(BRAINS)) | {9: BRAINS[0][::-1], 10: BRAINS[0].astype(np.float32) * 1.05}
    assert copies(images) == {}
    scan_again = BRAINS[0].astype(np.float32) + RNG.normal(0, 0.02, IMAGE.shape).astype(np.float32)
    assert copies({0: BRAINS[0], 1: scan_again}) == copies({0: BRAINS[0]}) == {}
