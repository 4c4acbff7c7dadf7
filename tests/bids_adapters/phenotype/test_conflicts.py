"""Claims that agree are one value, whatever their spelling; the others are reported."""

from pathlib import Path

import pytest

from adhd_cvae.errors import InputError
from bids_adapters.phenotype.table import read_phenotype
from tests.bids_adapters.phenotype.invented_tables import write


def test_a_conflict_is_reported_and_not_decided(tmp_path: Path) -> None:
    one = write(tmp_path, "one.csv", "ID,Gender,DX", "9001,1,1", "9002,0,0")
    two = write(tmp_path, "two.csv", "ID,Gender,DX", "9001,0,1", "9002,0,0")
    found = read_phenotype([one, two])
    assert found.conflicting == {"9001": ["sex"]}
    assert found.table["sex"].isna().tolist() == [True, False]
    assert found.conflicts[
        ["participant_id", "column", "value", "file", "row", "used"]
    ].to_numpy().tolist() == [
        ["sub-0009001", "sex", "0", "two.csv", 2, "n/a"],
        ["sub-0009001", "sex", "1", "one.csv", 2, "n/a"],
    ]


def test_a_preferred_file_decides_and_the_conflict_stays_reported(tmp_path: Path) -> None:
    files = [
        write(tmp_path, name, "ID,Gender", f"9001,{sex}")
        for name, sex in (("a.csv", 1), ("b.csv", 0), ("c.csv", 1))
    ]
    found = read_phenotype(files, prefer=files[1])
    assert found.table["sex"].tolist() == [0]
    assert found.conflicting == {}
    assert sorted(found.conflicts["used"]) == ["no", "no", "yes"]
    with pytest.raises(InputError, match=r"not one of the phenotype files \(found: a.csv, b.csv, c.csv\)"):
        read_phenotype(files, prefer=tmp_path / "d.csv")


def test_rounded_ages_and_letter_case_agree(tmp_path: Path) -> None:
    one = write(tmp_path, "one.csv", "ID,Age,Secondary Dx", "9001,10.33,odd", "9002,11.1,x")
    two = write(tmp_path, "two.csv", "ID,Age,Secondary Dx", "9001,10.3333,ODD", "9002,11.3,x")
    found = read_phenotype([one, two])
    assert found.table["age"].tolist()[0] == 10.3333
    assert set(found.conflicts["participant_id"]) == {"sub-0009002"}


def test_a_hand_preference_is_no_rounded_inventory_score(tmp_path: Path) -> None:
    one = write(tmp_path, "one.csv", "ScanDir ID,Handedness", "9001,1")
    two = write(tmp_path, "two.csv", "ScanDir ID,Handedness", "9001,0.91")
    assert read_phenotype([one, two]).conflicting == {"9001": ["handedness"]}


def test_two_different_rows_of_one_file_conflict(tmp_path: Path) -> None:
    found = read_phenotype([write(tmp_path, "a.csv", "ID,Age", "9001,10", "9001,12")])
    assert found.conflicting == {"9001": ["age"]}
