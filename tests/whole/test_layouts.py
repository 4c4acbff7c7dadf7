"""As a new user: each layout of the README's table, from an empty folder, through the command it names."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Image

from adhd_cvae.io import read_tsv
from adhd_cvae.simulation.cohort import SimulatedCohort, SimulationConfig
from pipelines.cli import main

README = Path(__file__).parents[2] / "bids_adapters" / "README.md"
PEOPLE = 12
PATIENT = [row % 2 for row in range(PEOPLE)]
SEX = ["MF"[row // 4 % 2] for row in range(PEOPLE)]
BIDS = "sub-{0:07d}"
WORDS = ["cohort.group=diagnosis", "cohort.target=[ADHD]", "cohort.background=[HC]"]
NO_SITE = ["cohort.site=null", "analysis.permute_within=null"]


@pytest.fixture(scope="module")
def brains() -> list[Nifti1Image]:
    cohort = SimulatedCohort(SimulationConfig(participants=PEOPLE, resolution=5, seed=3))
    return [
        Nifti1Image(np.asarray(cohort.map(row), dtype=np.float32), cohort.affine) for row in range(PEOPLE)
    ]


def describe(folder: Path, kind: str = "raw") -> None:
    content = {
        "Name": "Invented",
        "BIDSVersion": "1.8.0",
        "DatasetType": kind,
        "GeneratedBy": [{"Name": "lab"}],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset_description.json").write_text(json.dumps(content))


def write(path: Path, header: str, row: Callable[[int], str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *map(row, range(PEOPLE))]) + "\n", encoding="utf-8")


def adhd200(path: Path) -> None:
    """The consortium's own dialect."""
    write(
        path,
        "ScanDir ID,Site,Gender,Age,DX,Secondary Dx ,ADHD Index,Hyper/Impulsive,Full4 IQ,Med Status",
        lambda row: (
            f"{10001 + row},{5 + row // 2 % 2},{row % 2},{8 + row / 3},{PATIENT[row]},,{50 + row},-999,,1"
        ),
    )


def words(path: Path) -> None:
    """Another lab's: diagnoses as words, no sites."""
    write(
        path,
        "participant_id\tdiagnosis\tage\tgender",
        lambda row: f"{BIDS.format(10001 + row)}\t{['HC', 'ADHD'][PATIENT[row]]}\t{9 + row / 2}\t{SEX[row]}",
    )


def call(*arguments: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main.main(list(arguments))
    assert stop.value.code == 0


Maps = Callable[[str], None]
"""Writes everybody's map under a name in which {0} is a number and {1} ``sub-`` with it."""


def burner(maps: Maps) -> list[str]:
    maps("MAPS/mwrc1{0:07d}.nii")
    adhd200(Path("TABLE.csv"))
    call("import-burner", "MAPS", "BIDS", "--phenotype", "TABLE.csv")
    return ["BIDS"]


def fmriprep(maps: Maps) -> list[str]:
    for folder, kind in (("BIDS", "raw"), ("BIDS/derivatives/fmriprep", "derivative")):
        describe(Path(folder), kind)
    for session in "12":
        start = f"BIDS/derivatives/fmriprep/{{1}}/ses-{session}/anat/{{1}}_ses-{session}_"
        maps(start + "space-MNI152NLin2009cAsym_res-2_label-GM_probseg.nii.gz")
        maps(start + "label-GM_probseg.nii.gz")
    write(
        Path("BIDS/participants.tsv"),
        "participant_id\tage\tsex\tsite\tdx",
        lambda row: (
            f"{BIDS.format(10001 + row)}\t{9 + row / 2}\t{SEX[row]}\t{['NYU', 'Peking_1'][row // 2 % 2]}\t"
            f"{['Typically Developing Children', 'ADHD-Combined'][PATIENT[row]]}"
        ),
    )
    return ["BIDS"]


def cat12(maps: Maps) -> list[str]:
    for start in ("mwp1", "p1", "wm"):  # into a folder that nobody described
        maps(f"BIDS/derivatives/CAT12.9/{{1}}/anat/mri/{start}{{1}}_T1w.nii")
    describe(Path("BIDS"))
    words(Path("BIDS/participants.tsv"))
    return ["BIDS", *WORDS, *NO_SITE]


def spm(maps: Maps) -> list[str]:
    for start in ("", "c1", "c2", "wc1", "mwc1"):  # beside the raw files
        maps(f"BIDS/{{1}}/anat/{start}{{1}}_T1w.nii")
    describe(Path("BIDS"))
    words(Path("BIDS/participants.tsv"))
    return ["BIDS", *WORDS, *NO_SITE]


def clinica(maps: Maps) -> list[str]:
    start = (
        "CAPS/subjects/{1}/ses-M000/t1/spm/segmentation/normalized_space/{1}_ses-M000_T1w_segm-graymatter_"
    )
    for modulated in ("on", "off"):
        maps(f"{start}space-Ixi549Space_modulated-{modulated}_probability.nii.gz")
    describe(Path("CAPS"), "derivative")
    words(Path("CAPS/participants.tsv"))
    return ["CAPS", *WORDS, *NO_SITE]


def athena(maps: Maps) -> list[str]:
    maps("BIDS/NYU/{0:07d}/swssd{0:07d}_session_1_anat_gm.nii.gz")
    adhd200(Path("BIDS/phenotype/adhd200_preprocessed_phenotypics.csv"))
    return ["BIDS"]


def anything(maps: Maps) -> list[str]:
    for session in "12":
        maps(f"BIDS/derivatives/lab/{{1}}/ses-{session}/anat/{{1}}_ses-{session}_desc-modulated_vbm.nii.gz")
    for folder, kind in (("BIDS", "raw"), ("BIDS/derivatives/lab", "derivative")):
        describe(Path(folder), kind)
    words(Path("BIDS/participants.tsv"))
    Path("filter.json").write_text('{"gm": {"session": "2", "desc": "modulated"}}')
    return ["BIDS", *WORDS, *NO_SITE]


LAYOUTS = {
    "ADHD-200 Burner": (burner, "sub-0010001_space-MNI152Lin_label-GM_desc-modulated_probseg.nii"),
    "fMRIPrep, sMRIPrep": (
        fmriprep,
        "sub-0010001_ses-1_space-MNI152NLin2009cAsym_res-2_label-GM_probseg.nii.gz",
    ),
    "CAT12": (cat12, "mwp1sub-0010001_T1w.nii"),
    "SPM": (spm, "mwc1sub-0010001_T1w.nii"),
    "Clinica (CAPS)": (
        clinica,
        "sub-0010001_ses-M000_T1w_segm-graymatter_space-Ixi549Space_modulated-on_probability.nii.gz",
    ),
    "ADHD-200 Athena": (athena, "swssd0010001_session_1_anat_gm.nii.gz"),
    "anything else in MNI space": (anything, "sub-0010001_ses-2_desc-modulated_vbm.nii.gz"),
}


def test_the_table_of_the_readme_is_what_is_walked() -> None:
    table = README.read_text(encoding="utf-8").split("| layout | files | command |")[1].split("\n\n")[0]
    assert re.findall(r"^\| ([^|`]+?) \|", table, re.MULTILINE) == list(LAYOUTS)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_from_an_empty_folder(
    layout: str, brains: list[Nifti1Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def maps(name: str) -> None:
        for row, brain in enumerate(brains):
            path = Path(name.format(10001 + row, BIDS.format(10001 + row)))
            path.parent.mkdir(parents=True, exist_ok=True)
            brain.to_filename(path)

    make, first = LAYOUTS[layout]
    folder, *settings = make(maps)
    filtered = ["--bids-filter-file", "filter.json"] if Path("filter.json").exists() else []
    given = [part for setting in settings for part in ("--set", setting)]
    call("prepare", folder, "OUT", "--recipe", "smoke", *filtered, *given)
    cohort = read_tsv(tmp_path / "OUT" / "cohort.tsv")
    assert cohort["participant_id"].tolist() == [BIDS.format(10001 + row) for row in range(PEOPLE)]
    assert Path(cohort["image"].iloc[0]).name == first
    assert cohort["group"].tolist() == ["background", "target"] * (PEOPLE // 2)
    assert cohort["age"].notna().all()
