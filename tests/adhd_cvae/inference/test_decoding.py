"""Twins, examples, traversals and errors, beside what the model decodes itself."""

from functools import partial

import numpy as np
import pytest

from adhd_cvae.inference import decoding
from adhd_cvae.inference.decoding import decode
from adhd_cvae.inference.embedding import embed, standardised_voxels

STEPS = (-2.0, 0.0, 3.0)
decode_cohort = partial(decoding.decode_cohort, salient_of="target", steps=STEPS, seed=0)


@pytest.fixture(scope="module")
def codes(case):
    model, images, _ = case
    return embed(model, images)


@pytest.fixture(scope="module")
def decoded(case, codes):
    model, images, cohort = case
    return decode_cohort(model, images, cohort, codes)


def test_a_twin_is_what_is_decoded_without_a_salient_code(case, codes):
    model, _, _ = case
    twins = decode(model, codes.background_mean)
    assert np.array_equal(twins, decode(model, codes.background_mean, np.zeros_like(codes.salient_mean)))
    assert not np.allclose(twins, decode(model, codes.background_mean, codes.salient_mean))
    assert twins.shape == (30, model.voxels)
    assert twins.dtype == np.float32


def test_effect_is_patient_minus_twin(case, codes, decoded):
    model, _, cohort = case
    target = (cohort["group"] == "target").to_numpy()
    expected = decode(model, codes.background_mean[target], codes.salient_mean[target])
    expected -= decode(model, codes.background_mean[target])
    assert np.allclose(decoded["effect"], expected, atol=1e-5)
    assert decoded["effect_participant_id"].tolist() == cohort["participant_id"][target].tolist()
    assert decoded["mask"].sum() == decoded["effect"].shape[1]


def test_examples_are_the_first_held_out_participants_of_each_group(case, codes, decoded):
    model, images, cohort = case
    assert decoded["example_participant_id"].tolist() == ["sub-3", "sub-9", "sub-15", "sub-0"]
    observed = images[3].reshape(-1)[model.mask_index.numpy()].astype(np.float32)
    assert np.array_equal(decoded["example"][0, 0], observed)
    nobody_held_out = decode_cohort(model, images, cohort.assign(split="train"), codes)
    assert nobody_held_out["example_participant_id"].tolist() == ["sub-1", "sub-3", "sub-5", "sub-0"]


def test_controls_in_the_examples_are_their_own_twins(decoded):
    control = decoded["example_group"] == "background"
    full, twin, alone = (
        decoded["example"][control, 1],
        decoded["example"][control, 2],
        decoded["example"][control, 3],
    )
    assert np.array_equal(full, twin)
    assert not np.allclose(alone, full)
    assert not np.allclose(decoded["example"][~control, 1], decoded["example"][~control, 2])
    assert control.sum() == 1
    assert len(control) == 4


def test_in_a_plain_vae_controls_are_decoded_from_their_salient_code_too(case, codes, decoded):
    model, images, cohort = case
    everyone = decode_cohort(model, images, cohort, codes, salient_of="everyone")
    control = everyone["example_group"] == "background"
    assert not np.allclose(everyone["example"][control, 1], everyone["example"][control, 2])
    target = (cohort["group"] == "target").to_numpy()
    changed = everyone["reconstruction_error"] != decoded["reconstruction_error"]
    assert changed[~target].all()
    assert not changed[target].any()


def test_traversals_pass_through_nothing_in_the_middle(decoded):
    middle = STEPS.index(0.0)
    assert np.abs(decoded["traversal"][:, middle]).max() < 1e-6
    assert np.abs(decoded["traversal"][:, 0]).max() > 0
    assert decoded["traversal"].shape[:2] == decoded["traversal_values"].shape


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


def test_errors_are_shares_of_the_variation(case, codes, decoded):
    model, images, _ = case
    assert ((decoded["pca_reconstruction_error"] >= 0) & (decoded["pca_reconstruction_error"] < 1.001)).all()
    observed = standardised_voxels(model, images[1:2])  # a patient
    full = decode(model, codes.background_mean[1:2], codes.salient_mean[1:2])
    residual = observed - (full - model.voxel_mean.numpy()) / model.voxel_scale.numpy()
    assert decoded["reconstruction_error"][1] == pytest.approx((residual**2).sum() / (observed**2).sum())
    for name, values in decoded.items():
        if values.dtype.kind == "f":
            assert np.isfinite(values).all(), name
