import csv
import json
from pathlib import Path

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adhd_cvae.errors import InputError
from adhd_cvae.io import write_tsv
from bids_adapters.phenotype.codebook import is_missing
from bids_adapters.phenotype.table import read_phenotype
from tests.bids_adapters.phenotype.invented_tables import write

HEADER = "ScanDir ID,Site,Gender,Age,Handedness,DX,Secondary Dx ,ADHD Measure,ADHD Index,Full4 IQ,Med Status"
ROWS = (
    "9001,5,1,10.25,0.5,1,ODD,2,70,101,1",
    "9002,5,0,11.5,L,0,,2,45,-999,pending",
    "9003,1,1,9,1,3, ,1,50,99,-999",
)


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


MISSING = st.sampled_from(["-999", "-999.0", "N/A", "NA", "", " ", "pending", "withheld", "n/a", " -999"])
CELL = st.one_of(
    MISSING,
    st.integers(-5, 300).map(str),
    st.floats(0, 100).map(str),
    st.text(max_size=8).filter(lambda text: '"' not in text),  # one that a text begins with is not written
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
    # Rows of one participant count one by one: how many of a column are words is another share once they are one.
    if found.conflicts.empty and table["ScanDir ID"].is_unique:
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
