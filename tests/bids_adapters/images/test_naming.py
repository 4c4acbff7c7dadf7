import pytest

from bids_adapters.images.naming import recognise

BIDS = {"subject": "01", "space": "MNI152NLin2009cAsym", "label": "GM"}


@pytest.mark.parametrize(
    ("name", "entities", "label", "space", "modulated"),
    [
        ("sub-01_space-MNI152NLin2009cAsym_res-2_label-GM_probseg.nii.gz", BIDS, "01", BIDS["space"], False),
        ("sub-01_label-GM_probseg.nii.gz", {"subject": "01"}, "01", "native", False),
        (
            "sub-01_space-MNIPediatricAsym_cohort-2_res-2_label-GM_probseg.nii.gz",
            {"subject": "01", "space": "MNIPediatricAsym"},
            "01",
            "MNIPediatricAsym:cohort-2",
            False,
        ),
        (
            "sub-01_space-MNI152Lin_label-GM_desc-modulated_probseg.nii",
            BIDS | {"desc": "modulated"},
            "01",
            BIDS["space"],
            True,
        ),
        ("mwp1sub-01_ses-1_T1w.nii", {}, "01", "template", True),
        ("mwp1sub-01_T1w.nii.gz", {"subject": "01"}, "01", "template", True),
        ("mwc1sub-01_T1w.nii", {}, "01", "template", True),
        ("wp1sub-01_T1w.nii", {}, "01", "template", False),
        ("p1sub-01_T1w.nii", {}, "01", "native", False),
        ("rc1sub-01_T1w.nii", {}, "01", "native", False),
        ("mwp10009001.nii", {}, "0009001", "template", True),
        ("mwp1anat_0009001.nii", {}, "0009001", "template", True),
        ("mwp1anat.nii", {"subject": "7"}, "7", "template", True),
        (
            "sub-01_ses-M00_T1w_segm-graymatter_space-Ixi549Space_modulated-on_probability.nii.gz",
            {"subject": "01"},
            "01",
            "Ixi549Space",
            True,
        ),
        (
            "sub-01_ses-M00_T1w_segm-graymatter_space-Ixi549Space_modulated-off_probability.nii.gz",
            {"subject": "01"},
            "01",
            "Ixi549Space",
            False,
        ),
        ("sub-01_ses-M00_T1w_segm-graymatter_probability.nii.gz", {"subject": "01"}, "01", "native", False),
        ("swssd0009001_session_1_anat_gm.nii.gz", {}, "0009001", "template", False),
        ("wssd0009001_session_2_run_1_anat_gm.nii.gz", {}, "0009001", "template", False),
    ],
)
def test_every_layout(name: str, entities: dict[str, str], label: str, space: str, modulated: bool) -> None:
    file = recognise(f"folder/{name}", "", entities)
    assert file is not None
    assert (file.label, file.space, file.modulated) == (label, space, modulated)
    assert file.in_template_space == (space != "native")


@pytest.mark.parametrize(
    "name",
    [
        "sub-01_T1w.nii.gz",
        "sub-01_space-MNI152NLin2009cAsym_label-WM_probseg.nii.gz",
        "sub-01_space-MNI152NLin2009cAsym_label-GM_probseg.json",
        "sub-01_T1w_segm-whitematter_space-Ixi549Space_modulated-on_probability.nii.gz",
        "mwp2sub-01_T1w.nii",
        "c1234.nii",
        "swssd0009001_session_1_anat_wm.nii.gz",
        "wmsub-01_T1w.nii",
    ],
)
def test_other_files_are_none(name: str) -> None:
    assert recognise(name, "", {}) is None


def test_athena_names_hold_session_and_run() -> None:
    file = recognise("swssd0009001_session_2_run_3_anat_gm.nii.gz", "", {})
    assert file is not None
    assert (file.session, file.run, file.smoothed) == ("2", "3", True)


def test_a_map_of_nobody_is_none() -> None:
    assert recognise("mwp1template.nii", "", {}) is None
