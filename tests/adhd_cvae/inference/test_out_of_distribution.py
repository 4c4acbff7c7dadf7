"""Distances by hand, and a reference on disk."""

import numpy as np
import pytest
import torch

from adhd_cvae.errors import InputError
from adhd_cvae.inference.decoding import decode
from adhd_cvae.inference.embedding import Embedding, embed
from adhd_cvae.inference.out_of_distribution import (
    Reference,
    code_matrix,
    fit_reference,
    load_reference,
    residuals,
    save_reference,
)


def embedding(salient, background):
    means = np.asarray(salient, np.float32), np.asarray(background, np.float32)
    return Embedding(means[0], np.ones_like(means[0]), means[1], np.ones_like(means[1]))


def test_a_distance_is_the_mean_of_two_ratios_to_the_training_participants():
    scale, residual_scale, limit = map(np.float64, (2.0, 0.5, 3.0))
    reference = Reference(np.array([1.0, 0.0]), np.diag([1.0, 4.0]), scale, residual_scale, limit)
    codes = code_matrix(embedding([[1.0], [3.0]], [[0.0], [1.0]]))
    np.testing.assert_array_equal(codes, [[1, 0], [3, 1]])
    distances = reference.distances(codes, np.array([0.5, 1.0]))
    np.testing.assert_allclose(distances, np.sqrt([(0 + 1) / 2, (8 / 2 + 2) / 2]))


def test_the_limit_is_the_percentile_and_a_usual_participant_is_at_one():
    rng = np.random.default_rng(0)
    matrix, residual = rng.normal(size=(50, 3)), rng.uniform(1, 2, 50)
    codes = code_matrix(embedding(matrix[:, :1], matrix[:, 1:]))
    for percentile in (50.0, 90.0):
        reference = fit_reference(codes, residual, percentile)
        distances = reference.distances(codes, residual)
        assert reference.limit == pytest.approx(np.percentile(distances, percentile))
        assert reference.out_of_distribution(distances).mean() == pytest.approx(1 - percentile / 100)
        assert np.square(distances).mean() == pytest.approx(1)


def test_a_distance_at_the_limit_passes_and_one_that_is_no_number_does_not(described):
    _, _, reference = described
    limit = float(reference.limit)
    flags = reference.out_of_distribution(np.array([limit, np.nextafter(limit, np.inf), np.nan]))
    assert flags.tolist() == [False, True, True]


def test_codes_alone_can_be_far_where_the_reconstruction_is_good(described):
    model, images, reference = described
    codes = embed(model, images[:1])
    near = reference.distances(code_matrix(codes), np.zeros(1))
    codes.background_mean[0] += 20
    far = reference.distances(code_matrix(codes), np.zeros(1))
    assert far > reference.limit > near


def test_residuals_are_zero_for_what_the_model_decodes_and_count_spreads(described):
    model, images, _ = described
    codes = embed(model, images[:20])  # more than are decoded at a time
    voxels = torch.from_numpy(decode(model, codes.background_mean, codes.salient_mean))
    rebuilt = model.to_volume(voxels)[:, 0].numpy()
    assert np.allclose(residuals(model, rebuilt, codes), 0, atol=1e-8)
    further = model.to_volume(voxels + 2 * model.voxel_scale)[:, 0].numpy()
    assert np.allclose(residuals(model, further, codes), 4, rtol=1e-3)


def test_a_reference_survives_the_disk_and_a_damaged_one_is_named(described, tmp_path):
    _, _, reference = described
    path = tmp_path / "cvae-reference.safetensors"
    save_reference(reference, path)
    loaded = load_reference(path)
    for name, value in vars(reference).items():
        np.testing.assert_array_equal(getattr(loaded, name), value)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"cvae-reference\.safetensors is missing or damaged"):
        load_reference(path)
    with pytest.raises(InputError, match=r"other\.safetensors is missing"):
        load_reference(tmp_path / "other.safetensors")
