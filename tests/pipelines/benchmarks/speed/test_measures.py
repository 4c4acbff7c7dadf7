from itertools import count

import pytest

from pipelines.benchmarks.speed.measures import peak_gib, ratio, row, timed


def test_a_row_holds_the_median_and_the_extremes():
    expected = {"measure": "step", "median": 2.0, "lowest": 1.0, "highest": 9.0, "unit": "s"}
    assert row("step", [9, 1, 2], "s") == expected


def test_the_extremes_of_a_ratio_take_the_worst_and_the_best_luck_of_both():
    found = ratio("theirs to ours", [10, 20, 30], [2, 4, 5])
    assert (found["median"], found["lowest"], found["highest"]) == (5, 2, 15)
    assert found["unit"] == "times"


def test_a_call_is_timed_by_the_clock_that_is_given():
    assert timed(lambda: None, count(3).__next__) == 1


def test_memory_is_in_gib():
    before = peak_gib()
    held = bytearray(2**27)
    assert 0.01 < before <= peak_gib() < 1000
    assert len(held) == pytest.approx(2**30 / 8)
