"""One value a participant from each program, and a note where reports cannot say it."""

from pathlib import Path

from bids_adapters.head_size.found import read_reports
from tests.bids_adapters.head_size.invented_reports import aseg, cat12, scans, tissue, written


def test_two_versions_of_a_program_are_not_mixed(tmp_path: Path) -> None:
    for label, version in (("1", "fs6"), ("1", "fs7"), ("2", "fs7"), ("3", "fs6"), ("4", "fs7")):
        aseg(
            tmp_path / f"derivatives/{version}/sub-{label}/stats/aseg.stats",
            1.4e6 if version == "fs7" else 1.6e6,
        )
    found, notes = read_reports(tmp_path, scans("1", "2", "3", "4"))
    assert found["freesurfer"].place == "derivatives/fs7"
    assert found["freesurfer"].measured == {key: {"tiv": 1400} for key in ("1", "2", "4")}
    assert notes == []


def test_the_report_is_that_of_the_maps_session(tmp_path: Path) -> None:
    for session in ("1", "2"):
        cat12(tmp_path / f"sub-1/ses-{session}/report/cat_sub-1_ses-{session}_T1w.xml", 1000 + int(session))
    found, _ = read_reports(tmp_path, scans("1", session="2"))
    assert found["cat12"].measured["1"]["tiv"] == 1002


def test_reports_that_disagree_or_cannot_be_read_leave_a_note(tmp_path: Path) -> None:
    for name, tiv in (("a", 1400), ("b", 1500)):
        cat12(tmp_path / f"report/cat_sub-1_{name}.xml", tiv)
        cat12(tmp_path / f"report/cat_sub-2_{name}.xml", 1400)
    written(tmp_path / "report/cat_sub-3.xml", "no XML")
    found, notes = read_reports(tmp_path, scans("1", "2", "3"))
    assert found["cat12"].measured == {"1": {"iqr": 2.25}, "2": {"iqr": 2.25, "tiv": 1400}}
    assert [(note.key, note.reason) for note in notes] == [
        ("1", "ambiguous_report"),
        ("3", "unreadable_report"),
    ]
    assert "tiv is 1400 and 1500" in notes[0].detail


def test_tissues_are_three_or_none(tmp_path: Path) -> None:
    for label, tissues in (("1", ("GM", "WM", "CSF")), ("2", ("GM", "WM"))):
        for one in tissues:
            tissue(tmp_path / f"sub-{label}/anat/sub-{label}_label-{one}_probseg.nii", 1)
    tissue(tmp_path / "sub-2/anat/sub-2_space-MNI152Lin_label-CSF_probseg.nii", 1)
    found, _ = read_reports(tmp_path, scans("1", "2"))
    names = tuple(f"sub-1/anat/sub-1_label-{one}_probseg.nii" for one in ("GM", "WM", "CSF"))
    assert found["smriprep"].volumes == {"1": names}
