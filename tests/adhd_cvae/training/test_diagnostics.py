"""What goes wrong in training, as it is told: one sentence that names the setting to change."""

import pytest

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.training.diagnostics import Diagnostics


def diagnostics(**settings):
    asked = Recipe.model_validate(settings)
    return Diagnostics(asked.training, asked.objective, asked.model)


USUAL = diagnostics(model={"salient": 4})
HEALTHY = {
    "kl_salient": 8.0,
    "kl_background": 90.0,
    "total_correlation": 0.1,
    "critic_accuracy": 0.6,
    "active_salient": 4.0,
    "active_background": 48.0,
}


def history(validation, train=None, name="cvae", start="linear", **changes):
    """Rows of one validation split: the start, then epochs of the step after it."""
    later = "deep" if start == "random" else "trained"
    return [
        {"model": name, "split": 0, "step": later if epoch else start, "epoch": epoch, "train_loss": trained}
        | {"validation_nats": held_out, "validation_loss": held_out, "validation_reconstruction": 0.3}
        | HEALTHY
        | changes
        for epoch, (held_out, trained) in enumerate(zip(validation, train or validation, strict=True))
    ]


def test_a_healthy_training_nothing():
    assert USUAL.epoch_warnings({"model": "cvae", "epoch": 1, **HEALTHY, "active_salient": 3.5}) == {}
    assert USUAL.training_warnings(history([5.0, 3.0, 4.0])) == []
    assert USUAL.epoch_warnings({"model": "cvae", "epoch": 1, **HEALTHY}) == {}


@pytest.mark.parametrize(
    ("changes", "code", "expected"),
    [
        (
            {"kl_salient": 0.01},
            "salient_collapsed",
            "Lower objective.beta or objective.salient_of_background",
        ),
        ({"active_salient": 0.1}, "salient_collapsed", "0.1 of 4 units differ between patients"),
        ({"active_salient": 2.2}, "salient_inactive", "2 of 4 salient units are the same for all patients"),
        ({"active_salient": 2.5}, "salient_inactive", "2 of 4 salient units are the same for all patients"),
        ({"active_salient": 0.5}, "salient_inactive", "3 of 4 salient units are the same for all patients"),
        ({"kl_background": 0.01}, "background_collapsed", "Lower objective.beta"),
        ({"active_background": 0.0}, "background_collapsed", "everyone is decoded alike"),
        ({"critic_accuracy": 0.97}, "critic_wins", "right in 97%"),
        ({"total_correlation": 3.0}, "critic_wins", "Raise objective.total_correlation (now 1)"),
    ],
)
def test_each_fault_is_noticed_in_its_epoch_and_told_at_the_end(changes, code, expected):
    found = USUAL.epoch_warnings({"model": "cvae", "epoch": 1, **HEALTHY, **changes})
    assert list(found) == [code]
    assert expected in found[code]
    assert USUAL.epoch_warnings({"model": "cvae", "epoch": 0, **HEALTHY, **changes}) == {}
    found_at_end = USUAL.training_warnings(history([5.0, 3.0, 4.0], **changes))
    assert len(found_at_end) == 1
    assert expected in found_at_end[0]


def test_the_plain_model_has_no_salient_space_and_no_critic():
    plain = Diagnostics(USUAL.training, USUAL.objective, USUAL.model.model_copy(update={"salient": 0}))
    silent = {"kl_salient": 0.0, "active_salient": 0.0, "critic_accuracy": float("nan")}
    assert plain.training_warnings(history([5.0, 3.0, 4.0], name="vae", **silent)) == []
    found = plain.training_warnings(history([5.0, 3.0, 4.0], name="vae", **silent, active_background=0))
    assert [text.split(":")[0] for text in found] == ["vae"]


def test_a_start_that_nothing_beats():
    (kept,) = USUAL.training_warnings(history([3.0, 4.0, 3.5]))
    assert "gained nothing on those held out" in kept
    assert "the model is linear" in kept
    random = diagnostics(model={"salient": 4, "start": "random"})
    (nothing,) = random.training_warnings(history([3.0, 4.0, 5.0], start="random"))
    assert "nothing was learnt" in nothing
    assert "training.learning_rate" in nothing


def test_the_epoch_that_is_looked_at_is_the_one_of_the_best_held_out_likelihood():
    rows = history([5.0, 3.0, 4.0])
    rows[1] |= {"validation_loss": 9.0, "kl_background": 0.01}
    (text,) = USUAL.training_warnings(rows)
    assert "the background space has collapsed" in text


def test_a_loss_that_leaps():
    (text,) = USUAL.training_warnings(history([5.0, 3.0, 4.0], train=[50.0, 4e14, 20.0]))
    assert "4e+14" in text
    assert "Lower training.learning_rate" in text


def test_still_improving():
    deep = diagnostics(model={"salient": 4, "start": "random"}, training={"epochs": 2})
    (text,) = deep.training_warnings(history([5.0, 4.0, 3.0], start="random"))
    assert "more training.epochs" in text
    assert deep.training_warnings(history([5.0, 3.0, 4.0], start="random")) == []
    assert diagnostics(model={"salient": 4}, training={"epochs": 0}).training_warnings(history([5.0])) == []


def test_divergence_names_both_losses_and_the_rate():
    row = {"model": "cvae", "epoch": 2, "train_loss": 3.5, "validation_loss": float("nan")}
    with pytest.raises(InputError, match=r"3\.5 \(validation nan\) in epoch 2.*learning_rate \(now 0\.001\)"):
        USUAL.checked(row)
    sound = row | {"validation_loss": 1.0}
    assert USUAL.checked(sound) == sound
