import os
from pathlib import Path

import pytest

from adhd_cvae.errors import InputError
from bids_adapters.phenotype.text_table import read_text_table, snake_case


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_dialect_reads_the_same(tmp_path: Path, separator: str, encoding: str, end: str) -> None:
    path = tmp_path / "table.txt"
    rows = [["ScanDir ID", "Med Status"], ["9001", "Naïve"], ["9002", " "]]
    path.write_bytes(end.join(separator.join(row) for row in rows).encode(encoding))
    table = read_text_table(path)
    assert table.headers == ("ScanDir ID", "Med Status")
    assert table.rows == (("9001", "Naïve"), ("9002", ""))
    assert table.lines == (2, 3)


@pytest.mark.parametrize("header", ["", "Unnamed: 0", "index", "X"])
@pytest.mark.parametrize("start", [0, 1])
def test_row_numbers_are_no_column(tmp_path: Path, header: str, start: int) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"{header},id,age\n{start},9001,10\n{start + 1},9002,11\n")
    assert read_text_table(path).headers == ("id", "age")


def test_nameless_column_with_content_stays(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(",id\n17,9001\n4,9002\n")
    assert read_text_table(path).headers == ("", "id")


def test_quoted_separators_and_short_rows(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('id,secondary,age\n9001,"ODD, LD",10\n9002\n\n,,\n')
    assert read_text_table(path).rows == (("9001", "ODD, LD", "10"), ("9002", "", ""))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"id,age\n1,2,3\n", "row 2 has 3 cells, the header 2"),
        (b"PK\x03\x04rest", "a spreadsheet or an archive"),
        (b"\x1f\x8brest", "compressed"),
        (b"id\0,age\n", "binary"),
        (b'id,age\n1,"' + b"x" * 200_000 + b'"\n', "is not a table"),
    ],
)
def test_what_is_no_table_fails_with_one_line_naming_the_file(
    tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=says) as failure:
        read_text_table(path)
    assert str(path) in str(failure.value)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("cells", [('"twin" of x', '"y'), ('"', '"'), ('say "hi"', '6" tall'), ('"a', 'b"')])
def test_in_a_table_of_tabs_a_quotation_mark_is_a_character(tmp_path: Path, cells: tuple[str, str]) -> None:
    path = tmp_path / "table.tsv"
    path.write_text(f"id\tnote\n1\t{cells[0]}\n2\tok\n3\t{cells[1]}\n")
    assert read_text_table(path).rows == (("1", cells[0]), ("2", "ok"), ("3", cells[1]))


def test_what_r_writes_with_tabs_is_unquoted(tmp_path: Path) -> None:
    path = tmp_path / "table.tsv"
    path.write_text('"id"\t"note"\n"a"\t"so, so"\n"b"\t3\n')
    table = read_text_table(path)
    assert (table.headers, table.rows) == (("id", "note"), (("a", "so, so"), ("b", "3")))


@pytest.mark.parametrize(
    "rows",
    [
        ('1,"restless,0', "2,ok,1", '3,tall 6",0', "4,ok,1"),
        ('1,"restless,0', "2,ok,1", '3,"twin" of x,0'),
        ("1,ok,0", '2,"x" y,1'),
        ("1,ok,0", '2,"open,1'),
    ],
)
def test_in_a_table_of_commas_no_row_swallows_the_next(tmp_path: Path, rows: tuple[str, ...]) -> None:
    path = tmp_path / "table.csv"
    path.write_text("\n".join(("id,note,dx", *rows)) + "\n")
    with pytest.raises(InputError, match=r"table\.csv: .*row \d"):
        read_text_table(path)


def test_a_quoted_cell_may_hold_lines(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('id,note,dx\n1,"first, then\nsecond",0\n2,ok,1\n')
    assert read_text_table(path).rows == (("1", "first, then second", "0"), ("2", "ok", "1"))


@pytest.mark.parametrize(("row", "width"), [("2\t5", 2), ("2", 1), ("2\t5\t6\t7", 4)])
def test_rows_of_another_width_are_named(tmp_path: Path, row: str, width: int) -> None:
    path = tmp_path / "table.tsv"
    path.write_text(f"id\ta (x, y, z)\tb\n1\t2\t3\n{row}\n3\t4\t5\n4\t\t\n5\t1\t2\t\t\n")
    assert read_text_table(path).ragged == {3: width}


def test_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.csv: cannot be read"):
        read_text_table(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Hyper/Impulsive", "hyper_impulsive"),
        ("Hyper.Impulsive", "hyper_impulsive"),
        ("Secondary Dx ", "secondary_dx"),
        ("secondary_dx_", "secondary_dx"),
        ("ScanDir.ID", "scandir_id"),
        ("QC_Rest_1", "qc_rest_1"),
    ],
)
def test_header_variants(header: str, name: str) -> None:
    assert snake_case(header) == name


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_may_never_end_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "participants.tsv"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(InputError, match="is a pipe, a device or a folder; expected a table"):
        read_text_table(path)
