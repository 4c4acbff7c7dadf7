from itertools import permutations
from pathlib import Path

import pytest

from adhd_cvae.errors import InputError
from bids_adapters.sessions import SessionTimes, earliest, is_before, session_key


@pytest.mark.parametrize(
    "order",
    [
        ["1", "2", "10"],
        ["ses-01", "ses-02", "ses-11"],
        ["baselineYear1Arm1", "6MonthFollowUpYArm1", "1YearFollowUpYArm1", "2YearFollowUpYArm1"],
        ["00A", "02A", "04A", "10A"],
        ["M000", "M006", "M012", "M120"],
        ["sc", "bl", "m03", "m12"],
        ["screening", "baseline", "followup"],
        ["BL", "FU1", "FU2", "FU10"],
        ["BAS1", "BAS2", "FLU1"],
        ["pre", "mid", "post", "followup"],
        ["preop", "postop"],
        ["pretreatment", "posttreatment"],
        ["before", "after"],
        ["pre1", "pre2", "post1"],
        ["test", "retest"],
        ["baseline", "18month", "3year"],
        ["year1", "year2", "year10"],
        ["9months", "1year"],
        ["day2", "week1", "month1"],
        ["d0129", "d3132"],
        ["wave2", "wave10"],
        ["V1", "V2", "FU"],
        ["visitone", "visittwo", "visitthree"],
        ["first", "second", "third"],
        ["I", "II", "IV"],
        ["A", "B", "C"],
        ["1a", "1b", "2a"],
        ["scan", "rescan"],
        ["scan", "scan2"],
        ["baseline", "midline", "endline"],
        ["1", "2", "final"],
        ["", "1"],
        ["20190503", "20200101"],
    ],
)
def test_the_order_of_the_study(order: list[str]) -> None:
    for shuffled in permutations(order):
        assert earliest(shuffled) == order[0]
    for at, first in enumerate(order):
        assert all(is_before(first, later) for later in order[at + 1 :])
        assert not any(is_before(first, sooner) for sooner in order[:at])


@pytest.mark.parametrize(
    "labels", [("placebo", "verum"), ("mri", "pet"), ("1post", "2pre"), ("week4", "post")]
)
def test_names_without_an_order_have_no_first(labels: tuple[str, str]) -> None:
    assert earliest(labels) is None
    assert is_before(*labels) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ses-01", "1"),
        ("1.0", "1"),
        ("baseline_year_1_arm_1", "ses-baselineYear1Arm1"),
        ("2_year_follow_up_y_arm_1", "2YearFollowUpYArm1"),
        ("Session 2", "ses-2"),
        ("M00", "M000"),
        ("ses-Baseline", "baseline"),
    ],
)
def test_spellings_of_one_session_meet(one: str, other: str) -> None:
    assert session_key(one) == session_key(other)


def test_sessions_that_differ_do_not_meet() -> None:
    assert len({session_key(one) for one in ("1", "10", "100", "M1", "M10", "pre", "pre1", "")}) == 8


@pytest.mark.parametrize(
    "table",
    [
        "session_id\tacq_time\nses-verum\t2019-05-03T10:00:00\nses-placebo\t2019-04-28T09:00:00\n",
        "session_id\tacq_time\nses-verum\t1867-05-03\nses-placebo\t1867-05-02\n",
        "session_id\tage\nverum\t9.5\nplacebo\t9.25\n",
        "session_id\tacq_time\tage\nses-verum\t2019-05-03\t9.5\nses-placebo\tn/a\t9.25\n",
        "session_id\tacq_time\nses-verum\t2019-05-03T10:00:00Z\nses-placebo\t2019-05-02T10:00:00.5\n",
    ],
)
def test_times_say_what_names_do_not(tmp_path: Path, table: str) -> None:
    file = tmp_path / "sub-01" / "sub-01_sessions.tsv"
    file.parent.mkdir()
    file.write_text(table)
    assert earliest(["verum", "placebo"], SessionTimes((tmp_path / "none", tmp_path)).of("01")) == "placebo"


def test_times_come_before_names_and_names_where_a_time_is_missing() -> None:
    assert earliest(["1", "2"], {"1": 5.0, "2": 3.0}) == "2"
    assert earliest(["1", "2"], {"2": 3.0}) == "1"
    assert earliest(["1", "2"], {"1": 3.0, "2": 3.0}) == "1"


def test_a_table_of_all_participants(tmp_path: Path) -> None:
    rows = ["participant_id\tsession_id\tacq_time", "sub-01\tses-a\t2020-02-01", "sub-02\tses-a\t2021-02-01"]
    (tmp_path / "sessions.tsv").write_text("\n".join([*rows, "sub-01\tses-b\t2020-01-01"]))
    times = SessionTimes((tmp_path,)).of("01")
    assert sorted(times, key=times.__getitem__) == ["b", "a"]


def test_a_table_that_was_not_fetched_is_no_silence(tmp_path: Path) -> None:
    file = tmp_path / "sub-01" / "sub-01_sessions.tsv"
    file.parent.mkdir()
    file.symlink_to("../.git/annex/objects/none")
    with pytest.raises(InputError, match=r"sub-01_sessions\.tsv"):
        SessionTimes((tmp_path,)).of("01")
