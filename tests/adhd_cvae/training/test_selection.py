"""Which step is kept, on histories made by hand."""

import numpy as np
import pytest

from adhd_cvae.training.selection import best_epoch, chosen_epochs, earned, gains, step_curves


def rows(split, start, held_out=True, first="linear", **steps):
    """History of a split: nats of the start, then of each step's epochs; a hundredth of them is unexplained."""
    named = [(first, start), *((step, nats) for step, curve in steps.items() for nats in curve)]
    return [
        {"split": split, "step": step, "epoch": epoch, "held_out": held_out, "validation_nats": nats}
        | {"mean_nats": 100.0, "validation_reconstruction": nats / 100}
        for epoch, (step, nats) in enumerate(named)
    ]


TWO = [*rows(0, 10.0, trained=[8.0, 9.0, 7.0]), *rows(1, 20.0, trained=[19.0, 15.0, 18.0])]


def test_a_split_stops_where_the_other_one_was_best():
    found = gains(step_curves(TWO, "trained"))
    assert found["nats"].tolist() == [10 - 9, 20 - 18]
    assert found["explained"].to_numpy() == pytest.approx([0.01, 0.02])


def test_the_epochs_are_those_of_the_best_mean():
    assert chosen_epochs(TWO) == {"trained": 2, "deep": 0}
    assert best_epoch(step_curves(TWO, "trained")) == 2


def test_a_row_a_step_with_its_gain_and_spread():
    table = earned("cvae", TWO).set_index("step")
    assert table.index.tolist() == ["linear", "trained"]
    assert table.loc["linear", ["gain_nats", "gain_explained"]].tolist() == pytest.approx([85, 0.85])
    assert table.loc["trained", "gain_nats"] == pytest.approx(1.5)
    assert table.loc["trained", "gain_nats_sd"] == pytest.approx(np.std([1, 2], ddof=1))
    assert table["kept"].tolist() == [False, True]
    assert table["epochs"].tolist() == [0, 2]
    assert (table["splits"] == 2).all()
    assert (table["model"] == "cvae").all()


def test_what_each_split_likes_in_an_epoch_of_its_own_gains_nothing():
    history = [*rows(0, 10.0, trained=[9.0, 12.0]), *rows(1, 10.0, trained=[12.0, 9.0])]
    assert chosen_epochs(history) == {"trained": 0, "deep": 0}
    table = earned("cvae", history).set_index("step")
    assert table.loc["trained", "gain_nats"] == -2
    assert table["kept"].tolist() == [True, False]


@pytest.mark.parametrize(("gain", "epochs"), [(2.1, 1), (1.9, 0)])
def test_a_gain_within_its_standard_error_earns_nothing(gain, epochs):
    history = [
        *rows(0, 10.0, trained=[8.0 - gain]),
        *rows(1, 10.0, trained=[12.0 - gain]),
    ]  # standard error 2
    assert chosen_epochs(history)["trained"] == epochs


def test_one_split_has_its_own_best_epoch_and_no_spread():
    table = earned("vae", rows(0, 10.0, trained=[9.0, 8.0, 11.0])).set_index("step")
    assert table.loc["trained", ["epochs", "gain_nats", "splits"]].tolist() == [2, 2.0, 1]
    assert np.isnan(table.loc["trained", "gain_nats_sd"])


def test_the_deep_step_begins_at_the_best_epoch_before_it():
    history = rows(0, 10.0, trained=[7.0, 8.0], deep=[6.0, 9.0])
    assert step_curves(history, "deep")[0].nats.tolist() == [7, 6, 9]
    assert chosen_epochs(history) == {"trained": 1, "deep": 1}
    assert earned("cvae", history).set_index("step")["kept"].to_dict() == {
        "linear": False,
        "trained": False,
        "deep": True,
    }


def test_the_deep_step_can_earn_its_place_where_training_the_linear_maps_does_not():
    history = rows(0, 10.0, trained=[11.0, 12.0], deep=[9.0])
    assert step_curves(history, "deep")[0].nats.tolist() == [10, 9]
    assert chosen_epochs(history) == {"trained": 0, "deep": 1}


def test_a_split_that_stopped_early_stays_where_it_stopped():
    history = [*rows(0, 10.0, trained=[9.0]), *rows(1, 10.0, trained=[9.5, 9.0, 8.0])]
    assert best_epoch(step_curves(history, "trained")) == 3
    assert gains(step_curves(history, "trained"))["nats"].tolist() == [1, 0.5]


def test_a_random_start_has_one_step():
    history = rows(0, 99.0, first="random", deep=[60.0, 50.0])
    table = earned("cvae", history).set_index("step")
    assert table.index.tolist() == ["random", "deep"]
    assert table["gain_nats"].tolist() == [1, 49]
    assert table["kept"].tolist() == [False, True]


def test_without_epochs_the_start_is_kept():
    table = earned("cvae", rows(0, 10.0))
    assert table[["step", "epochs", "kept"]].to_numpy().tolist() == [["linear", 0, True]]


def test_where_nobody_is_held_out_no_gain_is_stated():
    table = earned("cvae", rows(0, 10.0, held_out=False, trained=[9.0]))
    assert (table["splits"] == 0).all()
    assert table[["gain_nats", "gain_explained"]].isna().all(axis=None)
    assert table["kept"].tolist() == [False, True]
