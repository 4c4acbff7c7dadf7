"""What goes wrong in training, as it is told: one sentence that names the setting to change."""

import pandas as pd
import pytest

from adhd_cvae.config import Recipe
from adhd_cvae.training.diagnostics import diverged, epoch_warnings, training_warnings

RECIPE = Recipe()
HEALTHY = {
    "kl_salient": 8.0,
    "kl_background": 90.0,
    "total_correlation": 0.1,
    "critic_accuracy": 0.6,
    "active_salient": 4.0,
    "active_background": 48.0,
}


def history(validation, train=None, name="cvae", **changes):
    epochs = range(len(validation))
    rows = pd.DataFrame(
        {"model": name, "epoch": epochs, "validation_loss": validation, "train_loss": train or validation}
    )
    return rows.assign(**(HEALTHY | changes))


def test_a_healthy_training_is_told_nothing():
    assert training_warnings(history([5.0, 3.0, 4.0]), RECIPE) == []
    assert epoch_warnings({"epoch": 1, **HEALTHY}, "cvae", RECIPE) == {}


@pytest.mark.parametrize(
    ("changes", "code", "expected"),
    [
        ({"kl_salient": 0.01}, "salient_collapsed", "Lower objective.beta or objective.background_salient"),
        ({"active_salient": 0.1}, "salient_collapsed", "0.1 of 4 units differ between patients"),
        ({"active_salient": 2.2}, "salient_inactive", "2 of 4 salient units are the same for all patients"),
        ({"kl_background": 0.01}, "background_collapsed", "Lower objective.beta"),
        ({"active_background": 0.0}, "background_collapsed", "everyone is decoded alike"),
        ({"critic_accuracy": 0.97}, "critic_wins", "right in 97%"),
        ({"total_correlation": 3.0}, "critic_wins", "Raise objective.total_correlation (now 1)"),
    ],
)
def test_each_fault_is_noticed_in_its_epoch_and_told_at_the_end(changes, code, expected):
    found = epoch_warnings({"epoch": 1, **HEALTHY, **changes}, "cvae", RECIPE)
    assert list(found) == [code]
    assert expected in found[code]
    assert epoch_warnings({"epoch": 0, **HEALTHY, **changes}, "cvae", RECIPE) == {}
    told = training_warnings(history([5.0, 3.0, 4.0], **changes), RECIPE)
    assert len(told) == 1
    assert expected in told[0]


def test_the_plain_model_has_no_salient_space_and_no_critic():
    silent = {"kl_salient": 0.0, "active_salient": 0.0, "critic_accuracy": float("nan")}
    assert training_warnings(history([5.0, 3.0, 4.0], name="vae", **silent), RECIPE) == []
    told = training_warnings(history([5.0, 3.0, 4.0], name="vae", **silent, active_background=0), RECIPE)
    assert [text.split(":")[0] for text in told] == ["vae"]


def test_a_start_that_nothing_beats_is_told_and_whether_it_only_got_worse():
    (rising,) = training_warnings(history([3.0, 4.0, 5.0]), RECIPE)
    assert "no epoch improved on the linear start" in rising
    assert "the validation loss only rose" in rising
    assert "the model is linear" in rising
    random_start = RECIPE.model_copy(update={"model": RECIPE.model.model_copy(update={"start": "random"})})
    (nothing,) = training_warnings(history([3.0, 4.0, 5.0]), random_start)
    assert "nothing was learnt" in nothing
    assert "training.learning_rate" in nothing
    (wavering,) = training_warnings(history([3.0, 5.0, 4.0]), RECIPE)
    assert "only rose" not in wavering


def test_a_loss_that_leaps_is_told():
    (text,) = training_warnings(history([5.0, 3.0, 4.0], train=[50.0, 4e14, 20.0]), RECIPE)
    assert "4e+14" in text
    assert "Lower training.learning_rate" in text


def test_still_improving_is_told():
    recipe = Recipe.model_validate({"training": {"epochs": 2}})
    (text,) = training_warnings(history([5.0, 4.0, 3.0]), recipe)
    assert "more training.epochs" in text
    assert training_warnings(history([5.0]), Recipe.model_validate({"training": {"epochs": 0}})) == []


def test_divergence_names_both_losses_and_the_rate():
    row = {"epoch": 2, "train_loss": 3.5, "validation_loss": float("nan")}
    text = diverged(row, "cvae", RECIPE)
    assert "3.5 (validation nan) in epoch 2" in text
    assert "training.learning_rate (now 0.001)" in text
