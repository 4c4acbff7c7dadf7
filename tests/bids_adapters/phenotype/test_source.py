"""One file: whose rows they are, which repeat others, which columns follow the code book."""

import json
from pathlib import Path

import pandas as pd
import pytest

from adhd_cvae.errors import InputError
from bids_adapters.phenotype.table import read_phenotype
from tests.bids_adapters.phenotype.invented_tables import write


def test_duplicate_rows_and_later_sessions_leave_a_note(tmp_path: Path) -> None:
    twice = write(tmp_path, "twice.csv", "ID,Age", "9001,10", "9001.0,10.0", "9002,11")
    sessions = write(
        tmp_path, "ses.tsv", "participant_id\tsession_id\tscore", "9002\tses-10\t7", "9002\tses-2\t5"
    )
    found = read_phenotype([twice, sessions])
    assert found.table["age"].tolist() == [10, 11]
    assert found.table["score"].tolist() == [pd.NA, 5]
    assert found.conflicts.empty
    assert found.notes.to_numpy().tolist() == [
        ["sub-0009001", "duplicate_row", "twice.csv, row 3: row 2 is used"],
        [
            "sub-0009002",
            "later_session",
            "ses.tsv, row 2: session ses-10; the first is ses-2, and the map names none",
        ],
    ]


def test_a_stray_value_is_noted_and_missing(tmp_path: Path) -> None:
    rows = [f"{9000 + number},1" for number in range(9)]
    found = read_phenotype([write(tmp_path, "a.csv", "ScanDir ID,Handedness", *rows, "9100,3")])
    assert found.table["handedness"].isna().sum() == 1
    assert found.notes["reason"].tolist() == ["value_not_in_code_book"]
    assert "handedness = '3'" in found.notes["detail"][0]


def test_identifier_column_and_its_copies(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "a.csv",
        "Subject,subs,ScanDir ID,Age",
        "1,mwrc10009001.nii,9001,10",
        "2,mwrc10009002.nii,9002,11",
    )
    table = read_phenotype([path]).table
    assert table["participant_id"].tolist() == ["sub-0009001", "sub-0009002"]
    # subs repeats the identifier; Subject counts rows and is not the same
    assert list(table.columns) == ["participant_id", "age", "subject"]


def test_rows_without_identifier_are_noted(tmp_path: Path) -> None:
    found = read_phenotype([write(tmp_path, "a.csv", "ID,Age", "9001,10", "N/A,12")])
    assert len(found.table) == 1
    assert found.notes.to_numpy().tolist() == [
        ["n/a", "no_identifier", "a.csv, row 3: no participant identifier"]
    ]


def test_another_study_keeps_its_own_codes(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "participants.tsv",
        "participant_id\tsex\tsite\tdx\tGAF (total)\tcode",
        "sub-01\t1\tOxford\tpatient\t55\t007",
        "sub-02\t2\tLeeds\tcontrol\t-999\t010",
    )
    path.with_suffix(".json").write_text(
        json.dumps({"GAF (total)": {"Description": "Functioning", "Units": "points"}})
    )
    found = read_phenotype([path])
    assert found.table["participant_id"].tolist() == ["sub-01", "sub-02"]
    assert found.table["sex"].tolist() == [1, 2]
    assert found.table["site"].tolist() == ["Oxford", "Leeds"]
    assert found.table["dx"].tolist() == ["patient", "control"]
    assert found.table["gaf_total"].tolist() == [55, pd.NA]
    assert found.table["code"].tolist() == ["007", "010"]
    assert found.columns["gaf_total"]["Units"] == "points"
    assert "another study" in found.columns["sex"]["Description"]
    assert found.notes.empty


def test_no_identifier_column_names_the_columns_found(tmp_path: Path) -> None:
    bad = write(tmp_path, "bad.csv", "Age,Gender", "10,1")
    empty = write(tmp_path, "empty.csv", "")
    with pytest.raises(InputError) as failure:
        read_phenotype([bad, empty])
    assert len(failure.value.problems) == 2
    assert "bad.csv: no column tells the participants apart (found: Age, Gender)" in failure.value.problems[0]


def test_from_which_share_of_unread_values_a_column_is_foreign_is_a_setting(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "ScanDir ID,Handedness", "1,1", "2,0", "3,7", "4,1")
    kept, foreign = (read_phenotype([path], foreign_share=share) for share in (0.5, 0.2))
    assert kept.table["handedness"].isna().tolist() == [False, False, True, False]
    assert foreign.table["handedness"].tolist() == [1, 0, 7, 1]
