"""A planted cohort is a dataset like any other, whose truth stands apart, and nothing of it names anybody."""

import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from adhd_cvae.config import CohortConfig, Region, SensitivityConfig
from adhd_cvae.errors import InputError
from adhd_cvae.images.nifti import read_map
from adhd_cvae.io import file_checksum, read_json, read_tsv
from bids_adapters.cohort import build_cohort
from bids_adapters.planted import TRUTH, Plan, check_target, read_planted, write_planted
from bids_adapters.planting import Regions

AFFINE = np.diag([-6.0, 6, 6, 1]) + np.array([[0, 0, 0, 57], [0, 0, 0, -57], [0, 0, 0, -57], [0, 0, 0, 0]])
REGIONS = SensitivityConfig(
    severities={"a": Region(centres=((-21, 3, 3),), radius=8), "b": Region(centres=((21, 3, 3),), radius=8)}
)
LAB = CohortConfig(
    group="diagnosis", target=("ADHD",), background=("none",), site="scanner", covariates=("iq",)
)
NAMES = [f"sub-secret{number}" for number in range(6)]
PLAN = Plan(
    np.array([True, False, True, False, True, False]),
    np.array([[0.4, 1], [0, 0], [3, 0.2], [0, 0], [1, 1], [0, 0]]),
    np.array([0.5, 0.3]),
    0.8,
)
SILENT = lambda done, total: None  # noqa: E731


@pytest.fixture
def lab(tmp_path):
    folder = tmp_path / "lab"
    for number, name in enumerate(NAMES):
        values = np.random.default_rng(number).random((20, 20, 20)).astype(np.float32) * 2
        path = folder / name / "anat" / f"{name}_space-MNI152NLin6Asym_label-GM_desc-modulated_probseg.nii.gz"
        path.parent.mkdir(parents=True)
        nib.save(nib.Nifti1Image(values, AFFINE), path)
    table = pd.DataFrame(
        {
            "participant_id": NAMES,
            "diagnosis": "none",
            "scanner": ["x", "x", "y", "y", "x", "y"],
            "age": [8.25, 9, 10, 11, 12, 13],
            "iq": [100, 101, 102, 103, 104, 105],
            "secret_score": range(6),
        }
    )
    table.to_csv(folder / "participants.tsv", sep="\t", index=False)
    (folder / "dataset_description.json").write_text(
        '{"Name": "lab", "BIDSVersion": "1.9.0", "License": "ours"}'
    )
    return folder


def controls(lab):
    return build_cohort(lab, LAB, require_groups=False)


def written(lab, target, regions=REGIONS, plan=PLAN, seed=5):
    write_planted(controls(lab), lab, target, plan, (regions, LAB), SILENT, seed=seed)
    return target


def checksums(folder):
    return {path: file_checksum(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def test_what_was_written_is_read_back_and_the_lab_is_untouched(lab, tmp_path):
    before = checksums(lab)
    folder = written(lab, tmp_path / "new" / "planted")
    assert checksums(lab) == before
    cohort = build_cohort(folder, LAB)
    assert (cohort.table["group"] == "target").sum() == 3
    assert cohort.kind == controls(lab).kind
    assert cohort.exclusions.empty
    planted = read_planted(folder, LAB)
    assert planted.factors == ("severity_a", "severity_b")
    assert planted.cohens_d == 0.8
    assert planted.table["group"].tolist() == cohort.table["group"].tolist()
    # Whoever is 8.25 years old has the severities of the first.
    first = planted.table.set_index("age").loc[8.25]
    assert first[["severity_a", "severity_b"]].tolist() == [0.4, 1]
    assert (first["iq"], first["scanner"]) == (100, "x")
    assert sorted(planted.table["severity_a"]) == [0, 0, 0, 0.4, 1, 3]


def test_maps_lose_what_the_truth_says_and_controls_nothing(lab, tmp_path):
    folder = written(lab, tmp_path / "planted")
    table = read_planted(folder, LAB).table.sort_values("age")
    weights = np.stack(
        [nib.load(folder / TRUTH / f"severity_{one}_weights.nii.gz").get_fdata() for one in "ab"]
    )
    assert weights == pytest.approx(Regions(REGIONS).on((20, 20, 20), AFFINE), abs=1e-6)
    losses = [read_json(folder / TRUTH / "truth.json")[f"severity_{one}"]["Loss"] for one in "ab"]
    for name, row in zip(NAMES, table.to_dict("records"), strict=True):
        before, _ = read_map(next((lab / name).rglob("*.nii.gz")))
        after, affine = read_map(folder / row["image"])
        assert np.array_equal(affine, AFFINE)
        lost = np.minimum([row["severity_a"] * losses[0], row["severity_b"] * losses[1]], 1)
        assert after == pytest.approx(before * (1 - np.tensordot(lost, weights, 1)), abs=1e-5)
        outside = (weights == 0).all(axis=0)
        assert (after[outside] == before[outside]).all()
        assert ((after >= 0) & (after <= before)).all()
        assert (row["group"] == "target") != np.array_equal(after, before)


def test_nothing_names_anybody_or_tells_the_truth_outside_its_folder(lab, tmp_path):
    folder = written(lab, tmp_path / "planted")
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in files if "secret" in path.name]
    for path in files:
        text = path.read_bytes()
        assert b"secret" not in text
        assert str(lab).encode() not in text
        assert path.is_relative_to(folder / TRUTH) or b"severity" not in text
    assert set(read_tsv(folder / "participants.tsv")) == {
        "participant_id",
        "diagnosis",
        "scanner",
        "age",
        "iq",
    }
    assert read_json(folder / "dataset_description.json")["DatasetType"] == "derivative"
    assert read_json(folder / "dataset_description.json")["License"] == "ours"
    ages = read_tsv(folder / "participants.tsv")["age"].tolist()
    assert sorted(ages) != ages  # in another order
    again = written(lab, tmp_path / "again")
    assert [file_checksum(path) for path in checksums(folder)] == [
        file_checksum(path) for path in checksums(again)
    ]
    other = written(lab, tmp_path / "other", seed=6)
    assert read_tsv(other / "participants.tsv")["age"].tolist() != ages


def test_subtypes_are_in_the_truth(lab, tmp_path):
    severities = np.array([[0, 1.2], [0, 0], [0.7, 0], [0, 0], [1, 0], [0, 0]])
    plan = Plan(PLAN.is_patient, severities, PLAN.losses, 0.8)
    folder = written(lab, tmp_path / "planted", REGIONS.model_copy(update={"subtypes": True}), plan)
    table = read_planted(folder, LAB).table.sort_values("age")
    assert table["subtype"].tolist() == [2, 0, 1, 0, 1, 0]
    assert read_planted(folder, LAB).factors == ("severity_a", "severity_b")


def test_folders_with_something_in_them_or_in_the_dataset_are_refused(lab, tmp_path):
    for inside in (lab, lab / "derivatives" / "planted"):
        with pytest.raises(InputError, match="is in the dataset"):
            check_target(inside, lab)
    link = tmp_path / "link"
    link.symlink_to(lab, target_is_directory=True)
    with pytest.raises(InputError, match="is in the dataset"):
        check_target(link / "planted", lab)
    with pytest.raises(InputError, match="not empty"):
        check_target(tmp_path, lab)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        check_target(tmp_path / "file", lab)
    (tmp_path / "empty").mkdir()
    check_target(tmp_path / "empty", lab)
    check_target(tmp_path / "new", lab)


def test_other_folders_and_lacking_maps_are_said(lab, tmp_path):
    with pytest.raises(InputError, match=r"lab has no sourcedata/truth/truth\.tsv.*--export"):
        read_planted(lab, LAB)
    folder = written(lab, tmp_path / "planted")
    next(folder.glob("sub-planted0003/anat/*.nii.gz")).unlink()
    with pytest.raises(InputError, match="lacks the maps of 1 of 6"):
        read_planted(folder, LAB)
    (folder / TRUTH / "truth.json").write_text("{}")
    with pytest.raises(InputError, match="CohensD are lacking"):
        read_planted(folder, LAB)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("{0}/mri/mwp1{0}.nii.gz", ("MNI", "modulated", "")),
        ("{0}/anat/{0}_space-MNI152Lin_res-2_label-GM_probseg.nii.gz", ("MNI152Lin", "unmodulated", "")),
        ("{0}/mri/s8mwp1{0}.nii", ("MNI", "modulated", "8 mm")),
        ("{0}/anat/{0}_space-MNIPediatricAsym_cohort-3_label-GM_desc-smooth6_probseg.nii.gz",
         ("MNIPediatricAsym:cohort-3", "unmodulated", "6 mm")),
    ],
)  # fmt: skip
def test_maps_are_recognised_as_the_kind_they_are_made_of(lab, tmp_path, name, expected):
    for one in NAMES:
        path = lab / name.format(one)
        path.parent.mkdir(exist_ok=True)
        values, affine = read_map(old := next((lab / one).rglob("*.nii.gz")))
        old.unlink()
        nib.save(nib.Nifti1Image(values, affine), path)
    kind = build_cohort(written(lab, tmp_path / "planted"), LAB).kind
    assert (kind.space, kind.modulation, kind.smoothing) == expected


def test_the_official_validator_finds_no_error(lab, tmp_path):
    for one in NAMES:  # res wants a description
        path = next((lab / one).rglob("*.nii.gz"))
        path.rename(path.with_name(path.name.replace("_label", "_res-6_label")))
    folder = written(lab, tmp_path / "planted")
    command = [Path(sys.executable).with_name("bids-validator-deno"), "--format", "json", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []
