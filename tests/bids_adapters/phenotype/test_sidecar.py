"""What a dataset's JSON file says about codes."""

from pathlib import Path
from typing import Any

import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import write_json
from bids_adapters.phenotype.codebook import BY_NAME
from bids_adapters.phenotype.sidecar import Description, read_sidecar


def describe(folder: Path, entry: Any) -> Description:
    write_json({"Score A": entry}, folder / "t.json")
    return read_sidecar(folder / "t.tsv").of("score_a")


@pytest.mark.parametrize(
    ("entry", "missing"),
    [
        ({"Levels": {"999": "missing", "1": "yes"}}, {"999"}),
        ({"Levels": {"-9": "Not collected", "88": {"Description": "not applicable"}}}, {"-9", "88"}),
        ({"Levels": {"99": "unknown", "98": "refused"}}, {"99", "98"}),
        ({"MissingValues": [999, "-99"]}, {"999", "-99"}),
        ({"missing_value": 777}, {"777"}),
        ({"Description": "T score (999 = missing)"}, {"999"}),
        ({"Description": "Missing values are coded as -99."}, {"-99"}),
        ({"Description": "-9 if not assessed"}, {"-9"}),
        ({"Description": "number of missing teeth, 0 to 32"}, set()),
        ({"Description": "one of 999 people"}, set()),
        ("not an object", set()),
    ],
)
def test_missing_codes(tmp_path: Path, entry: Any, missing: set[str]) -> None:
    assert describe(tmp_path, entry).missing == missing


@pytest.mark.parametrize(
    ("entry", "levels"),
    [
        ({"Levels": {"0": "ADHD", "1.0": "control"}}, {"0": "ADHD", "1": "control"}),
        ({"levels": {"HC": {"Description": "healthy control"}}}, {"hc": "healthy control"}),
        ({"Levels": {"male": 1, "female": 2}}, {"1": "male", "2": "female"}),
        ({"Description": "Group: 1 = patient, 2 = control"}, {"1": "patient", "2": "control"}),
        ({"Description": "Score at 8:30, 1 = low"}, {}),
        ({"Levels": ["a", "b"]}, {}),
    ],
)
def test_levels(tmp_path: Path, entry: Any, levels: dict[str, str]) -> None:
    assert describe(tmp_path, entry).levels == levels


@pytest.mark.parametrize(
    "levels", [["a", "b"], "a", 1, None, {"1": None}, {"1": ["x"]}, {"1": {"TermURL": "y"}}]
)
def test_levels_of_another_form_are_texts_or_none(tmp_path: Path, levels: Any) -> None:
    kept = describe(tmp_path, {"Levels": levels}).entry.get("Levels", {})
    assert all(isinstance(text, str) for text in kept.values())


@pytest.mark.parametrize(
    ("name", "levels", "follows"),
    [
        ("dx", {"0": "control", "1": "ADHD-Combined"}, True),
        ("dx", {"0": "ADHD", "1": "control"}, False),
        ("dx", {"0": "control", "1": "ADHD", "2": "bipolar disorder"}, False),
        ("sex", {"1": "male", "2": "female"}, False),
        ("sex", {"1": "Male", "0": "Female"}, True),
        ("site", {"1": "Leuven", "2": "Oslo"}, False),
        ("age", {}, True),
    ],
)
def test_levels_follow_the_code_book_or_not(name: str, levels: dict[str, str], follows: bool) -> None:
    assert Description(levels=levels).follows(BY_NAME[name]) is follows


def test_levels_of_sites_or_groups_show_a_table_of_adhd200(tmp_path: Path) -> None:
    for name in ("site", "dx"):
        write_json({name: BY_NAME[name].sidecar()}, tmp_path / "t.json")
        assert read_sidecar(tmp_path / "t.tsv").is_of_adhd200
    write_json({"dx": {"Levels": {"0": "control", "1": "ADHD"}}}, tmp_path / "t.json")
    assert not read_sidecar(tmp_path / "t.tsv").is_of_adhd200


def test_one_that_is_not_fetched_is_refused_and_one_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text("[1, 2]")
    assert read_sidecar(tmp_path / "t.tsv").problem == "t.json: expected a JSON object."
    (tmp_path / "t.json").unlink()
    assert read_sidecar(tmp_path / "t.tsv").problem == ""
    (tmp_path / "t.json").symlink_to(".git/annex/objects/x/y/KEY/KEY")
    with pytest.raises(
        InputError, match=r"t\.json: not fetched: datalad get t\.json.* what the codes of t\.tsv mean"
    ):
        read_sidecar(tmp_path / "t.tsv")
