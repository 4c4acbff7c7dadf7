"""Names of spaces, units and codes."""

import pandas as pd
import pytest

from adhd_cvae.names import (
    BACKGROUND,
    SALIENT,
    VAE,
    code_label,
    column_names,
    rows_of,
    sd_name,
    signed,
    space_label,
    spaces_in,
    unit_names,
    units_in,
)


@pytest.mark.parametrize(
    ("code", "words"), [(3.0, "KKI"), (3, "KKI"), ("3", "KKI"), (0.5, "0.5"), ("L", "L")]
)
def test_codes_become_words(code: object, words: str) -> None:
    assert code_label(code, {"3": "KKI"}) == words


def test_spaces_stand_in_one_order_and_unknown_ones_last() -> None:
    table = pd.DataFrame({"space": [VAE, "zeta", "alpha", SALIENT, VAE, BACKGROUND]})
    assert spaces_in(table) == [SALIENT, BACKGROUND, VAE, "alpha", "zeta"]
    assert [space_label(space) for space in (SALIENT, "my_space")] == ["salient s", "my space"]


def test_units_are_found_by_their_prefix_and_without_their_spread() -> None:
    names = column_names(2, 1)
    assert names == [
        "s_00",
        "s_01",
        "z_00",
        "s_00_sd",
        "s_01_sd",
        "z_00_sd",
        "distance",
        "out_of_distribution",
    ]
    assert units_in(names, SALIENT) == unit_names(SALIENT, 2)
    assert units_in(["split", "s_00"], SALIENT) == ["s_00"]
    assert sd_name("v_03") == "v_03_sd"


def test_numbers_have_a_true_minus_sign() -> None:
    assert signed("-0.5") == "−0.5"


def test_rows_keep_the_type_of_each_cell() -> None:
    rows = rows_of(pd.DataFrame({"n": [1, 2], "name": ["a", "b"]}))
    assert rows == [{"n": 1, "name": "a"}, {"n": 2, "name": "b"}]
    assert type(rows[0]["n"]) is int
