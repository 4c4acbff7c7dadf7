"""Rows that may be two participants' are nobody's."""

from pathlib import Path

import pytest

from bids_adapters.phenotype.table import read_phenotype
from tests.bids_adapters.phenotype.invented_tables import write


@pytest.mark.parametrize(
    ("one", "other"), [("1-12", "11-2"), ("7", "007"), ("A_1B", "A1_B"), ("sub-01_A", "sub-01_B")]
)
def test_two_spellings_of_one_table_are_two_participants(tmp_path: Path, one: str, other: str) -> None:
    path = write(tmp_path, "a.tsv", "participant_id\tage", f"{one}\t9", f"{other}\t9", "sub-3\t8")
    found = read_phenotype([path])
    assert list(found.ambiguous) == [key for key in found.identifiers if key != "3"]
    assert found.notes["reason"].tolist() == ["ambiguous_identifier"] * 2
    assert found.table.set_index("participant_id")["age"].dropna().to_dict() == {"sub-3": 8}
    assert [found.why_not(key) is None for key in found.identifiers] == [
        key == "3" for key in found.identifiers
    ]


@pytest.mark.parametrize(("one", "other"), [("1-12", "11-2"), ("2.31", "23.1"), ("AB-1", "A-B1")])
def test_two_tables_that_divide_an_identifier_differently_speak_of_two(
    tmp_path: Path, one: str, other: str
) -> None:
    files = [
        write(tmp_path, name, "ID,age", f"{cell},9") for name, cell in (("a.csv", one), ("b.csv", other))
    ]
    found = read_phenotype(files)
    assert len(found.ambiguous) == 1
    assert found.table["age"].isna().all()


@pytest.mark.parametrize(
    ("one", "other"), [("7", "007"), ("1-12", "1_12"), ("NDAR_INV7", "NDARINV7"), ("9.0", "9")]
)
def test_spellings_of_two_tables_meet_where_each_has_one(tmp_path: Path, one: str, other: str) -> None:
    files = [
        write(tmp_path, "a.csv", "ID,age", f"{one},9"),
        write(tmp_path, "b.csv", "ID,score", f"{other},5"),
    ]
    found = read_phenotype(files)
    assert found.ambiguous == {}
    assert found.table[["age", "score"]].to_numpy().tolist() == [[9, 5]]


@pytest.mark.parametrize("cells", ["sub-01\t1", "sub-01", "sub-01\t1\t0\t2\t5"])
def test_a_row_of_another_width_is_named_and_not_used(tmp_path: Path, cells: str) -> None:
    rows = [cells, *(f"sub-0{number}\t1\t0\t9" for number in range(2, 6))]
    found = read_phenotype([write(tmp_path, "p.tsv", "participant_id\tsite\tdx\tage", *rows)])
    width = len(cells.split("\t"))
    assert found.notes.to_numpy().tolist() == [
        ["sub-01", "ragged_row", f"p.tsv, row 2: has {width} cells and the header 4, so the row is not used"]
    ]
    assert found.table["dx"].isna().tolist() == [True, False, False, False, False]


def test_equal_rows_of_a_participant_count_once(tmp_path: Path) -> None:
    found = read_phenotype([write(tmp_path, "a.csv", "ID,Age", "9001,10", "9001.0,10.0", "9001,10")])
    assert found.notes["detail"].tolist() == ["a.csv, row 3: row 2 is used", "a.csv, row 4: row 2 is used"]
