import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adhd_cvae.errors import InputError
from adhd_cvae.io import write_tsv
from bids_adapters.phenotype.codebook import is_missing
from bids_adapters.phenotype.table import read_phenotype

HEADER = "ScanDir ID,Site,Gender,Age,Handedness,DX,Secondary Dx ,ADHD Measure,ADHD Index,Full4 IQ,Med Status"
ROWS = (
    "9001,5,1,10.25,0.5,1,ODD,2,70,101,1",
    "9002,5,0,11.5,L,0,,2,45,-999,pending",
    "9003,1,1,9,1,3, ,1,50,99,-999",
)


def write(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_one_code_book(tmp_path: Path) -> None:
    found = read_phenotype([write(tmp_path, "all.csv", HEADER, *ROWS)])
    table = found.table.set_index("participant_id")
    assert list(table.index) == ["sub-0009001", "sub-0009002", "sub-0009003"]
    assert table["dx"].tolist() == [1, 0, 3]
    assert str(table["dx"].dtype) == "Int64"
    assert table["handedness"].tolist() == [0.5, 0.0, 1.0]
    assert table["secondary_dx"].isna().tolist() == [False, True, True]
    assert table["full4_iq"].isna().tolist() == [False, True, False]
    assert table["med_status"].isna().tolist() == [False, True, True]
    assert found.conflicts.empty
    assert found.columns["sex"]["Levels"] == {"0": "female", "1": "male"}
    assert found.columns["sex"]["Origin"] == "column 'Gender' of all.csv"


def test_words_read_as_codes(tmp_path: Path) -> None:
    coded = read_phenotype([write(tmp_path, "codes.csv", "ID,Gender,DX", "9001,1,1", "9002,0,0")])
    words = write(tmp_path, "words.tsv", "participant_id\tgender\tdx", "sub-0009001\tMale\tADHD-Combined")
    with words.open("a", encoding="utf-8") as file:
        file.write("sub-0009002\tFemale\tTypically Developing Children\n")
    pd.testing.assert_frame_equal(read_phenotype([words]).table, coded.table)


def test_files_complete_each_other_and_the_bids_spelling_wins(tmp_path: Path) -> None:
    one = write(tmp_path, "one.csv", "ID,Gender", "9001,1", "9002,0")
    two = write(tmp_path, "two.csv", "participant_id;Age;Gender", "sub-9001;10,5;1", "sub-9003;11;N/A")
    table = read_phenotype([one, two]).table
    assert table["participant_id"].tolist() == ["sub-0009002", "sub-9001", "sub-9003"]
    assert table["sex"].tolist() == [0, 1, pd.NA]
    assert table["age"].tolist()[1:] == [10.5, 11.0]


def test_a_conflict_is_reported_and_not_settled(tmp_path: Path) -> None:
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
    one = write(tmp_path, "one.csv", "ID,Handedness", "9001,1")
    two = write(tmp_path, "two.csv", "ID,Handedness", "9001,0.91")
    assert read_phenotype([one, two]).conflicting == {"9001": ["handedness"]}


def test_duplicate_rows_and_later_sessions_leave_a_note(tmp_path: Path) -> None:
    twice = write(tmp_path, "twice.csv", "ID,Age", "9001,10", "0009001,10.0", "9002,11")
    sessions = write(
        tmp_path, "ses.tsv", "participant_id\tsession_id\tscore", "9002\tses-10\t7", "9002\tses-2\t5"
    )
    found = read_phenotype([twice, sessions])
    assert found.table["age"].tolist() == [10, 11]
    assert found.table["score"].tolist() == [pd.NA, 5]
    assert found.conflicts.empty
    assert found.notes.to_numpy().tolist() == [
        ["sub-0009001", "duplicate_row", "twice.csv, row 3: row 2 is used"],
        ["sub-0009002", "later_session", "ses.tsv, row 2: row 3 is used"],
    ]


def test_two_different_rows_of_one_file_conflict(tmp_path: Path) -> None:
    found = read_phenotype([write(tmp_path, "a.csv", "ID,Age", "9001,10", "9001,12")])
    assert found.conflicting == {"9001": ["age"]}


def test_a_stray_value_is_noted_and_missing(tmp_path: Path) -> None:
    rows = [f"{9000 + number},1" for number in range(9)]
    found = read_phenotype([write(tmp_path, "a.csv", "ID,Handedness", *rows, "9100,3")])
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


def test_iq_precedence_and_scores_within_instrument(tmp_path: Path) -> None:
    header = "ID,ADHD Measure,ADHD Index,IQ Measure,Verbal IQ,Performance IQ,Full2 IQ,Full4 IQ"
    rows = (
        "1,1,10,2,90,110,95,99",
        "2,1,20,2,90,110,95,",
        "3,2,60,2,90,110,,",
        "4,2,80,2,90,,,",
        "5,,70,2,,,,120",
    )
    found = read_phenotype([write(tmp_path, "a.csv", header, *rows)])
    np.testing.assert_array_equal(found.table["iq"], [99, 95, 100, np.nan, 120])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(found.table["adhd_index_z"], [-half, half, -half, half, np.nan])
    assert found.table["adhd_index"].tolist() == [10, 20, 60, 80, 70]
    assert "full4_iq, else full2_iq" in found.columns["iq"]["Description"]
    np.testing.assert_allclose(np.nanmean(found.table["iq_z"]), 0, atol=1e-12)


def test_given_iq_without_its_parts_stays(tmp_path: Path) -> None:
    assert read_phenotype([write(tmp_path, "a.csv", "ID,IQ", "1,101", "2,99")]).table["iq"].tolist() == [
        101,
        99,
    ]


def test_our_own_tables_read_back_the_same(tmp_path: Path) -> None:
    first = read_phenotype([write(tmp_path, "all.csv", HEADER, *ROWS)])
    write_tsv(first.table, tmp_path / "ours.tsv")
    (tmp_path / "ours.json").write_text(json.dumps(first.columns))
    again = read_phenotype([tmp_path / "ours.tsv"])
    pd.testing.assert_frame_equal(again.table, first.table)
    assert again.columns["sex"] == first.columns["sex"]


def test_a_control_character_beside_a_space_leaves_no_space_at_the_edge(tmp_path: Path) -> None:
    table = read_phenotype([write(tmp_path, "a.csv", "ID,Gender", '1,"\x1b : \x1b , \x1b"')]).table
    assert table["sex"].tolist() == [": ,"]


def test_no_identifier_column_names_the_columns_found(tmp_path: Path) -> None:
    bad = write(tmp_path, "bad.csv", "Age,Gender", "10,1")
    empty = write(tmp_path, "empty.csv", "")
    with pytest.raises(InputError) as failure:
        read_phenotype([bad, empty])
    assert len(failure.value.problems) == 2
    assert "bad.csv: no column tells the participants apart (found: Age, Gender)" in failure.value.problems[0]


MISSING = st.sampled_from(["-999", "-999.0", "N/A", "NA", "", " ", "pending", "withheld", "n/a", " -999"])
CELL = st.one_of(
    MISSING,
    st.integers(-5, 300).map(str),
    st.floats(0, 100).map(str),
    st.text(max_size=8),
    st.sampled_from(["Male", "ADHD-Combined"]),
)
COLUMN = st.sampled_from(
    ["Gender", "Age", "DX", "Site", "ADHD Index", "Full4 IQ", "Secondary Dx ", "note", "QC_Rest_1"]
)


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    columns = draw(st.lists(COLUMN, min_size=1, max_size=4, unique=True))
    ids = draw(st.lists(st.integers(1, 30), min_size=1, max_size=8))
    rows = [[str(one), *(draw(CELL) for _ in columns)] for one in ids]
    return pd.DataFrame(rows, columns=["ScanDir ID", *columns])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables(), separator=st.sampled_from([",", "\t", ";"]))
def test_no_missing_code_survives_nobody_is_lost_and_reading_again_changes_nothing(
    tmp_path: Path, table: pd.DataFrame, separator: str
) -> None:
    path = tmp_path / "table.csv"
    table.to_csv(path, sep=separator, index=False, quoting=csv.QUOTE_ALL)
    try:
        found = read_phenotype([path])
    except InputError as error:
        assert len(error.problems) == 1  # noqa: PT017
        assert "table.csv" in str(error)  # noqa: PT017
        return
    assert found.table["participant_id"].tolist() == sorted(
        {f"sub-{int(one):07d}" for one in table["ScanDir ID"]}
    )
    for name in found.table.columns:
        values = found.table[name].dropna()
        assert not any(is_missing(str(value)) for value in values)
    if found.conflicts.empty:
        write_tsv(found.table, tmp_path / "ours.tsv")
        pd.testing.assert_frame_equal(read_phenotype([tmp_path / "ours.tsv"]).table, found.table)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_any_bytes_parse_or_fail_with_one_readable_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes(content)
    try:
        read_phenotype([path])
    except InputError as error:
        assert len(error.problems) == 1  # noqa: PT017
        assert "odd.csv" in error.problems[0]  # noqa: PT017
        assert len(error.problems[0].splitlines()) == 1  # noqa: PT017
