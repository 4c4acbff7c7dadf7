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


def test_null_maps_follow_from_nothing_in_the_tables():
    null = cohort(null=True)
    ages, patients = null.participants["age"], null.participants["dx"] > 0
    volumes = np.array([null.map(index).sum() for index in range(60)])
    same_seed = cohort(null=True, cohens_d=2.0, site_confound=0.9)
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
