"""Twins, examples and traversals, beside what the model decodes itself."""

import numpy as np
import pytest
import torch

from adhd_cvae.config import ImageConfig
from adhd_cvae.inference.decoding import decode, example_maps, gray_matter_in, registered_maps
from adhd_cvae.inference.embedding import Embedding, embed
from adhd_cvae.models.initialisation import initial_model
from tests.adhd_cvae.inference.maps import SHAPE

STEPS = (-2.0, 0.0, 3.0)


@pytest.fixture(scope="module")
def codes(case):
    model, images, _ = case
    return embed(model, images)


@pytest.fixture(scope="module")
def decoded(case, codes):
    model, _, cohort = case
    return registered_maps(model, codes.salient_mean[(cohort["group"] == "target").to_numpy()], STEPS)


def test_a_twin_is_what_is_decoded_without_a_salient_code(case, codes):
    model, _, _ = case
    twins = decode(model, codes.background_mean)
    assert np.array_equal(twins, decode(model, codes.background_mean, np.zeros_like(codes.salient_mean)))
    assert not np.allclose(twins, decode(model, codes.background_mean, codes.salient_mean))
    assert twins.shape == (30, model.voxels)
    assert twins.dtype == np.float32


def test_examples_are_what_was_seen_and_what_is_decoded_of_it(case, codes):
    model, images, _ = case
    some = Embedding(*(part[:2] for part in vars(codes).values()))
    seen, full, twin, alone = example_maps(model, images[:2], some, np.array([True, False]), model)[0]
    assert np.array_equal(seen, images[0].reshape(-1)[model.mask_index.numpy()].astype(np.float32))
    assert np.array_equal(full, decode(model, some.background_mean, some.salient_mean)[0])
    assert np.array_equal(twin, decode(model, some.background_mean)[0])
    assert not np.allclose(alone, twin)


def test_controls_in_the_examples_are_their_own_twins(case, codes):
    model, images, _ = case
    some = Embedding(*(part[:2] for part in vars(codes).values()))
    found = example_maps(model, images[:2], some, np.array([True, False]), model)
    assert np.array_equal(found[1, 1], found[1, 2])
    assert not np.allclose(found[0, 1], found[0, 2])


def test_values_of_another_mask_are_put_in_place_and_0_elsewhere(case):
    model, images, cohort = case
    part = np.array(images)
    part[:, :, :, 8:] = 0
    target = (cohort["group"] == "target").to_numpy()
    half = initial_model(model.config, ImageConfig(shape=SHAPE), part, target, 0)
    found = gray_matter_in(model, half, np.ones((2, half.voxels), np.float32))
    volume = model.to_volume(torch.from_numpy(found))[:, 0].numpy()
    assert found.shape == (2, model.voxels)
    assert volume[..., 8:].max() == 0
    assert volume[..., :8].sum() == 2 * half.voxels


def test_traversals_pass_through_nothing_in_the_middle(decoded):
    middle = STEPS.index(0.0)
    assert np.abs(decoded["traversal"][:, middle]).max() < 1e-6
    assert np.abs(decoded["traversal"][:, 0]).max() > 0
    assert decoded["traversal"].shape[:2] == decoded["traversal_values"].shape
    assert decoded["mask"].sum() == decoded["traversal"].shape[2]


def test_a_unit_is_decoded_at_its_values_and_its_map_is_one_unit_more(case, codes, decoded):
    model, _, cohort = case
    salient = codes.salient_mean[(cohort["group"] == "target").to_numpy()]
    spread = np.sqrt((salient**2).mean(axis=0))
    np.testing.assert_allclose(decoded["traversal_values"], np.outer(spread, STEPS), rtol=1e-5)
    middle = np.zeros((1, 4))
    for unit in range(2):
        highest, one = np.zeros((2, 1, 2))
        highest[0, unit], one[0, unit] = decoded["traversal_values"][unit, -1], 1.0
        change, slope = (decode(model, middle, code)[0] - decode(model, middle)[0] for code in (highest, one))
        np.testing.assert_allclose(decoded["traversal"][unit, -1], change, atol=1e-6)
        np.testing.assert_allclose(decoded["salient_map"][unit], slope, atol=1e-6)
