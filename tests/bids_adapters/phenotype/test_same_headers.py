"""One header in two tables is one column only where it was measured alike."""

from pathlib import Path

import pytest

from bids_adapters.phenotype.table import read_phenotype
from tests.bids_adapters.phenotype.invented_tables import write


@pytest.mark.parametrize("header", ["total", "T score", "FIQ", "inattentive"])
def test_two_instruments_are_two_columns(tmp_path: Path, header: str) -> None:
    files = [
        write(tmp_path, "cbcl.tsv", f"participant_id\t{header}", "sub-1\t101", "sub-2\t102"),
        write(tmp_path, "conners-3.tsv", f"participant_id\t{header}", "sub-2\t2", "sub-3\t3"),
    ]
    found = read_phenotype(files)
    name = header.lower().replace(" ", "_")
    assert list(found.table.columns) == ["participant_id", f"cbcl_{name}", f"conners_3_{name}"]
    assert found.table[f"cbcl_{name}"].dropna().tolist() == [101, 102]
    assert found.table[f"conners_3_{name}"].dropna().tolist() == [2, 3]
    assert found.conflicting == {}
    assert "cbcl.tsv" in found.notes["detail"][0]
    assert found.notes["reason"].tolist() == ["same_header"]


@pytest.mark.parametrize(
    ("header", "name"), [("Gender", "sex"), ("age", "age"), ("Site", "site"), ("DX", "dx")]
)
def test_shared_columns_are_one_and_may_be_in_conflict(tmp_path: Path, header: str, name: str) -> None:
    files = [
        write(tmp_path, "a.tsv", f"participant_id\t{header}", "sub-1\t1", "sub-2\t2"),
        write(tmp_path, "b.tsv", f"participant_id\t{header}", "sub-2\t1", "sub-3\t2"),
    ]
    found = read_phenotype(files)
    assert found.conflicting == {"2": [name]}
    assert found.table[name].dropna().tolist() == [1, 2]


def test_adhd200_in_a_file_a_site_is_one_table(tmp_path: Path) -> None:
    files = [
        write(tmp_path, f"{name}.csv", "ScanDir ID,ADHD Measure,Inattentive", f"{number},1,{30 + number}")
        for number, name in enumerate(("KKI", "NYU", "OHSU"), start=1)
    ]
    assert read_phenotype(files).table["inattentive"].tolist() == [31, 32, 33]


def test_a_column_repeated_word_for_word_is_one(tmp_path: Path) -> None:
    rows = [f"sub-{number}\t{'patient' if number % 2 else 'control'}" for number in range(1, 7)]
    files = [
        write(tmp_path, f"{name}.tsv", "participant_id\tarm", *rows[at:]) for at, name in enumerate("ab")
    ]
    assert list(read_phenotype(files).table.columns) == ["participant_id", "arm"]


def test_a_table_that_is_preferred_is_about_the_same(tmp_path: Path) -> None:
    files = [
        write(tmp_path, f"{name}.tsv", "participant_id\tiq", f"sub-1\t{iq}")
        for name, iq in (("a", 99), ("b", 98))
    ]
    assert read_phenotype(files, prefer=files[1]).table["iq"].tolist() == [98]
