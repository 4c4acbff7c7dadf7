"""Simulated and planted cohorts with their truth."""

import numpy as np
import pytest

from adhd_cvae.config import CohortConfig, ImageConfig
from adhd_cvae.errors import InputError
from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.benchmarks.separation.cohorts import PlantedFolder, reference_patients, simulate_maps
from tests.pipelines.benchmarks.separation.planted_folder import planted_folder

IMAGE = ImageConfig(shape=(8, 8, 8), voxel_size=24)
FINER = ImageConfig(shape=(16, 16, 16), voxel_size=12, min_template_correlation=None, max_offset=None)
NOTHING = SimulationConfig(participants=24, resolution=8, null=True, seed=1)


def test_groups_and_truth_stand_in_one_table_and_a_share_is_held_out():
    cohort = simulate_maps(NOTHING, "site", IMAGE, held_out=0.5)
    assert cohort.images.shape == (24, 8, 8, 8)
    assert cohort.images.dtype == np.float16
    assert {"site", "age", "sex", "iq", *cohort.factors} <= set(cohort.table)
    assert (cohort.is_target == (cohort.table["dx"] > 0)).all()
    assert 8 <= cohort.is_held_out.sum() <= 16
    learn, ask = cohort.learnt_and_asked
    assert (learn | ask == cohort.is_target).all()
    assert not (learn & ask).any()


def test_head_size_stands_in_the_table_where_it_varies():
    assert "tiv" not in simulate_maps(NOTHING, "site", IMAGE).table
    varied = NOTHING.model_copy(update={"head_size_gap": 0.0})
    assert simulate_maps(varied, "site", IMAGE).table["tiv"].notna().all()


def test_one_seed_one_cohort():
    first, again = (simulate_maps(NOTHING, "site", IMAGE) for _ in range(2))
    np.testing.assert_array_equal(first.images, again.images)
    other = simulate_maps(NOTHING.model_copy(update={"seed": 2}), "site", IMAGE)
    assert not np.array_equal(first.images, other.images)


def test_reference_patients_are_the_patients_of_their_cohort():
    cohort = simulate_maps(NOTHING, "site", IMAGE)
    np.testing.assert_array_equal(reference_patients(NOTHING, IMAGE), cohort.images[cohort.is_target])


def test_a_planted_folder_is_a_cohort_whose_truth_is_known(tmp_path):
    one = PlantedFolder(planted_folder(tmp_path), CohortConfig())
    kind = one.condition
    assert (kind.cohens_d, kind.n, kind.severities, kind.subtypes, kind.null) == (0.7, 40, 2, 0, False)
    assert kind.cohort.startswith("planted-cohort-")
    cohort = one.maps(FINER, 0)
    assert cohort.images.shape == (40, 16, 16, 16)
    assert cohort.factors == ("severity_left", "severity_right")
    assert cohort.is_target.sum() == 20
    severities = cohort.table[list(cohort.factors)].to_numpy()
    assert ((severities > 0).all(axis=1) == cohort.is_target).all()
    assert 8 <= cohort.is_held_out.sum() <= 16
    assert not np.array_equal(one.maps(FINER, 1).is_held_out, cohort.is_held_out)
    assert {"site", "age", "sex"} <= set(cohort.table)
    # The more of a severity, the less gray matter around its centre, in patients.
    left, right = (
        cohort.images[cohort.is_target, x : x + 3, 8:11, 6:9].astype(float).sum(axis=(1, 2, 3))
        for x in (4, 9)
    )
    own = severities[cohort.is_target]
    assert np.corrcoef(left - right, own[:, 1] - own[:, 0])[0, 1] > 0.7


def test_a_cohort_without_sites_is_at_one_and_subtypes_are_known(tmp_path):
    folder = planted_folder(tmp_path, participants=24, subtypes=True)
    one = PlantedFolder(folder, CohortConfig(site=None))
    assert one.condition.subtypes == 2
    table = one.maps(FINER, 0).table
    assert set(table["subtype"]) == {0, 1, 2}
    elsewhere = PlantedFolder(folder, CohortConfig(site="sex"))
    assert (elsewhere.maps(FINER, 0).table["site"] == elsewhere.maps(FINER, 0).table["sex"]).all()


def test_folders_that_are_none_and_maps_that_cannot_be_used_are_said(tmp_path):
    with pytest.raises(InputError, match=r"nobody knows what was planted there.*--export"):
        _ = PlantedFolder(tmp_path, CohortConfig()).condition
    folder = planted_folder(tmp_path, participants=8)
    before = PlantedFolder(folder, CohortConfig()).condition
    next(folder.rglob("sub-planted0002*.nii.gz")).write_bytes(b"broken")
    with pytest.raises(InputError, match=r"planted cohort: sub-planted0002.*cannot be read"):
        PlantedFolder(folder, CohortConfig()).maps(FINER, 0)
    truth = folder / "sourcedata" / "truth" / "truth.tsv"
    truth.write_text(truth.read_text().replace("sub-planted0002", "sub-planted0002 "))
    with pytest.raises(InputError, match="lacks the maps of 1 of 8"):
        _ = PlantedFolder(folder, CohortConfig()).condition
    truth.write_text(truth.read_text().replace("sub-planted0002 ", "sub-planted0002") + "\n")
    assert PlantedFolder(folder, CohortConfig()).condition.cohort != before.cohort
