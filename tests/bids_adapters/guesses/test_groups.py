"""Which column tells patients from controls."""

import pandas as pd
import pytest

from bids_adapters.guesses.columns import look_at
from bids_adapters.guesses.groups import guess_group

N = 24


def guess(described=None, **columns):
    people = [f"sub-{row}" for row in range(N)]
    values = {name: (list(cycle) * N)[:N] for name, cycle in columns.items()}
    return guess_group(look_at(pd.DataFrame({"participant_id": people, **values}), described or {}))


@pytest.mark.parametrize(
    ("values", "target", "background"),
    [
        (["ADHD", "HC"], ("ADHD",), ("HC",)),
        (["patient", "control"], ("patient",), ("control",)),
        (["Typically Developing", "ADHD-Combined", "ADHD-Inattentive"], 2, ("Typically Developing",)),
        (["TDC", "ADHD"], ("ADHD",), ("TDC",)),
        (["SZ", "healthy"], ("SZ",), ("healthy",)),
        (["yes", "no"], ("yes",), ("no",)),
        ([0, 1], ("1",), ("0",)),
        ([0, 1, 2, 3], ("1", "2", "3"), ("0",)),
    ],
)
def test_words_and_codes_are_dealt_to_the_groups(values, target, background):
    found = guess(diagnosis=values, sex=["M", "F"], score=range(N))
    assert found.column == "diagnosis"
    assert found.target == target or len(found.target) == target
    assert found.background == background
    assert found.why


def test_what_is_neither_is_left_out():
    found = guess(diagnosis=["ADHD", "HC", "ASD"])
    assert (found.target, found.background, found.neither) == (("ADHD",), ("HC",), ("ASD",))


def test_the_datasets_own_levels_come_first():
    turned = {"group": {"Levels": {"1": "control", "2": "ADHD"}}}
    found = guess(turned, group=[1, 2])
    assert (found.target, found.background) == (("2",), ("1",))
    assert "meaning of its codes" in found.why


def test_codes_without_a_zero_are_not_guessed():
    found = guess(group=[1, 2])
    assert found.column == "group"
    assert (found.target, found.background) == ((), ())


def test_a_convention_is_said_to_be_one():
    assert "check it" in guess(dx=[0, 1]).why


@pytest.mark.parametrize("name", ["medication", "family_history", "secondary_dx", "smoker"])
def test_yes_and_no_of_other_things_are_no_groups(name):
    found = guess(**{name: ["yes", "no"]}, left_handed=[0, 1])
    assert found.column == ""
    assert set(found.others) == {name, "left_handed"}


def test_words_beat_names_and_the_others_are_named():
    found = guess(cohort=[1, 2], status=["ADHD", "HC"], dx=["HC", "ADHD"])
    assert found.column == "dx"
    assert set(found.others) == {"status", "cohort"}
