"""Training on what it cannot learn from, or with too little memory: it stops with a sentence, or goes on soundly."""

import numpy as np
import pandas as pd
import pytest
import torch

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.training.augmentation import load_batch
from adhd_cvae.training.sampler import deal_rows
from adhd_cvae.training.train import train
from adhd_cvae.training.trainer import Trainer

SHAPE = (16, 16, 16)
PEOPLE = 24


def recipe(**settings):
    return Recipe.model_validate(
        {
            "image": {"shape": SHAPE, "voxel_size": 12.0},
            "model": {
                "salient": 2,
                "background": 4,
                "patch": 4,
                "patch_features": 2,
                "hidden": 4,
                "channels": [2, 4],
            },
            "training": {"linear_epochs": 2, "epochs": 2, "batch_size": 8, "vae": False, **settings},
        }
    )


@pytest.fixture(scope="module")
def images():
    values = 0.5 + 0.1 * np.random.default_rng(0).standard_normal((PEOPLE, *SHAPE))
    return values.astype(np.float16)


@pytest.fixture
def cohort():
    rows = np.arange(PEOPLE)
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{row:02d}" for row in rows],
            "group": np.where(rows % 2, "target", "background"),
            "site": rows // 4 % 3,
        }
    )


@pytest.fixture
def breaks(monkeypatch):
    """Let the second step of training raise `error`."""

    def after_one_step(error):
        taken = []

        def step(self, *arguments):
            taken.append(1)
            if len(taken) > 1:
                raise error
            return one_step(self, *arguments)

        one_step = Trainer.step
        monkeypatch.setattr(Trainer, "step", step)

    return after_one_step


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_a_loss_that_is_no_number_stops_before_anything_is_kept(images, cohort, tmp_path, monkeypatch, loss):
    def step(self, *arguments):
        return one_step(self, *arguments) | {"loss": loss}

    one_step = Trainer.step
    monkeypatch.setattr(Trainer, "step", step)
    with pytest.raises(InputError, match=r"epoch 1: training diverged. Lower training\.learning_rate"):
        train(images, cohort, recipe(), tmp_path)
    assert not (tmp_path / "cvae.safetensors").exists()
    monkeypatch.undo()
    train(images, cohort, recipe(), tmp_path)  # from the state before it
    assert (tmp_path / "cvae.safetensors").exists()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
        MemoryError("Unable to allocate 20 GiB"),
    ],
)
def test_full_memory_names_the_setting_to_lower(images, cohort, tmp_path, breaks, error):
    breaks(error)
    with pytest.raises(
        InputError, match=r"8 \+ 8 maps\. Try --set training\.batch_size=4, and give --overwrite"
    ) as told:
        train(images, cohort, recipe(), tmp_path)
    assert len(told.value.problems) == 1


@pytest.mark.parametrize(
    ("trunk", "named"),
    [("patches", r"model\.patch_features or model\.hidden"), ("convolutions", r"model\.channels")],
)
def test_full_memory_at_the_smallest_batch_names_what_makes_the_network_large(
    images, cohort, tmp_path, breaks, trunk, named
):
    breaks(torch.OutOfMemoryError("CUDA out of memory"))
    asked = recipe(batch_size=1)
    asked = asked.model_copy(update={"model": asked.model.model_copy(update={"trunk": trunk})})
    with pytest.raises(InputError, match=rf"1 \+ 1 maps\. Lower {named}, and give --overwrite"):
        train(images, cohort, asked, tmp_path)


def test_another_error_is_not_taken_for_full_memory(images, cohort, tmp_path, breaks):
    breaks(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        train(images, cohort, recipe(), tmp_path)


@pytest.mark.parametrize("group", ["target", "background"])
@pytest.mark.parametrize("count", [0, 1])
def test_a_fold_without_a_group_to_learn_from_is_refused(images, cohort, tmp_path, group, count):
    fitted = (cohort["group"] != group).to_numpy() | (cohort.groupby("group").cumcount() < count).to_numpy()
    with pytest.raises(InputError, match=f"has {count} of the {group} group to train on"):
        train(images, cohort, recipe(), tmp_path, fitted=fitted)


@pytest.mark.parametrize("unlucky", ["no target held out", "a site held out", "two of each left"])
def test_an_unlucky_fold_trains_to_finite_numbers(images, cohort, tmp_path, unlucky):
    fitted = np.arange(PEOPLE) % 4 < 2
    if unlucky == "no target held out":
        fitted |= (cohort["group"] == "target").to_numpy()
    elif unlucky == "a site held out":
        fitted = (cohort["site"] != 1).to_numpy()
    else:
        fitted = np.arange(PEOPLE) < 4
    result = train(images, cohort, recipe(), tmp_path, fitted=fitted)
    assert np.isfinite(result.history[["train_loss", "validation_loss"]].to_numpy()).all()


@pytest.mark.parametrize("group", [True, False])
def test_a_batch_of_one_group_gives_finite_steps_and_measures(images, cohort, group):
    asked = recipe()
    rows = deal_rows(cohort, asked.cohort.site, asked.training, asked.seed)[0]
    trainer = Trainer(
        asked.training, asked.objective, asked.augmentation, asked.image, asked.model, asked.seed
    )
    state = trainer.start(images, rows)
    batch = rows.target if group else rows.background
    state.model.train()
    for _ in range(2):
        measured = trainer.step(state, load_batch(state.maps[batch], None), rows.is_target[batch])
        assert all(np.isfinite(value) for value in measured.values())
    assert all(torch.isfinite(tensor).all() for tensor in state.model.state_dict().values())
    evaluated = trainer.evaluate(state, batch, rows.is_target)
    assert all(np.isfinite(value) for value in evaluated.values())
