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
