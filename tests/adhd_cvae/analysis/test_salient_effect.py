"""The effect of the salient space on the brain: where the change is, how patients differ, who was left out."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.analysis.salient_effect import SalientEffect
from adhd_cvae.config import MapsConfig

SHAPE = (12, 14, 12)
AFFINE = np.array([[10.0, 0, 0, -55], [0, 10, 0, -85], [0, 0, 10, -45], [0, 0, 0, 1]])
PLACE = (slice(2, 5), slice(4, 7), slice(4, 7))
CENTRE_MM = [-25.0, -35.0, 5.0]
PATIENTS = [f"sub-{number}" for number in range(40)]


@pytest.fixture
def make():
    """A change at one place in every patient, larger with severity; two sites."""
    rng = np.random.default_rng(0)
    severity = rng.normal(size=40)
    blob = np.zeros(SHAPE)
    blob[PLACE] = 0.7  # above half of the largest change
    blob[3, 5, 5] = 1
    effect = (
        blob.ravel() * (-1 - 0.3 * severity[:, None]) + 0.005 * rng.normal(size=(40, blob.size))
    ).astype(np.float32)
    decoded = {"mask": np.ones(SHAPE, np.uint8), "affine": AFFINE, "effect": effect}
    columns = {"site": np.repeat([1, 6], 20), "severity": severity}
    patients = pd.DataFrame(columns, index=pd.Index(PATIENTS, name="participant_id"))

    def invent(site: str | None = "site", **arrays: np.ndarray) -> SalientEffect:
        return SalientEffect(
            {**decoded, **arrays},
            patients,
            site=site,
            batteries=("severity",),
            inference=Inference(permutations=99, strata=patients["site"]),
            settings=MapsConfig(),
        )

    return invent


def test_peaks_lie_where_the_change_is(make) -> None:
    peaks = make().peaks()
    assert len(peaks) == 1
    assert peaks.loc[0, ["x_mm", "y_mm", "z_mm"]].tolist() == CENTRE_MM
    assert peaks.loc[0, "peak"] == pytest.approx(-1, abs=0.15)
    assert peaks.loc[0, "t"] < -10


def test_slope_is_the_change_for_one_standard_deviation(make) -> None:
    brain = make()
    maps = dict(brain.maps())
    slope = maps["salientEffect", "by", "severity", "slope"]
    assert slope[3, 5, 5] == pytest.approx(-0.3 * brain.patients["severity"].std(), abs=0.02)
    table = brain.voxelwise()
    assert table["variable"].isna().tolist() == [True, False]
    assert table["significant"].between(27, 60).all()
    assert table.loc[1, "largest"] < -0.9


def test_units_and_traversals_are_maps_of_their_own(make) -> None:
    voxels = int(np.prod(SHAPE))
    units, steps = np.zeros((2, voxels)), np.arange(6.0).reshape(1, 6, 1) * np.ones((1, 1, voxels))
    maps = dict(make(salient_map=units, traversal=steps).maps())
    assert maps[("salientUnit01",)].shape == SHAPE
    traversal = maps[("traversalUnit00",)]
    assert traversal.shape == (*SHAPE, 6)
    assert traversal[3, 5, 5].tolist() == [0, 1, 2, 3, 4, 5]


def test_each_patient_is_scored_without_the_own_site(make) -> None:
    brain = make()
    table, scores = brain.components(), brain.scores()
    first = table[table["component"] == 1].set_index("left_out")
    assert first.loc[["1", "6"], "explained"].min() > 0.8
    assert scores["participant_id"].tolist() == PATIENTS
    assert abs(np.corrcoef(scores["component_1"], brain.patients["severity"])[0, 1]) > 0.98
    assert next(words for words, _ in brain.component_maps()) == ("salientEffectComponent01",)


def test_no_site_no_scores(make) -> None:
    no_site = make(site=None)
    assert no_site.scores() is None
    assert no_site.components()["left_out"].isna().all()


def test_what_is_read_off_the_maps_is_a_matter_of_settings(make) -> None:
    brain = make()
    few = replace(brain, settings=MapsConfig(components=1, least_change=0.99, cluster_voxels=1))
    assert few.peaks()["volume_mm3"].sum() < brain.peaks()["volume_mm3"].sum()
    assert few.components()["component"].max() == 1 < brain.components()["component"].max()
