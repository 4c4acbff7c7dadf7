"""Cells of one column: codes, numbers or text, and what was not understood."""

import pytest

from bids_adapters.phenotype.cells import MIXED, NOT_A_NUMBER, NOT_IN_CODE_BOOK, Cells, Reader
from bids_adapters.phenotype.codebook import BY_NAME
from bids_adapters.phenotype.sidecar import Description

NUMBERS = [str(number) for number in range(10, 30)]


def read(name: str | None, *cells: str, adhd200: bool = False, **levels: str) -> Cells:
    reader = Reader(adhd200, decimal_comma=True, foreign_share=0.25)
    return reader.read(cells, BY_NAME[name] if name else None, Description(levels=levels))


@pytest.mark.parametrize("word", ["absent", ">90", "12 (est.)", "see notes", "7;6", "1.2.3", "1/2"])
def test_a_word_among_numbers_is_missing_and_told(word: str) -> None:
    found = read(None, *NUMBERS, word)
    assert (found.values[word], found.values["10"], found.reason) == (None, "10", NOT_A_NUMBER)


@pytest.mark.parametrize("cells", [("1", "2", "a"), ("1", "1", "2", "b", "c"), ("3", "low", "4", "high")])
def test_numbers_among_words_stay_text_and_are_told(cells: tuple[str, ...]) -> None:
    found = read(None, *cells)
    assert found.values == {cell: cell for cell in cells}
    assert found.reason == MIXED


@pytest.mark.parametrize("is_usual", [True, False])
@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (("9,01", "10,5"), ("9.01", "10.5")),
        (("0,532", "1,401"), ("0.532", "1.401")),
        (("1,40", "7"), ("1.4", "7")),
    ],
)
def test_a_decimal_comma_is_known_by_its_places(
    cells: tuple[str, ...], numbers: tuple[str, ...], is_usual: bool
) -> None:
    found = Reader(adhd200=False, decimal_comma=is_usual, foreign_share=0.25).read(cells, None, Description())
    assert tuple(found.values[cell] for cell in cells) == numbers


@pytest.mark.parametrize("cells", [("1,401", "1,388"), ("950", "1,021"), ("12,123", "13,456")])
def test_thousands_that_may_be_decimals_stay_text_and_are_told(cells: tuple[str, ...]) -> None:
    found = read(None, *cells)
    assert (found.values, found.reason) == ({cell: cell for cell in cells}, MIXED)


@pytest.mark.parametrize("cells", [("007", "010", "x"), ("a", "b", "1"), ("01", "02")])
def test_texts_stay_texts(cells: tuple[str, ...]) -> None:
    assert read(None, *cells).values == {cell: cell for cell in cells}


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("site", ("1", "9", "10")),
        ("sex", ("1", "2", "2")),
        ("dx", ("0", "4", "7")),
        ("handedness", ("3", "-80")),
    ],
)
def test_numbers_of_another_study_are_not_the_code_book_s(name: str, cells: tuple[str, ...]) -> None:
    found = read(name, *cells)
    assert found.values == {cell: cell for cell in cells}
    assert not found.by_book


@pytest.mark.parametrize("cell", ["9", "10", "0"])
def test_of_adhd200_a_number_outside_the_code_book_is_told(cell: str) -> None:
    found = read("site", *"12345678", cell, adhd200=True)
    assert (found.values[cell], found.by_book, found.reason) == (None, True, NOT_IN_CODE_BOOK)


@pytest.mark.parametrize(
    ("name", "cells", "levels", "codes"),
    [
        ("sex", ("M", "F"), {}, ("1", "0")),
        ("sex", ("m", "w", "Männlich", "weiblich"), {}, ("1", "0", "1", "0")),
        ("sex", ("b", "g"), {"b": "boy", "g": "girl"}, ("1", "0")),
        ("dx", ("Healthy control", "ADHD-C"), {}, ("0", "1")),
        ("dx", ("p", "c"), {"c": "control", "p": "ADHD combined"}, ("1", "0")),
        ("handedness", ("R", "ambidextrous"), {}, ("1", "2")),
    ],
)
def test_words_are_read_in_any_study(
    name: str, cells: tuple[str, ...], levels: dict[str, str], codes: tuple[str, ...]
) -> None:
    found = read(name, *cells, **levels)
    assert tuple(found.values[cell] for cell in cells) == codes
    assert found.by_book


@pytest.mark.parametrize("cell", ["1", "0", "2"])
def test_a_number_beside_words_of_sex_means_nothing_sure(cell: str) -> None:
    assert read("sex", *"MFMFMF", cell).values[cell] is None


@pytest.mark.parametrize("name", ["site", "adhd_measure", "iq_measure"])
def test_words_of_another_study_stay_its_own(name: str) -> None:
    found = read(name, "NYU", "WISC-IV", "Conners 3")
    assert found.values == {cell: cell for cell in ("NYU", "WISC-IV", "Conners 3")}


def test_levels_that_say_otherwise_come_first() -> None:
    reader = Reader(adhd200=True, decimal_comma=True, foreign_share=0.25)
    found = reader.read(["0", "1"], BY_NAME["dx"], Description(levels={"0": "ADHD", "1": "control"}))
    assert (found.values, found.by_book) == ({"0": "0", "1": "1"}, False)
    assert read("age", "89+", "10,5").values == {"89+": "89", "10,5": "10.5"}
