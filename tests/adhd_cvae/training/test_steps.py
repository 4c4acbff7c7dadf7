"""The steps of a training: the same bits wherever it was interrupted, and what is taken once more."""

import pandas as pd
import pytest

from adhd_cvae.models.weights import load_model
from adhd_cvae.training import steps
from adhd_cvae.training.train import train
from tests.adhd_cvae.training.small import recipe, same, weights

ALONE = recipe(augmentation={"enabled": False}, training={"vae": False})
EPOCHS = [(split, epoch) for split in (0, 1) for epoch in range(5)]
"""Measured ones: the start, two of the linear maps, two of the deep step, in each of two splits."""


@pytest.fixture(scope="module")
def keeps_all():
    """Every step is taken once more, whatever it gained."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "chosen_epochs", lambda history: {"trained": 2, "deep": 1})
        yield


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory, keeps_all):
    images, cohort, _ = data
    folder = tmp_path_factory.mktemp("undisturbed")
    return folder, train(images, cohort, ALONE, folder)


@pytest.mark.parametrize("stop", [*EPOCHS, ("refit", 1), ("refit", 3)], ids=str)
def test_interrupted_after_any_epoch_it_ends_with_the_same_bits(data, undisturbed, tmp_path, stop):
    images, cohort, _ = data

    def interrupt(row):
        if (row.get("split", "refit"), row["epoch"]) == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(images, cohort, ALONE, tmp_path, interrupt)
    result = train(images, cohort, ALONE, tmp_path)
    assert same(weights(tmp_path), weights(undisturbed[0]))
    times = ["seconds", "time_ms"]
    pd.testing.assert_frame_equal(
        result.history.drop(columns=times), undisturbed[1].history.drop(columns=times)
    )
    pd.testing.assert_frame_equal(result.earned, undisturbed[1].earned)


@pytest.mark.parametrize(
    ("chosen", "taken"),
    [
        ({"trained": 0, "deep": 0}, []),
        ({"trained": 2, "deep": 0}, ["trained", "trained"]),
        ({"trained": 0, "deep": 1}, ["deep"]),
        ({"trained": 1, "deep": 2}, ["trained", "deep", "deep"]),
    ],
    ids=str,
)
def test_what_earned_its_place_is_taken_once_more_and_a_model_kept_linear_has_no_correction(
    data, tmp_path, monkeypatch, chosen, taken
):
    images, cohort, _ = data
    monkeypatch.setattr(steps, "chosen_epochs", lambda history: chosen)
    rows = []
    train(images, cohort, ALONE, tmp_path, rows.append)
    refit = [row for row in rows if row.get("refit")]
    assert [row["step"] for row in refit] == taken
    assert [row["epoch"] for row in refit] == list(range(1, len(taken) + 1))
    model, _ = load_model(tmp_path / "cvae")
    assert model.config.correction == ("deep" in taken)
    assert any("correction" in name for name in weights(tmp_path)) == ("deep" in taken)


def test_a_finished_training_shows_its_rows_again(data, undisturbed):
    images, cohort, _ = data
    rows = []
    train(images, cohort, ALONE, undisturbed[0], rows.append)
    assert [(row["split"], row["epoch"]) for row in rows] == EPOCHS
    assert {(row["splits"], row["epochs"]) for row in rows} == {(2, 4)}
