from functools import cache

import numpy as np
import pytest
from scipy import stats

from adhd_cvae.simulation.cohort import FACTORS, SimulatedCohort, SimulationConfig
from adhd_cvae.simulation.participants import regional_losses


@cache
def cohort(**settings):
    return SimulatedCohort(SimulationConfig(**{"participants": 120, "resolution": 8, **settings}))


def test_the_same_seed_gives_the_same_maps_in_any_order():
    first = cohort()
    second = SimulatedCohort(first.config)
    later = second.map(7)
    assert np.array_equal(second.map(3), first.map(3))
    assert np.array_equal(later, first.map(7))
    assert not np.array_equal(cohort(seed=1).map(3), first.map(3))


def test_participants_differ_in_shape_not_only_in_noise():
    maps = np.stack([cohort().map(index) for index in range(12)])
    assert maps.min() >= 0
    inside = maps.mean(axis=0) > 0.2
    spread = maps.std(axis=0)[inside] / maps.mean(axis=0)[inside]
    assert 0.08 < np.median(spread) < 0.35


def regional_volumes(simulated, name):
    weight = simulated.atlas.factors[name]
    return np.array([(simulated.map(index) * weight).sum() for index in range(len(simulated.truth))])


@pytest.mark.parametrize("name", FACTORS)
def test_the_planted_effect_has_the_size_asked_for(name):
    planted, absent = cohort(cohens_d=1.4, severities=3), cohort(cohens_d=0.0, severities=3)
    loss = regional_volumes(absent, name) - regional_volumes(planted, name)
    severity = planted.truth[name].to_numpy()
    patient = severity > 0
    assert not loss[~patient].any()
    assert stats.spearmanr(loss[patient], severity[patient]).statistic > 0.95
    effect = loss[patient].mean() / severity[patient].mean() / regional_volumes(absent, name).std()
    assert effect == pytest.approx(1.4, rel=0.2)


@pytest.mark.parametrize("truth", ["arc", "product"])
def test_a_curved_truth_takes_from_each_region_what_it_says(truth):
    planted, absent = cohort(cohens_d=1.4, truth=truth), cohort(cohens_d=0.0, truth=truth)
    expected = regional_losses(planted.truth[list(planted.config.factors)].to_numpy(), truth)
    assert planted.config.regions == tuple(FACTORS)[: expected.shape[1]]
    for name, said in zip(planted.config.regions, expected.T, strict=True):
        without = regional_volumes(absent, name)
        loss = (without - regional_volumes(planted, name)) / without.std()
        assert not loss[said == 0].any()
        assert stats.spearmanr(loss[said > 0], said[said > 0]).statistic > 0.9
        assert loss.sum() / said.sum() == pytest.approx(1.4, rel=0.25)


def test_maps_of_the_defaults_are_those_of_before_there_were_gaps(monkeypatch):
    # Bytes depend on the processor's instructions: moments tell other random numbers from rounding.
    monkeypatch.setattr("adhd_cvae.simulation.cohort.CALIBRATION_PARTICIPANTS", 8)
    before = {3: (1987.651275, 0.2338680629, 969.1097350), 4: (2028.383015, 0.2371575255, 1003.613618)}
    own = SimulatedCohort(SimulationConfig(participants=24, resolution=8))
    for index, moments in before.items():
        brain = own.map(index).astype(float)
        places = np.arange(brain.size).reshape(brain.shape)
        now = (brain.sum(), brain.std(), (brain * places).mean())
        np.testing.assert_allclose(now, moments, rtol=1e-5)


def test_head_size_explains_total_gray_matter_and_nothing_that_is_planted():
    varied, alike = cohort(head_size_gap=0.5, age_gap=2), cohort(age_gap=2)
    assert varied.loss == alike.loss == cohort().loss
    heads = varied.participants["tiv"].to_numpy()
    totals, without = (
        np.array([each.map(index).sum() for index in range(len(heads))], float) for each in (varied, alike)
    )
    assert np.corrcoef(heads, totals)[0, 1] > 0.85
    assert abs(np.corrcoef(heads, without)[0, 1]) < 0.3
    np.testing.assert_allclose(totals / without, (heads / 1450) ** 0.9, rtol=1e-4)


def test_age_moves_maps_of_an_older_group_as_it_moves_everybodys():
    older, equal = cohort(age_gap=6, cohens_d=0), cohort(cohens_d=0)
    patient = (older.participants["dx"] > 0).to_numpy()
    for index in (np.flatnonzero(patient)[0], np.flatnonzero(~patient)[0]):
        inside = equal.map(index) > 0.05
        change = np.log(older.map(index)[inside] / equal.map(index)[inside])
        years = (older.participants["age"] - equal.participants["age"])[index]
        np.testing.assert_allclose(
            change, 0.03 * years / 3 * older.atlas.covariates["age"][inside], atol=1e-4
        )


def test_another_number_of_sites_changes_maps_of_those_who_are_elsewhere_alone():
    many, few = cohort(sites=20, cohens_d=0), cohort(cohens_d=0)
    stays = (many.participants["site"] == few.participants["site"]).to_numpy()
    for index in (np.flatnonzero(stays)[0], np.flatnonzero(~stays)[0]):
        assert np.array_equal(many.map(index), few.map(index)) == stays[index]


def test_null_maps_follow_from_nothing_in_the_tables():
    null = cohort(null=True)
    ages, patients = null.participants["age"], null.participants["dx"] > 0
    volumes = np.array([null.map(index).sum() for index in range(60)])
    same_seed = cohort(null=True, cohens_d=2.0, site_confound=0.9, sites=20, age_gap=6, head_size_gap=3)
    assert np.array_equal(null.map(5), same_seed.map(5))
    assert abs(stats.spearmanr(volumes, ages[:60]).statistic) < 0.35
    assert stats.mannwhitneyu(volumes[patients[:60]], volumes[~patients[:60]]).pvalue > 0.001


def test_another_population_has_its_own_regions_and_the_same_effect_size():
    config = SimulationConfig(
        participants=60, seed=2, cohens_d=1.4, resolution=6, population=1, site_confound=0
    )
    cohort = SimulatedCohort(config)
    own = SimulatedCohort(config.model_copy(update={"population": 0}))
    assert cohort.atlas.centres != own.atlas.centres
    patients = (cohort.participants["dx"] > 0).to_numpy()
    maps = np.stack([cohort.map(index) for index in range(60)])
    for name in config.factors:
        volumes = (maps * cohort.atlas.factors[name]).sum(axis=(1, 2, 3))
        severity = cohort.truth[name].to_numpy()
        assert np.corrcoef(volumes[patients], severity[patients])[0, 1] < -0.5
    assert not np.array_equal(cohort.map(0), own.map(0))
