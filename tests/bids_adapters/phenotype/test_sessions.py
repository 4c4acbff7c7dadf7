"""Values are those of the map's session, and never of another."""

from pathlib import Path

import pandas as pd
import pytest

from bids_adapters.phenotype.sessions import Sessions
from bids_adapters.phenotype.table import Phenotype, read_phenotype
from bids_adapters.sessions import SessionTimes
from tests.bids_adapters.phenotype.invented_tables import write


def visits(folder: Path, *rows: str, header: str = "session_id", map_session: str = "") -> Phenotype:
    path = write(
        folder,
        "visits.tsv",
        f"participant_id\t{header}\tage\tscore",
        *(row.replace(" ", "\t") for row in rows),
    )
    sessions = Sessions({"1": map_session} if map_session else {})
    return read_phenotype([path], sessions=sessions)


@pytest.mark.parametrize(
    ("labels", "of_map", "age"),
    [
        (("ses-1", "ses-2"), "2", 11),
        (("01", "02"), "1", 10),
        (("1.0", "2.0"), "02", 11),
        (("baseline_year_1_arm_1", "2_year_follow_up_y_arm_1"), "2YearFollowUpYArm1", 11),
        (("pre", "post"), "post", 11),
    ],
)
def test_the_row_of_the_map_s_session_is_used(
    tmp_path: Path, labels: tuple[str, str], of_map: str, age: int
) -> None:
    found = visits(tmp_path, f"sub-1 {labels[0]} 10 5", f"sub-1 {labels[1]} 11 n/a", map_session=of_map)
    assert found.table["age"].tolist() == [age]
    assert found.table["score"].isna().tolist() == [age == 11]
    assert found.notes["reason"].tolist() == ["other_session"]
    assert found.conflicts.empty


@pytest.mark.parametrize(
    ("labels", "first"),
    [(("ses-10", "ses-2"), 1), (("followup", "baseline"), 1), (("post", "pre"), 1), (("year2", "year10"), 0)],
)
def test_without_a_session_of_the_map_the_study_s_first_counts(
    tmp_path: Path, labels: tuple[str, str], first: int
) -> None:
    found = visits(tmp_path, f"sub-1 {labels[0]} 10 5", f"sub-1 {labels[1]} 11 6")
    assert found.table["age"].tolist() == [(10, 11)[first]]
    assert found.notes["reason"].tolist() == ["later_session"]


@pytest.mark.parametrize(("first", "second"), [("baseline", "followup"), ("1", "2"), ("pre", "post")])
def test_a_later_session_of_others_is_nobody_s_first(tmp_path: Path, first: str, second: str) -> None:
    found = visits(tmp_path, f"sub-1 {second} 11 6", f"sub-2 {first} 10 5", f"sub-2 {second} 11 6")
    assert found.table["age"].tolist() == [pd.NA, 10]
    assert found.notes["reason"].tolist() == ["other_session", "later_session"]


def test_sessions_named_by_their_dates_are_each_somebody_s_first(tmp_path: Path) -> None:
    found = visits(tmp_path, "sub-1 20110501 11 6", "sub-2 20100301 10 5")
    assert found.table["age"].tolist() == [11, 10]


def test_dates_decide_before_names(tmp_path: Path) -> None:
    (tmp_path / "sub-1").mkdir()
    write(
        tmp_path, "sub-1/sub-1_sessions.tsv", "session_id\tacq_time", "ses-b\t2010-01-01", "ses-a\t2011-01-01"
    )
    path = write(tmp_path, "v.tsv", "participant_id\tsession_id\tage", "sub-1\ta\t11", "sub-1\tb\t10")
    found = read_phenotype([path], sessions=Sessions(times=SessionTimes((tmp_path,))))
    assert found.table["age"].tolist() == [10]


def test_where_nothing_tells_which_is_first_none_is_used(tmp_path: Path) -> None:
    found = visits(tmp_path, "sub-1 placebo 10 5", "sub-1 verum 11 6")
    assert found.table["age"].isna().all()
    assert set(found.notes["reason"]) == {"unordered_sessions"}


@pytest.mark.parametrize("of_map", ["2", "followup", "03"])
def test_another_session_never_stands_in(tmp_path: Path, of_map: str) -> None:
    found = visits(tmp_path, "sub-1 ses-1 10 5", map_session=of_map)
    assert found.table[["age", "score"]].isna().all(axis=None)
    assert found.notes["detail"].tolist() == [
        f"visits.tsv, row 2: session ses-1; the map is of session {of_map}"
    ]


def test_instruments_of_different_sessions_are_in_no_dispute(tmp_path: Path) -> None:
    one = write(tmp_path, "srs.tsv", "participant_id\tsession_id\tsrs", "sub-1\t1\t50")
    two = write(tmp_path, "wisc.tsv", "participant_id\tsession_id\twisc", "sub-1\t2\t99")
    three = write(tmp_path, "participants.tsv", "participant_id\tage", "sub-1\t9")
    for sessions in (Sessions({"1": "1"}), Sessions()):
        found = read_phenotype([one, two, three], sessions=sessions)
        assert found.conflicting == {}
        assert found.table["srs"].tolist() == [50]
        assert found.table["wisc"].isna().all()
        assert found.table["age"].tolist() == [9]


@pytest.mark.parametrize("header", ["visit", "eventname", "wave"])
def test_other_names_of_the_column_count_where_they_tell_rows_apart(tmp_path: Path, header: str) -> None:
    found = visits(tmp_path, "sub-1 1 10 5", "sub-1 2 11 6", header=header)
    assert found.table["age"].tolist() == [10]
    other = visits(tmp_path, "sub-1 2 10 5", "sub-2 2 11 6", header=header, map_session="1")
    assert other.table["age"].tolist() == [pd.NA, 11]
    single = visits(tmp_path, "sub-1 3 10 5", "sub-2 4 11 6", header=header)
    assert single.table[header].tolist() == [3, 4]


def test_file_names_as_identifiers_name_the_session_too(tmp_path: Path) -> None:
    path = write(tmp_path, "v.tsv", "participant_id\tscore", "sub-1_ses-1\t5", "sub-1_ses-2\t6")
    assert read_phenotype([path], sessions=Sessions({"1": "2"})).table["score"].tolist() == [6]
