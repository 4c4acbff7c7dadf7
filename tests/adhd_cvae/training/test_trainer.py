"""How one network is trained: its start, its steps, and what it leaves as it was."""

import os
from functools import partial

import numpy as np
import pytest
import torch

from adhd_cvae.inference.embedding import embed
from adhd_cvae.training.augmentation import load_batch
from adhd_cvae.training.checkpoint import Checkpoint
from tests.adhd_cvae.training.small import RECIPE, recipe, rows_of, same, trainer_of


def test_the_start_has_not_seen_who_decides_when_to_stop(data):
    images, cohort, _ = data
    rows = rows_of(cohort, RECIPE)
    changed = images.copy()
    changed[rows.validation] = 0.123
    before, after = (trainer_of(RECIPE).start(maps, rows).model for maps in (images, changed))
    assert same(before.state_dict(), after.state_dict())


@pytest.mark.parametrize("asked", [None, True])
def test_the_salient_means_learn_only_where_they_are_asked_to(data, asked):
    images, cohort, _ = data
    settings = recipe(training={"train_salient": asked})
    rows, trainer = rows_of(cohort, settings), trainer_of(settings)
    state = trainer.start(images, rows)
    before = embed(state.model, images)
    state.model.train()
    batch = np.concatenate([rows.target[:8], rows.background[:8]])
    for _ in range(2):  # the first step moves the last layers, which start at zero, only
        trainer.step(state, load_batch(images[batch], None), rows.is_target[batch])
    after = embed(state.model, images)
    assert np.array_equal(before.salient_mean, after.salient_mean) == (asked is None)
    assert not np.array_equal(before.salient_sd, after.salient_sd)
    assert not np.array_equal(before.background_mean, after.background_mean)


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
        rows_of(cohort, asked),
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
    first, again = (trainer.evaluate(state, images, rows.validation, rows.is_target) for _ in range(2))
    assert first == again
    other = trainer.evaluate(state, images, rows.fitted[:4], rows.is_target)
    assert other["likelihood"] != first["likelihood"]
    assert np.isfinite(list(other.values())).all()
