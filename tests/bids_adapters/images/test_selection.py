from pathlib import Path

import pytest

from adhd_cvae.errors import InputError
from bids_adapters.images.selection import Maps, find_maps

SPACE = "space-MNI152NLin2009cAsym"


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def chosen(maps: Maps) -> dict[str, str]:
    return {key: file.path for key, (file, _) in maps.chosen.items()}


def reasons(maps: Maps) -> dict[str, str]:
    return {file.path: reason for file, reason, _ in maps.left_out}


def test_the_native_sibling_is_never_picked(tmp_path: Path) -> None:
    for who in ("sub-01", "sub-02"):
        anat = f"{who}/anat/{who}"
        touch(tmp_path, f"{anat}_label-GM_probseg.nii.gz", f"{anat}_{SPACE}_label-WM_probseg.nii.gz")
        touch(tmp_path, f"{anat}_desc-preproc_T1w.nii.gz", f"{anat}_{SPACE}_res-2_label-GM_probseg.json")
    touch(tmp_path, f"sub-01/anat/sub-01_{SPACE}_res-2_label-GM_probseg.nii.gz")
    maps = find_maps(tmp_path)
    assert chosen(maps) == {"1": f"sub-01/anat/sub-01_{SPACE}_res-2_label-GM_probseg.nii.gz"}
    assert reasons(maps) == {
        "sub-01/anat/sub-01_label-GM_probseg.nii.gz": "native_space",
        "sub-02/anat/sub-02_label-GM_probseg.nii.gz": "native_space",
    }


@pytest.mark.parametrize(
    "pattern",
    [
        "derivatives/fmriprep/sub-{0}/ses-1/anat/sub-{0}_ses-1_space-MNI152NLin6Asym_res-2_label-GM_probseg.nii.gz",
        "derivatives/CAT12.8/sub-{0}/anat/mri/mwp1sub-{0}_T1w.nii",
        "derivatives/cat12/mri/mwp1sub-{0}_ses-1_T1w.nii",
        "derivatives/spm/sub-{0}/anat/mwc1sub-{0}_T1w.nii",
        "derivatives/sub-{0}/anat/mwp1sub-{0}_T1w.nii",
        "subjects/sub-{0}/ses-M00/t1/spm/segmentation/normalized_space/"
        "sub-{0}_ses-M00_T1w_segm-graymatter_space-Ixi549Space_modulated-on_probability.nii.gz",
        "derivatives/athena/{0}/swssd{0}_session_1_anat_gm.nii.gz",
    ],
)
def test_every_layout_of_the_folders(tmp_path: Path, pattern: str) -> None:
    touch(tmp_path, *(pattern.format(one) for one in ("0009001", "0009002")))
    touch(tmp_path, "sub-0009001/anat/sub-0009001_T1w.nii.gz", "derivatives/empty/readme.txt")
    assert chosen(find_maps(tmp_path)) == {
        key: pattern.format(one) for key, one in (("9001", "0009001"), ("9002", "0009002"))
    }


def test_modulated_before_unmodulated_and_unsmoothed_before_smoothed(tmp_path: Path) -> None:
    for name in ("wp1sub-01", "mwp1sub-01", "smwp1sub-01", "m0wp1sub-01"):
        touch(tmp_path, f"derivatives/cat12/sub-01/mri/{name}_T1w.nii")
    touch(tmp_path, f"derivatives/fmriprep/sub-01/anat/sub-01_{SPACE}_label-GM_probseg.nii.gz")
    maps = find_maps(tmp_path)
    assert chosen(maps) == {"1": "derivatives/cat12/sub-01/mri/mwp1sub-01_T1w.nii"}
    assert set(reasons(maps).values()) == {"other_kind"}
    assert len(maps.left_out) == 4
    _, words = maps.chosen["1"]
    assert words == "CAT12, space template, modulated, in derivatives/cat12; the only one"


def test_one_kind_for_the_whole_cohort(tmp_path: Path) -> None:
    people = [f"{one:02d}" for one in range(1, 11)]
    fmriprep = "derivatives/fmriprep/sub-{0}/anat/sub-{0}_" + SPACE + "_label-GM_probseg.nii.gz"
    cat = "derivatives/cat12/sub-{0}/mri/mwp1sub-{0}_T1w.nii"
    touch(tmp_path, *(fmriprep.format(one) for one in people), *(cat.format(one) for one in people[:8]))
    assert set(chosen(find_maps(tmp_path)).values()) == {fmriprep.format(one) for one in people}
    touch(tmp_path, cat.format(people[8]))  # nine in ten now
    maps = find_maps(tmp_path)
    assert set(chosen(maps).values()) == {cat.format(one) for one in people[:9]}
    assert reasons(maps)[fmriprep.format("10")] == "other_kind"


def test_first_session_then_run_then_acquisition(tmp_path: Path) -> None:
    name = "sub-01/ses-{0}/anat/sub-01_ses-{0}{1}_" + SPACE + "_label-GM_probseg.nii.gz"
    files = [
        name.format(*which)
        for which in (("10", ""), ("2", "_acq-b_run-1"), ("2", "_acq-a_run-2"), ("2", "_acq-a_run-1"))
    ]
    touch(tmp_path, *files)
    maps = find_maps(tmp_path)
    assert chosen(maps) == {"1": files[3]}
    assert maps.chosen["1"][1].endswith("first of 4 (ses-2 run-1 acq-a)")
    assert reasons(maps) == {files[0]: "later_session", files[1]: "other_acquisition", files[2]: "later_run"}


def test_a_filter_overrides_the_rule(tmp_path: Path) -> None:
    name = "sub-01/ses-{0}/anat/sub-01_ses-{0}_" + SPACE + "_label-GM_probseg.nii.gz"
    touch(tmp_path, name.format("1"), name.format("2"))
    maps = find_maps(tmp_path, {"session": "2"})
    assert chosen(maps) == {"1": name.format("2")}
    assert reasons(maps) == {name.format("1"): "filtered"}


def test_a_filter_reaches_names_nobody_knows(tmp_path: Path) -> None:
    touch(tmp_path, "sub-01/anat/sub-01_desc-gm_VBM.nii.gz", "sub-01/anat/sub-01_desc-wm_VBM.nii.gz")
    assert find_maps(tmp_path).chosen == {}
    assert chosen(find_maps(tmp_path, {"suffix": "VBM", "desc": "gm"})) == {
        "1": "sub-01/anat/sub-01_desc-gm_VBM.nii.gz"
    }


def test_two_labels_that_differ_in_zeros_are_left_out(tmp_path: Path) -> None:
    for one in ("1", "01", "2"):
        touch(tmp_path, f"sub-{one}/anat/sub-{one}_{SPACE}_label-GM_probseg.nii.gz")
    maps = find_maps(tmp_path)
    assert list(maps.chosen) == ["2"]
    assert set(reasons(maps).values()) == {"ambiguous_identifier"}


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        find_maps(tmp_path / "absent")


@pytest.mark.parametrize(
    ("sessions", "first"),
    [
        (("baselineYear1Arm1", "2YearFollowUpYArm1"), "baselineYear1Arm1"),
        (("pre", "post"), "pre"),
        (("12months", "screening"), "screening"),
        (("10", "9"), "9"),
    ],
)
def test_the_first_session_is_the_study_s(tmp_path: Path, sessions: tuple[str, str], first: str) -> None:
    name = "sub-01/ses-{0}/anat/sub-01_ses-{0}_" + SPACE + "_label-GM_probseg.nii.gz"
    touch(tmp_path, *map(name.format, sessions))
    assert chosen(find_maps(tmp_path)) == {"1": name.format(first)}


def test_dates_come_first_and_without_any_order_nobody_guesses(tmp_path: Path) -> None:
    name = "derivatives/x/sub-{0}/ses-{1}/anat/sub-{0}_ses-{1}_" + SPACE + "_label-GM_probseg.nii.gz"
    touch(tmp_path, *(name.format(who, one) for who in ("01", "02") for one in ("placebo", "verum")))
    dates = tmp_path / "sub-01" / "sub-01_sessions.tsv"
    dates.parent.mkdir()
    dates.write_text("session_id\tacq_time\nses-placebo\t2020-02-02\nses-verum\t2020-01-01\n")
    for folder in (tmp_path, tmp_path / "derivatives/x"):
        maps = find_maps(folder)
        assert [file.session for file, _ in maps.chosen.values()] == ["verum"]
        assert sorted(reasons(maps).values()) == ["later_session", "unordered_sessions", "unordered_sessions"]


@pytest.mark.parametrize(
    ("usual", "of_some"),
    [
        ("sub-{0}/anat/sub-{0}_acq-std_" + SPACE, "sub-{0}/anat/sub-{0}_acq-hires_" + SPACE),
        ("new/sub-{0}/sub-{0}_" + SPACE, "archive/sub-{0}/sub-{0}_" + SPACE),
        ("sub-{0}/anat/sub-{0}_rec-raw_" + SPACE, "sub-{0}/anat/sub-{0}_rec-norm_" + SPACE),
        ("sub-{0}/anat/sub-{0}_" + SPACE + "_res-2", "sub-{0}/anat/sub-{0}_" + SPACE + "_res-1"),
        ("sub-{0}/anat/sub-{0}_space-MNIPediatricAsym+5", "sub-{0}/anat/sub-{0}_space-MNIPediatricAsym+4"),
    ],
)
def test_what_all_have_is_taken_not_what_some_have_too(tmp_path: Path, usual: str, of_some: str) -> None:
    people = [f"{one:02d}" for one in range(1, 9)]
    ending = "_label-GM_probseg.nii.gz"
    touch(tmp_path, *(usual.format(one) + ending for one in people))
    touch(tmp_path, *(of_some.format(one) + ending for one in people[:4]))
    maps = find_maps(tmp_path)
    assert set(chosen(maps).values()) == {usual.format(one) + ending for one in people}
    assert len(maps.left_out) == 4


def test_people_without_the_cohort_s_kind_are_left_out(tmp_path: Path) -> None:
    name = "derivatives/cat12/sub-{0}/mri/{1}sub-{0}_T1w.nii"
    touch(tmp_path, *(name.format(f"{one:02d}", "s6mwp1") for one in range(1, 12)))
    touch(tmp_path, name.format("12", "s8mwp1"))
    maps = find_maps(tmp_path)
    assert len(maps.chosen) == 11
    assert reasons(maps) == {name.format("12", "s8mwp1"): "other_kind"}
    assert maps.kind is not None
    assert maps.kind.smoothing == "6 mm"
