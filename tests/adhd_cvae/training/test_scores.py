"""A linear model on scores is the same model on maps."""

import numpy as np
import pytest
import torch

from adhd_cvae.training.scores import into_voxels, mixed
from tests.adhd_cvae.training.small import RECIPE, recipe, rows_of, trainer_of


@pytest.fixture
def state(data):
    images, cohort, _ = data
    return trainer_of(RECIPE).start(images, rows_of(cohort, RECIPE))


def seen(state, images):
    """What both models see of some maps: standardised voxels, and scores."""
    voxels = state.whole.standardise(torch.from_numpy(images.astype(np.float32))[:, None])
    return voxels, state.model.standardise(torch.from_numpy(state.maps)[:, None])


def test_mixed_axes_span_the_same_and_stay_orthonormal():
    axes = np.linalg.qr(np.random.default_rng(0).standard_normal((30, 5)))[0].T
    turned = mixed(axes, 0)
    np.testing.assert_allclose(turned @ turned.T, np.eye(5), atol=1e-5)
    np.testing.assert_allclose(turned.T @ turned, axes.T @ axes, atol=1e-5)
    assert np.array_equal(turned, mixed(axes, 0))


@torch.no_grad()
def test_codes_and_unexplained_variance_are_those_of_the_maps(data, state):
    images, _, _ = data
    voxels, scores = seen(state, images)
    on_maps, on_scores = state.whole.encode(voxels), state.model.encode(scores)
    for space in ("salient", "background"):
        expected = getattr(on_maps, space).mean
        torch.testing.assert_close(getattr(on_scores, space).mean, expected, rtol=1e-3, atol=1e-3)
    codes = on_maps.background.mean, on_maps.salient.mean
    torch.testing.assert_close(
        (scores - state.model.decode(*codes)).square().mean(dim=1),
        (voxels - state.whole.decode(*codes)).square().mean(dim=1),
        rtol=1e-3,
        atol=1e-4,
    )


@torch.no_grad()
def test_what_was_learnt_on_scores_comes_back_to_voxels(data, state):
    images, _, _ = data
    torch.manual_seed(0)
    for parameter in state.model.background_encoder.linear.parameters():
        parameter[:, :-1] += 0.1 * torch.randn_like(parameter[:, :-1])
    voxels, scores = seen(state, images)
    expected = state.model.encode(scores).background.mean
    learnt = into_voxels(state.model, state.whole, state.axes)
    torch.testing.assert_close(learnt.encode(voxels).background.mean, expected, rtol=1e-3, atol=1e-3)


def test_a_start_found_from_a_sample_is_trained_on_maps(data):
    images, cohort, _ = data
    asked = recipe(model={"linear": {**RECIPE.model.linear.model_dump(), "most_participants": 20}})
    trainer, rows = trainer_of(asked), rows_of(cohort, asked)
    assert len(rows.fitted) > 20
    state = trainer.start(images, rows)
    assert state.axes is None
    assert state.maps is images
    before = state.model.background_encoder.linear.weight.detach().clone()
    trainer.take_steps(state, rows, 1)
    assert state.model_of_maps() is state.model
    assert not torch.equal(before, state.model.background_encoder.linear.weight)
