"""Losses by epoch and their terms."""

import numpy as np
import pandas as pd

from adhd_cvae.figures import training
from tests.adhd_cvae.figures.figure_content import words_of


def history(models: tuple[str, ...]) -> pd.DataFrame:
    epochs = np.arange(1, 6)
    tables = [
        pd.DataFrame(
            {"model": model, "epoch": epochs, "train_loss": 9 / epochs, "test_loss": [5, 4, 3, 3.5, 4]}
        )
        for model in models
    ]
    return pd.concat(tables).assign(reconstruction=1.0, kl_salient=np.nan, critic_accuracy=0.5)


def test_training_marks_the_epoch_that_was_kept() -> None:
    figure = training.training_losses(history(("cvae", "vae")))
    assert len(figure.axes) == 2
    best = [line for line in figure.axes[0].lines if line.get_label() == "best held-out likelihood"]
    assert best[0].get_xydata().tolist() == [[3.0, 3.0]]
    validated = history(("cvae",)).assign(validation_loss=[6, 2, 3, 4, 5])
    lines = training.training_losses(validated).axes[0].lines
    best = [line for line in lines if line.get_label() == "best held-out likelihood"]
    assert [line.get_xydata().tolist() for line in best] == [[[2.0, 2.0]]]


def test_the_likelihood_decides_which_epoch_is_marked_and_a_line_where_the_deep_step_begins() -> None:
    steps = {"step": ["linear", "trained", "trained", "deep", "deep"], "validation_nats": [5, 3, 4, 1, 2]}
    rows = history(("cvae",)).assign(validation_loss=[6, 2, 3, 4, 5], **steps)
    (axes,) = training.training_losses(rows).axes
    marked = [line for line in axes.lines if line.get_label() == "best held-out likelihood"]
    assert marked[0].get_xydata().tolist() == [[4.0, 4.0]]
    assert [text.get_text() for text in axes.texts] == ["deep"]
    assert axes.texts[0].xy[0] == 3.5
    linear = rows.assign(step=["linear", *["trained"] * 4])
    assert not training.training_losses(linear).axes[0].texts


def test_training_terms_leave_out_what_was_not_recorded() -> None:
    words = words_of(training.training_terms(history(("cvae",))))
    assert "unexplained variance" in words
    assert "KL of s" not in words


def test_training_terms_without_a_weight_are_not_drawn() -> None:
    rows = history(("cvae",)).assign(hsic=0.1, salient_mmd_of_background=0.0)
    words = words_of(training.training_terms(rows))
    assert "dependence of s and z (HSIC)" in words
    assert "controls' s from 0 (MMD²)" not in words
