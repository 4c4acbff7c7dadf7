import pytest

from bids_adapters.identifiers import (
    Identifier,
    find_ambiguous,
    find_key,
    participant_key,
    participant_label,
    read_identifier,
)


@pytest.mark.parametrize(
    "text",
    [
        "9001",
        "0009001",
        "sub-0009001",
        "9001_",
        " 9001 ",
        "9001.0",
        "mwrc10009001.nii",
        "mwrc10009001.nii.gz",
    ],
)
def test_every_spelling_of_one_identifier_is_one_participant(text: str) -> None:
    assert participant_label(text) == "0009001"


def test_burner_name_gives_its_last_seven_digits() -> None:
    # A greedy \d+ after mwrc would read 10010001 or 1009001.
    assert participant_label("mwrc10010001.nii") == "0010001"
    assert participant_label("mwrc11234567.nii") == "1234567"


def test_label_of_another_study_is_kept() -> None:
    assert participant_label("sub-07") == "07"
    assert participant_label("sub-abc+1_ses-2") == "abc+1"
    assert participant_label("NDAR_INV7") == "NDARINV7"
    assert participant_label(" _ ") is None


@pytest.mark.parametrize(
    ("one", "other"), [("1-12", "11-2"), ("7", "007"), ("AB_1", "A_B1"), ("sub-1_A", "sub-1_B")]
)
def test_two_spellings_of_one_table_are_ambiguous(one: str, other: str) -> None:
    found = find_ambiguous({"a.tsv": identifiers(one, other, "sub-99")})
    assert [why.startswith("a.tsv: ") for why in found.values()] == [True]


@pytest.mark.parametrize(
    ("one", "other"), [("7", "007"), ("1-12", "1_12"), ("1-12", "112"), ("sub-A1", "A-1")]
)
def test_spellings_of_two_tables_meet(one: str, other: str) -> None:
    assert find_ambiguous({"a.tsv": identifiers(one), "b.tsv": identifiers(other)}) == {}
    assert find_key(one) == find_key(other)


@pytest.mark.parametrize(("one", "other"), [("1-12", "11-2"), ("1.23", "12.3"), ("A-BC", "AB_C")])
def test_spellings_that_separators_divide_differently_never_meet(one: str, other: str) -> None:
    assert list(find_ambiguous({"a.tsv": identifiers(one), "b.tsv": identifiers(other)})) == [find_key(one)]


@pytest.mark.parametrize(
    ("text", "label", "session"),
    [
        ("sub-01_ses-2", "01", "2"),
        ("sub-01_ses-pre_T1w.nii.gz", "01", "pre"),
        ('"sub-01"', "01", ""),
        ("sub-1-12", "0000112", ""),
    ],
)
def test_names_of_files_and_what_stands_around_them(text: str, label: str, session: str) -> None:
    found = read_identifier(text)
    assert found is not None
    assert (found.label, found.session) == (label, session)


def identifiers(*texts: str) -> list[Identifier]:
    return [found for text in texts if (found := read_identifier(text)) is not None]


def test_key_ignores_leading_zeros_of_numbers_only() -> None:
    assert participant_key("007") == participant_key("7") == "7"
    assert participant_key("000") == "0"
    assert participant_key("0a7") != participant_key("a7")
