"""Simulated cohorts with their truth."""

import numpy as np

from adhd_cvae.config import ImageConfig
from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.benchmarks.separation.cohorts import reference_patients, simulate_maps

IMAGE = ImageConfig(shape=(8, 8, 8), voxel_size=24)
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
