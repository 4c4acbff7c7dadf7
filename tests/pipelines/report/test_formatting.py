"""Numbers, words and tables as a reader sees them."""

import numpy as np

from pipelines.report.formatting import (
    ReportTable,
    count,
    counted,
    interval,
    listed,
    number,
    plain,
    probability,
    rounded,
    template,
    text,
    text_lines,
    words,
)


def test_numbers_are_written_for_readers() -> None:
    assert (number(-0.0421), number(-0.0001), number(np.nan)) == ("−0.042", "0.000", "n/a")
    assert (probability(0.0004), probability(0.04), probability(None)) == ("< 0.001", "0.040", "n/a")
    assert (count(3.0), count(np.nan)) == ("3", "n/a")
    assert (interval(-0.1, 0.2), interval(np.nan, 1)) == ("−0.100 to 0.200", "n/a")


def test_a_value_has_as_many_digits_as_it_needs() -> None:
    assert (plain(2.0), plain(0.01), plain("held_out"), plain(np.nan)) == ("2", "0.0100", "held out", "n/a")
    assert rounded("above -12.34567 or not") == "above −12.3 or not"
    assert (words("no_map"), words(np.nan), text("no_map"), text(None)) == ("no map", "", "no_map", "")


def test_names_are_listed_and_counted() -> None:
    assert [listed(list(names)) for names in ("", "a", "ab", "abc")] == ["none", "a", "a and b", "a, b and c"]
    assert [listed(list("abcd"), most) for most in (4, 3)] == ["a, b, c and d", "a, b and 2 others"]
    assert (counted(1, "site"), counted(2, "site")) == ("1 site", "2 sites")


def test_a_table_for_a_terminal_keeps_its_numbers_and_cuts_long_names() -> None:
    table = ReportTable("", ("", "patients"), {"": [["a name of many words", "30"], ["short", "7"]]})
    assert text_lines(table, "Site", 24) == [
        "Site            patients",
        "a name of man…        30",
        "short                  7",
    ]
    assert text_lines(table, "Site", 80)[1] == "a name of many words        30"


def test_a_table_counts_its_rows() -> None:
    rows = [[str(row)] * 5 for row in range(9)]
    table = ReportTable("", tuple("abcde"), {"one": rows, "two": rows})
    assert table.size == 18


def test_only_a_page_of_html_is_escaped() -> None:
    environment = template("methods.txt.j2").environment
    assert callable(environment.autoescape)
    assert environment.autoescape("report.html.j2")
    assert not environment.autoescape("methods.txt.j2")
