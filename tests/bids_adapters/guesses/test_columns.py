"""One column, looked at."""

import pandas as pd
import pytest

from bids_adapters.guesses.columns import look_at, scale_of

N = 20
LEVELS = {"Levels": {"1": "left", "2": "right"}}


def column(name, values, described=None):
    table = pd.DataFrame({"participant_id": [f"sub-{row}" for row in range(N)], name: values})
    return look_at(table, {name: described or {}})[name]


@pytest.mark.parametrize(
    ("name", "values", "scale", "why"),
    [
        ("score", [row + 0.5 for row in range(N)], "ratio", "numbers, 0.5 to 19.5"),
        ("score", [row % 9 or None for row in range(N)], "ratio", "numbers, 1 to 8, of 17 of 20"),
        ("rating", [row % 4 for row in range(N)], "ratio", "ordinal? 4 whole numbers, 0 to 3"),
        ("arm", [row % 2 for row in range(N)], "nominal", "two codes: 0 (10), 1 (10)"),
        ("hand", ["left", "right"] * 10, "nominal", "words: left (10), right (10)"),
        ("severity", ["mild", "Severe"] * 10, "nominal", "ordinal? words in an order"),
        ("note", [f"seen {row}" for row in range(N)], "", "text, 20 different"),
        ("scan_date", ["2019-04-11"] * 10 + ["2019-05-11"] * 10, "", "dates"),
        ("record_id", list(range(100, 100 + N)), "", "only tell participants apart"),
        ("constant", [3] * N, "", "the same for everybody"),
        ("rare", [1.5] * 5 + [2.5] * 4 + [None] * 11, "", "known of 9; 10 are needed"),
        ("nothing", [None] * N, "", "known of 0"),
    ],
)
def test_scales_are_guessed_and_the_reason_is_given(name, values, scale, why):
    found, reason = scale_of(column(name, values))
    assert found == scale
    assert why in reason


def test_codes_with_meanings_are_nominal_whatever_they_look_like():
    coded = column("hand", [1, 2] * 10, LEVELS)
    assert scale_of(coded) == ("nominal", "codes: 1 = left (10), 2 = right (10)")
    assert scale_of(column("sex", [0, 1] * 10))[0] == "nominal"


@pytest.mark.parametrize(
    ("name", "motion", "quality"),
    [
        ("fd_mean", True, False),
        ("mean_framewise_displacement", True, False),
        ("quality_iqr", False, True),
        ("euler_number", False, True),
        ("conduct", False, False),
        ("iq", False, False),
    ],
)
def test_motion_and_quality_are_known_by_name(name, motion, quality):
    numbers = column(name, [row / 3 for row in range(N)])
    assert (numbers.is_motion, numbers.is_quality) == (motion, quality)
    assert not column(name, ["a", "b"] * 10).is_motion
