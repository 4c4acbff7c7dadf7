import pytest

from bids_adapters.identifiers import participant_key, participant_label


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


def test_key_ignores_leading_zeros_of_numbers_only() -> None:
    assert participant_key("007") == participant_key("7") == "7"
    assert participant_key("000") == "0"
    assert participant_key("0a7") != participant_key("a7")
