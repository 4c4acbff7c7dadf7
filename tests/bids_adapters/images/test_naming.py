import pytest

from bids_adapters.images.kind import Kind
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
            "MNI152Lin",
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
            "IXI549Space",
            True,
        ),
        (
            "sub-01_ses-M00_T1w_segm-graymatter_space-Ixi549Space_modulated-off_probability.nii.gz",
            {"subject": "01"},
            "01",
            "IXI549Space",
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
    assert (file.label, file.kind.space) == (label, space)
    assert (file.kind.modulation == "modulated") == modulated
    assert file.kind.in_template_space == (space != "native")


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
    assert (file.session, file.run, file.kind.smoothing) == ("2", "3", "unknown kernel")


def test_a_map_of_nobody_is_none() -> None:
    assert recognise("mwp1template.nii", "", {}) is None


FMRIPREP = "sub-01/anat/sub-01{}_label-GM_probseg.nii.gz"
CAT12 = "derivatives/cat12/{}.nii"
CAPS = "subjects/sub-01/ses-M000/{}/sub-01_ses-M000_T1w_segm-graymatter{}_probability.nii.gz"


def kind(path: str) -> Kind:
    file = recognise(path, "derivatives/cat12" if path.startswith("derivatives/cat12/") else "", {})
    assert file is not None, path
    return file.kind


@pytest.mark.parametrize(
    "paths",
    [
        # age bands, in either spelling, and other templates
        [FMRIPREP.format(f"_space-MNIPediatricAsym{band}") for band in ("", "+1", "+2", "_cohort-3")],
        [
            FMRIPREP.format(f"_space-{one}")
            for one in ("MNI152NLin6Asym", "MNI152NLin2009cAsym", "MNIInfant+2")
        ],
        # reconstruction, resolution, description, contrast agent, contrast
        [FMRIPREP.format(f"{rec}_space-MNI152Lin") for rec in ("", "_rec-norm", "_rec-raw", "_rec-pescNorm")],
        [FMRIPREP.format(f"_space-MNI152Lin{res}") for res in ("", "_res-1", "_res-2", "_desc-smooth6")],
        [FMRIPREP.format(f"{ce}_space-MNI152Lin") for ce in ("", "_ce-gadolinium", "_T2w", "_mod-FLAIR")],
        [
            "sub-01/anat/sub-01_space-MNI152Lin_label-GM_probseg.nii",
            "sub-01/sub-01_space-MNI152Lin_class-GM_probtissue.nii",
        ],
        # modulation, smoothing, streams and contrasts of CAT12 and SPM
        [
            CAT12.format(f"sub-01/mri/{prefix}sub-01_T1w")
            for prefix in (
                *("mwp1", "m0wp1", "wp1", "smwp1", "s6mwp1", "s8mwp1", "s12mwp1", "s8m0wp1", "s8wp1"),
                *(
                    "mwp1r",
                    "mwmwp1r",
                    "s8mwp1r",
                    "s8mwmwp1r",
                    "mwp1avg_",
                    "mwc1",
                    "wc1",
                    "mwrc1",
                    "s8mwrc1",
                    "smwc1",
                ),
            )
        ],
        [
            CAT12.format(f"mri/mwp1sub-01_{one}")
            for one in ("T1w", "T2w", "FLAIR", "PDw", "UNIT1", "T1w_defaced")
        ],
        [CAT12.format(f"mri/mwp1{one}0009001") for one in ("mprage_", "flair_", "t2_")],
        [
            CAT12.format(f"{folder}/mwp1sub-01")
            for folder in ("dartel/mri", "shooting/mri", "s6/sub-01", "sub-01/FLAIR")
        ],
        # pipelines of Clinica
        [
            CAPS.format(folder, "_space-Ixi549Space_modulated-on")
            for folder in (
                "t1/spm/segmentation/normalized_space",
                *(
                    "t1/spm/dartel/group-ADHD",
                    "t1/spm/dartel/group-all",
                    "t1/spm/longitudinal",
                    "long-M00M18/t1/spm/segmentation",
                ),
            )
        ],
        [
            CAPS.format("t1/spm/dartel/group-all", f"_space-Ixi549Space_modulated-{one}")
            for one in ("on", "off", "on_fwhm-8mm", "on_fwhm-12mm", "off_fwhm-8mm")
        ],
    ],
    ids=lambda paths: paths[0].rpartition("/")[2],
)
def test_kinds_that_are_never_mixed(paths: list[str]) -> None:
    assert len({kind(path) for path in paths}) == len(paths)


@pytest.mark.parametrize(
    "paths",
    [
        [FMRIPREP.format(f"_space-{one}") for one in ("MNIPediatricAsym+3", "MNIPediatricAsym_cohort-3")],
        [
            FMRIPREP.format(f"{one}_space-MNI152Lin")
            for one in ("", "_run-2", "_acq-mprage", "_ses-2", "_T1w")
        ],
        [
            FMRIPREP.format(f"_rec-{one}_space-MNI152Lin_res-{res}")
            for one, res in (("norm", "1"), ("NORM", "01"))
        ],
        [FMRIPREP.format(f"_space-{one}") for one in ("MNI152NLin6Asym", "MNI152Nlin6ASym")],
        [
            CAT12.format(one)
            for one in ("sub-01/mri/mwp1sub-01", "mri/mwp1sub-02_T1w", "siteA/sub-03/ses-1/anat/mwp1sub-03")
        ],
        [
            CAT12.format(one)
            for one in ("patients/mwp1sub-01", "controls/mwp1sub-02", "KKI/0009001/anat_1/mwp10009001")
        ],
        [CAT12.format(f"mri/{one}mwp1sub-01_T1w") for one in ("s8", "s08", "s8_")],
        [
            CAPS.format(f"t1/spm/{one}", "_space-Ixi549Space_modulated-on")
            for one in ("segmentation", "segmentation")
        ],
    ],
    ids=lambda paths: paths[0].rpartition("/")[2],
)
def test_spellings_of_one_kind(paths: list[str]) -> None:
    assert len({kind(path) for path in paths}) == 1


@pytest.mark.parametrize(
    ("path", "session"),
    [
        ("derivatives/cat12/sub-01/baseline/mri/mwp1sub-01.nii", "baseline"),
        ("derivatives/cat12/followUp1/mri/mwp1sub-01.nii", "followUp1"),
        ("derivatives/cat12/sub-01/session_2/mwp1sub-01.nii", "session_2"),
        ("derivatives/cat12/preprocessed/mwp1sub-01.nii", ""),
    ],
)
def test_a_folder_may_name_the_session(path: str, session: str) -> None:
    file = recognise(path, "derivatives/cat12", {})
    assert file is not None
    assert file.session == session
    assert session.lower() not in file.kind.pipeline or not session
