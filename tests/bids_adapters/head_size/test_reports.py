"""Reports are found wherever they lie below the dataset, with whose they are and of which session."""

import os
from pathlib import Path

import pytest

from bids_adapters.head_size import reports
from bids_adapters.head_size.reports import Report, find_reports, of_map
from tests.bids_adapters.head_size.invented_reports import scans, written

MRIQC = "bids_name\tcjv\tcnr\tefc\tsnr_total\tfd_mean\n"


@pytest.mark.parametrize(
    ("path", "tool", "key", "session", "place"),
    [
        ("sub-01/anat/report/cat_sub-01_T1w.xml", "cat12", "1", "", ""),
        ("derivatives/cat12/report/cat_0000001.xml", "cat12", "1", "", "derivatives/cat12"),
        ("derivatives/freesurfer/sub-01/stats/aseg.stats", "freesurfer", "1", "", "derivatives/freesurfer"),
        ("derivatives/freesurfer/0000001/stats/aseg.stats", "freesurfer", "1", "", "derivatives/freesurfer"),
        (
            "derivatives/p/sourcedata/freesurfer/sub-01_ses-2/stats/aseg.stats",
            "freesurfer",
            "1",
            "2",
            "derivatives/p",
        ),
        ("fs/sub-01_ses-2.long.sub-01/stats/aseg.stats", "freesurfer", "1", "2", " (longitudinal)"),
        ("spm/sub-01/ses-a/c_seg8.mat", "spm", "1", "a", ""),
        ("derivatives/spm/baseline/T1_0000001_seg8.mat", "spm", "1", "baseline", "derivatives/spm"),
        ("derivatives/f/sub-01/anat/sub-01_label-WM_probseg.nii.gz", "smriprep", "1", "", "derivatives/f"),
        ("derivatives/sub-01/report/cat_sub-01.xml", "cat12", "1", "", ""),
    ],
)
def test_a_report_is_found(tmp_path: Path, path: str, tool: str, key: str, session: str, place: str) -> None:
    written(tmp_path / path, "")
    assert list(find_reports(tmp_path, {"1"})) == [Report(tool, place, f"/{path}", key, session, "", "")]
    assert list(find_reports(tmp_path, {"2"})) == []


@pytest.mark.parametrize(
    "path",
    [
        "sub-01/anat/sub-01_space-MNI152Lin_label-WM_probseg.nii.gz",
        "sub-01/label/catROI_sub-01.xml",
        "sub-01/stats/wmparc.stats",
        "sourcedata/sub-01/report/cat_sub-01.xml",
        ".git/cat_sub-01.xml",
        "phenotype/vols.csv",
    ],
)
def test_what_is_none_is_passed_over(tmp_path: Path, path: str) -> None:
    written(tmp_path / path, "File,Volume1,Volume2,Volume3\nsub-01,1,1,1\n")
    assert list(find_reports(tmp_path, {"1"})) == []


def test_spm_writes_the_volumes_of_everybody_into_one_table(tmp_path: Path) -> None:
    rows = "/data/sub-01/ses-1/sub-01_ses-1_T1w_seg8.mat,0.7,0.5,0.3\n/data/sub-02/T1_seg8.mat,0.7,NaN,0.3\n"
    written(tmp_path / "volumes.csv", f"File,Volume1,Volume2,Volume3\n{rows}")
    written(tmp_path / "other.csv", "File,Volume1\nsub-01_seg8.mat,5\n")
    (found,) = find_reports(tmp_path, {"1", "2"})
    assert (found.tool, found.key, found.session) == ("spm", "1", "1")
    assert found.values == {"tiv": pytest.approx(1500)}


def test_mriqc_has_tables_of_everybody_whose_motion_is_averaged(tmp_path: Path) -> None:
    folder = tmp_path / "derivatives" / "mriqc"
    written(folder / "group_T1w.tsv", f"{MRIQC}sub-01_run-1_T1w\t0.4\t3\t0.5\tn/a\t0\n")
    bold = "sub-01_ses-1_task-a_bold\t0\t0\t0\t0\t0.1\nsub-01_ses-1_task-b_bold\t0\t0\t0\t0\t0.3\n"
    written(folder / "group_bold.tsv", f"{MRIQC}{bold}")
    anatomy, motion = find_reports(tmp_path, {"1"})
    assert (anatomy.tool, anatomy.run, anatomy.values) == (
        "mriqc T1w",
        "1",
        {"cjv": 0.4, "cnr": 3, "efc": 0.5},
    )
    assert (motion.tool, motion.session) == ("mriqc bold", "1")
    assert motion.values == {"fd_mean": pytest.approx(0.2)}


def report(session: str, run: str = "") -> Report:
    return Report("cat12", "", f"/{session}{run}", "1", session, run, "")


@pytest.mark.parametrize(
    ("of_the_map", "sessions", "taken"),
    [
        ("1", ["01", "2"], ["01"]),
        ("3", ["1", "2"], []),
        ("3", ["1"], []),
        ("1", [""], [""]),
        ("", ["2"], ["2"]),
        ("", ["1", "2"], []),
        ("1", ["", "2"], []),
    ],
)
def test_a_report_of_another_session_never_stands_in(
    of_the_map: str, sessions: list[str], taken: list[str]
) -> None:
    map_file = scans("1", session=of_the_map)["1"]
    assert [one.session for one in of_map([report(one) for one in sessions], map_file)] == taken


def test_the_run_of_the_map_counts_where_reports_name_theirs() -> None:
    map_file = scans("1", run="2")["1"]
    assert of_map([report("", "1"), report("", "02")], map_file) == [report("", "02")]
    assert of_map([report("", "")], map_file) == [report("", "")]


def test_a_large_table_of_another_program_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "scores.csv", "ID,score\n1,2\n")
    os.mkfifo(tmp_path / "group_T1w.tsv")
    monkeypatch.setattr(reports, "read_text_table", lambda path: pytest.fail(f"read {path}"))
    assert list(find_reports(tmp_path, {"1"})) == []
