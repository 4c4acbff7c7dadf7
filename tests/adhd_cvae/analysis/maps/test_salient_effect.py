"""The effect of the salient space on the brain: where the change is, how patients differ, who was left out."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.analysis.maps.salient_effect import SalientEffect, fold_agreement
from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.config import MapsConfig
from adhd_cvae.errors import InputError

SHAPE = (12, 14, 12)
AFFINE = np.array([[10.0, 0, 0, -55], [0, 10, 0, -85], [0, 0, 10, -45], [0, 0, 0, 1]])
PLACE = (slice(2, 5), slice(4, 7), slice(4, 7))
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


def test_the_effect_itself_has_a_mean_and_no_p(make) -> None:
    brain = make()
    effect, *batteries = brain.rows()
    assert effect["map"] == "salient_effect"
    assert effect["n"] == 40
    assert effect["largest"] == pytest.approx(-1, abs=0.15)
    assert not {"p_value", "significant"} & {*effect}
    assert "not known" in effect["note"]
    assert [row["map"] for row in batteries] == ["severity"]
    maps = dict(brain.maps())
    assert maps["salientEffect", "mean"][3, 5, 5] == pytest.approx(-1, abs=0.15)
    assert {words for words in maps if "by" not in words} == {("salientEffect", "mean")}


def test_slope_is_the_change_for_one_standard_deviation(make) -> None:
    brain = make()
    slope = dict(brain.maps())["salientEffect", "by", "severity", "slope"]
    assert slope[3, 5, 5] == pytest.approx(-0.3 * brain.patients["severity"].std(), abs=0.02)
    row = brain.rows()[1]
    assert 27 <= row["significant"] < 60
    assert row["largest"] < -0.9
    assert row["covariates"] == "site"


def test_folds_agree_as_far_as_their_mean_maps_do(make) -> None:
    fold, numbers = np.repeat([0, 1, 2, 3], 10), np.arange(4)
    nothing = np.zeros((4, int(np.prod(SHAPE))), np.float32)
    brain = make(effect_fold=fold, controls_fold=numbers, effect_of_controls=nothing)
    row = brain.rows()[0]
    agreement = dict(brain.maps())["salientEffect", "agreement"]
    assert agreement[PLACE].all()
    assert agreement.mean() == pytest.approx(row["sign_agreement"])
    assert row["cosine"] > 0.99
    assert 27 / 2016 < row["sign_agreement"] < 0.5  # one voxel of eight agrees by chance
    means = np.array([[1.0, 2, 0, 0], [1, 0, 0, 1]])
    found = fold_agreement(means)
    assert found["sign_agreement"] == 0.25
    assert found["cosine"] == pytest.approx(np.dot(*means) / np.sqrt(5 * 2))
    assert fold_agreement(-3 * means[::-1]) == pytest.approx(found)
    assert "single fold" in fold_agreement(means[:1])["note"]
    assert np.isnan(fold_agreement(means * [[0], [1]])["cosine"])


def test_what_controls_show_too_is_none_of_the_effect(make) -> None:
    """Every fold draws the same in everybody; less that, folds have nothing in common."""
    rng = np.random.default_rng(1)
    fold, numbers = np.arange(40) % 4, np.array([3, 2, 1, 0])
    drawn = rng.normal(size=int(np.prod(SHAPE)))
    effect = drawn + rng.normal(size=(40, drawn.size)).astype(np.float32)
    controls = drawn + 0.3 * rng.normal(size=(4, drawn.size))
    arrays = {"effect": effect, "effect_fold": fold, "controls_fold": numbers}
    row = make(**arrays, effect_of_controls=controls).rows()[0]
    assert abs(row["cosine"]) < 0.1
    assert make(**arrays, effect_of_controls=0 * controls).rows()[0]["cosine"] > 0.8
    controls[1] = np.nan  # a fold without controls
    brain = make(**arrays, effect_of_controls=controls)
    assert brain.rows()[0]["n"] == 30
    expected = np.mean([effect[fold == number].mean(axis=0) for number in (0, 1, 3)], axis=0)
    expected -= controls[[3, 2, 0]].mean(axis=0)
    np.testing.assert_allclose(dict(brain.maps())["salientEffect", "mean"].ravel(), expected, atol=1e-6)


def test_effects_that_are_none_are_refused_or_left_out(make) -> None:
    effect = make().decoded["effect"].copy()
    effect[:3, 0] = np.nan
    assert make(effect=effect).rows()[0]["n"] == 37
    assert np.isfinite(dict(make(effect=effect).maps())["salientEffect", "mean"]).all()
    with pytest.raises(InputError, match="No patient"):
        make(effect=effect * np.nan)
    with pytest.raises(InputError, match="do not fit a mask of 2016 voxels"):
        make(effect=effect[:, 1:])


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
    few = replace(brain, settings=MapsConfig(components=1))
    assert few.components()["component"].max() == 1 < brain.components()["component"].max()
