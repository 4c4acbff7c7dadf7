"""What training keeps on disk, and whose it is."""

import pytest
import torch

from adhd_cvae.config import CohortConfig, ImageConfig, Recipe
from adhd_cvae.config.identity import identity
from adhd_cvae.errors import InputError
from adhd_cvae.io import fingerprint
from adhd_cvae.models.network import ContrastiveVAE
from adhd_cvae.training.checkpoint import Checkpoint, save_state, training_key
from adhd_cvae.training.train import train
from tests.adhd_cvae.training.small import RECIPE, SHAPE


def test_a_checkpoint_that_carries_code_is_refused(data, tmp_path, capsys):
    class Evil:
        def __reduce__(self):
            return (print, ("owned",))

    save_state({"key": "x", "model": Evil()}, tmp_path / "cvae-resume.pt")
    images, cohort, _ = data
    with pytest.raises(InputError, match=r"damaged.*Weights only load failed"):
        train(images, cohort, RECIPE, tmp_path)
    assert "owned" not in capsys.readouterr().out


PARTICIPANTS = [["sub-01", "target", "train"]]


@pytest.mark.parametrize("trunk", ["patches", "convolutions"])
def test_no_training_is_taken_for_one_of_version_0_1_whose_steps_were_others(trunk):
    recipe = Recipe.model_validate({"model": {"trunk": trunk}})
    counted = {part: value for part, value in identity(recipe).items() if part not in ("name", "analysis")}
    assert training_key(recipe, PARTICIPANTS) != fingerprint([counted, PARTICIPANTS])


CHANGES = ({"seed": 1}, {"training": {"epochs": 3}}, {"cohort": {"group": "adhd"}})


@pytest.mark.parametrize("changes", [*CHANGES, {"model": {"trunk": "convolutions"}}])
def test_another_setting_or_participant_is_another_key(changes):
    first = training_key(Recipe(), PARTICIPANTS)
    assert training_key(Recipe.model_validate(changes), PARTICIPANTS) != first
    assert training_key(Recipe(), [["sub-02", "target", "train"]]) != first


def test_what_training_does_not_depend_on_is_no_part_of_the_key():
    recipe = Recipe.model_validate({"name": "mine", "analysis": {"draws": 3}})
    assert training_key(recipe, PARTICIPANTS) == training_key(Recipe(), PARTICIPANTS)


def test_an_unfinished_training_comes_back_until_it_is_finished(tmp_path):
    checkpoint = Checkpoint(tmp_path / "cvae", "key")
    assert checkpoint.load() is checkpoint.finished() is None
    checkpoint.save({"weights": torch.arange(3), "history": [{"epoch": 0, "mmd_salient": 0.5}]})
    state = checkpoint.load()
    assert state is not None
    assert torch.equal(state["weights"], torch.arange(3))
    assert state["history"] == [{"epoch": 0, "salient_mmd_of_background": 0.5}]  # as version 0.1 named it
    with pytest.raises(InputError, match="other data or settings"):
        Checkpoint(tmp_path / "cvae", "another").load()
    history = [{"epoch": 0, "validation_loss": 1.0}]
    checkpoint.finish(ContrastiveVAE(RECIPE.model, SHAPE, 10), ImageConfig(shape=SHAPE), history)
    assert checkpoint.load() is None
    assert checkpoint.finished() == history


def test_what_is_borrowed_counts_and_not_where_it_lies():
    places = [
        Recipe(cohort=CohortConfig(background_from=(place,))) for place in ("here/lent", "models:/lent@1")
    ]
    keys = [training_key(place, PARTICIPANTS, "sum") for place in places]
    assert keys[0] == keys[1] != training_key(places[0], PARTICIPANTS, "another")
