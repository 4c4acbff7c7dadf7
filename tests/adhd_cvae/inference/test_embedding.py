"""Posterior means and samples of a frozen model."""

import numpy as np

from adhd_cvae.inference.embedding import embed, posterior_samples, standardised_voxels


def test_embedding_gives_means_and_is_repeatable(case):
    model, images, _ = case
    first, second = embed(model, images), embed(model, images, batch_size=16)
    assert np.array_equal(first.salient_mean, second.salient_mean)
    alone = embed(model, images[4:5])
    assert np.allclose(alone.background_mean, first.background_mean[4:5], atol=1e-5)
    assert (first.background_sd > 0).all()


def test_progress_ends_at_the_end(case):
    model, images, _ = case
    seen = []
    embed(model, images, batch_size=8, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(8, 30), (16, 30), (24, 30), (30, 30)]


def test_samples_have_the_posteriors_moments_and_follow_the_seed():
    mean, sd = np.array([[1.0, -2.0]]), np.array([[0.5, 2.0]])
    samples = posterior_samples(mean.astype(np.float32), sd.astype(np.float32), 20000, seed=3)
    assert np.allclose(samples.mean(axis=0), mean, atol=0.05)
    assert np.allclose(samples.std(axis=0), sd, rtol=0.05)
    assert np.array_equal(
        samples, posterior_samples(mean.astype(np.float32), sd.astype(np.float32), 20000, seed=3)
    )


def test_voxels_of_the_training_maps_are_standardised(case):
    model, images, _ = case
    voxels = standardised_voxels(model, images[np.arange(30) % 3 > 0])
    assert voxels.shape == (20, model.voxels)
    assert np.allclose(voxels.mean(axis=0), 0, atol=1e-4)
    assert np.isclose(np.median(voxels.std(axis=0)), 1, atol=1e-3)
