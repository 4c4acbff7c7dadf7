"""A planted cohort of simulated controls, exported, is a dataset for anybody, and the lab's stays as it was."""

import tempfile
from dataclasses import replace

import numpy as np
import pytest

from adhd_cvae.config import CohortConfig, ImageConfig, Region, SensitivityConfig
from adhd_cvae.errors import InputError
from adhd_cvae.images.nifti import read_map
from adhd_cvae.io import file_checksum
from adhd_cvae.simulation.cohort import SimulationConfig
from adhd_cvae.simulation.planting import lost_fractions, simulated_severities
from bids_adapters import build_cohort
from bids_adapters.planted import Plan, read_planted
from bids_adapters.planting import prepare_planting
from bids_adapters.preparation import prepare_cohort
from pipelines.output_dir.ownership import owned
from pipelines.progress import Silent
from pipelines.sensitivity.export import export_planted
from pipelines.stages import simulate

GRID = ImageConfig(shape=(16, 20, 16), voxel_size=10, fwhm=10)
REGIONS = SensitivityConfig(
    severities={"left": Region(centres=((-24, 4, 0),)), "right": Region(centres=((24, 4, 0),))}
)
SETTINGS = CohortConfig()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab") / "bids"
    simulate.run(folder, SimulationConfig(participants=24, resolution=6, null=True, seed=2), Silent())
    return folder


def planted_controls(lab, cache, cohens_d=0.8):
    """The lab's controls, and a plan for half of them."""
    cohort = build_cohort(lab, SETTINGS)
    controls = replace(
        cohort, table=cohort.table[cohort.table["group"] == "background"].reset_index(drop=True)
    )
    controls = prepare_cohort(controls, lab, GRID, cache, lambda done, total: None)
    planting = prepare_planting(controls.table, lab, GRID, REGIONS, cache, lambda done, total: None)
    is_patient = np.arange(len(controls.table)) % 2 == 0
    severities = np.zeros((len(is_patient), 2))
    severities[is_patient] = simulated_severities(
        np.random.default_rng(0), int(is_patient.sum()), planting.names, subtypes=False
    )
    losses = planting.losses(cohens_d, severities[is_patient], np.flatnonzero(is_patient))
    return controls, planting, Plan(is_patient, severities, losses, cohens_d)


def export(lab, target, controls, plan):
    export_planted(controls, lab, target, plan, (REGIONS, SETTINGS), Silent(), seed=0)


def test_an_exported_cohort_is_read_back_with_the_maps_that_were_planted(lab, tmp_path):
    before = {path: file_checksum(path) for path in lab.rglob("*") if path.is_file()}
    controls, planting, plan = planted_controls(lab, tmp_path / "cache")
    export(lab, folder := tmp_path / "planted", controls, plan)
    assert {path: file_checksum(path) for path in lab.rglob("*") if path.is_file()} == before
    cohort = build_cohort(folder, SETTINGS)
    assert cohort.exclusions.empty
    assert cohort.kind == controls.kind
    prepared = prepare_cohort(cohort, folder, GRID, tmp_path / "again", lambda done, total: None)
    assert len(prepared.table) == len(controls.table)
    assert (prepared.table["group"] == "target").sum() == plan.is_patient.sum()
    truth = read_planted(folder, SETTINGS).table
    assert sorted(truth["age"]) == sorted(controls.table["age"])
    # Prepared from the exported files, the maps are the linear combinations.
    expected = planting.planted(np.arange(len(controls.table)), lost_fractions(plan.severities, plan.losses))
    rows = [int(np.flatnonzero(controls.table["age"] == age)[0]) for age in truth["age"]]
    found = np.load(tmp_path / "again" / "images.npy").astype(float)
    assert np.abs(found - expected[rows]).max() < 1e-3 * float(planting.images.max())
    assert truth["severity_left"].to_numpy() == pytest.approx(plan.severities[rows, 0])
    # The effect that was asked for, in the exported maps.
    weights, _ = read_map(folder / "sourcedata" / "truth" / "severity_left_weights.nii.gz")
    volumes = np.array([(weights * read_map(folder / image)[0]).sum() for image in truth["image"]])
    own = np.array([(weights * read_map(lab / image)[0]).sum() for image in controls.table["image"]])
    lost = (own[rows] - volumes)[(truth["group"] == "target").to_numpy()].mean()
    assert lost / own.std(ddof=1) == pytest.approx(0.8, rel=0.05)


def test_it_is_written_beside_another_folder_of_ours_and_nowhere_else(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "elsewhere"))
    controls, _, plan = planted_controls(lab, tmp_path / "cache")
    with owned(tmp_path / "output"):
        export(lab, tmp_path / "planted", controls, plan)
    assert not list(tmp_path.glob("planted/.adhd-cvae*"))
    with pytest.raises(InputError, match="not empty"):
        export(lab, tmp_path / "planted", controls, plan)
    with pytest.raises(InputError, match="is in the dataset"):
        export(lab, lab / "derivatives" / "planted", controls, plan)
    other = tmp_path / "raw"
    other.mkdir()
    (other / "dataset_description.json").write_text('{"Name": "raw", "BIDSVersion": "1.9.0"}')
    with pytest.raises(InputError, match="is in the dataset"):
        export(lab, other / "planted", controls, plan)
