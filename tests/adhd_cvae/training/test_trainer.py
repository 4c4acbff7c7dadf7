"""How one network is trained: its start, its steps, and what it leaves as it was."""

import os
from functools import partial

import numpy as np
import pytest
import torch

from adhd_cvae.inference.embedding import embed
from adhd_cvae.training.augmentation import load_batch
from adhd_cvae.training.checkpoint import Checkpoint
from tests.adhd_cvae.training.small import RECIPE, recipe, rows_of, same, splits_of, trainer_of


def test_the_start_has_not_seen_who_decides_when_to_stop(data):
    images, cohort, _ = data
    rows = rows_of(cohort, RECIPE)
    changed = images.copy()
    changed[rows.validation] = 0.123
    before, after = (trainer_of(RECIPE).start(maps, rows).model for maps in (images, changed))
    assert same(before.state_dict(), after.state_dict())


def stepped(images, rows, settings, *, deep):
    """Embeddings before and after two steps, and the state; the first one moves last layers, which start at zero."""
    trainer = trainer_of(settings)
    state = trainer.start(images, rows)
    state = trainer.deepened(state, images) if deep else state
    before = embed(state.model_of_maps(), images)
    state.model.train()
    batch = np.concatenate([rows.target[:8], rows.background[:8]])
    for _ in range(2):
        trainer.step(state, load_batch(state.maps[batch], None), rows.is_target[batch])
    return before, embed(state.model_of_maps(), images), state


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("asked", [None, True])
def test_the_salient_means_learn_only_where_they_are_asked_to(data, asked, deep):
    images, cohort, _ = data
    settings = recipe(training={"train_salient": asked})
    before, after, _ = stepped(images, rows_of(cohort, settings), settings, deep=deep)
    assert np.allclose(before.salient_mean, after.salient_mean, atol=1e-6) == (asked is None)
    assert not np.array_equal(before.salient_sd, after.salient_sd)
    assert not np.allclose(before.background_mean, after.background_mean, atol=1e-6)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("asked", [None, True])
def test_terms_of_salient_means_that_are_kept_change_nothing(data, asked, deep):
    images, cohort, _ = data
    on_means = ("salient_of_background", "salient_mmd_of_background", "salient_spread_of_background")
    weighted, none = (
        recipe(objective=dict.fromkeys(on_means, weight), training={"train_salient": asked})
        for weight in (50.0, 0.0)
    )
    states = [
        stepped(images, rows_of(cohort, one), one, deep=deep)[2].model.state_dict()
        for one in (weighted, none)
    ]
    assert same(*states) == (asked is None)


def test_the_plain_model_has_as_many_units_and_no_salient_space():
    plain = trainer_of(RECIPE).without_salient()
    assert (plain.model.salient, plain.model.background) == (0, 6)
    assert plain.training == RECIPE.training


def test_what_torch_does_elsewhere_is_as_before(data, tmp_path):
    images, cohort, _ = data
    asked = recipe(training={"epochs": 1, "vae": False})
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    settings = (
        torch.are_deterministic_algorithms_enabled,
        partial(os.environ.get, "CUBLAS_WORKSPACE_CONFIG"),
    )
    before = [setting() for setting in settings]
    meanwhile = []
    trainer_of(asked).fit(
        images,
        splits_of(cohort, asked),
        Checkpoint(tmp_path / "cvae", "key"),
        lambda row: meanwhile.append(torch.are_deterministic_algorithms_enabled()),
    )
    assert all(meanwhile)
    assert [setting() for setting in settings] == before
    assert torch.equal(torch.rand(3), expected)


def test_evaluation_has_no_noise_and_takes_the_rows_it_is_given(data):
    images, cohort, _ = data
    rows, trainer = rows_of(cohort, RECIPE), trainer_of(RECIPE)
    state = trainer.start(images, rows)
    first, again = (trainer.evaluate(state, rows.validation, rows.is_target) for _ in range(2))
    assert first == again
    other = trainer.evaluate(state, rows.fitted[:4], rows.is_target)
    assert other["likelihood"] != first["likelihood"]
    assert np.isfinite(list(other.values())).all()
