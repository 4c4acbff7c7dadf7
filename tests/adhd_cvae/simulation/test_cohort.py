from functools import cache

import numpy as np
import pytest
from scipy import stats

from adhd_cvae.simulation.cohort import FACTORS, SimulatedCohort, SimulationConfig


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


def test_people_differ_in_shape_not_only_in_noise():
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


def test_null_maps_follow_from_nothing_in_the_tables():
    null = cohort(null=True)
    ages, patients = null.participants["age"], null.participants["dx"] > 0
    volumes = np.array([null.map(index).sum() for index in range(60)])
    same_seed = cohort(null=True, cohens_d=2.0, site_confound=0.9)
    assert np.array_equal(null.map(5), same_seed.map(5))
    assert abs(stats.spearmanr(volumes, ages[:60]).statistic) < 0.35
    assert stats.mannwhitneyu(volumes[patients[:60]], volumes[~patients[:60]]).pvalue > 0.001


@pytest.mark.parametrize(("confound", "lowest", "highest"), [(0.0, 0.4, 0.6), (0.6, 0.2, 0.8)])
def test_site_confounding_spreads_the_share_of_patients(confound, lowest, highest):
    people = cohort(participants=4000, site_confound=confound).participants
    shares = (people["dx"] > 0).groupby(people["site"]).mean()
    assert shares.min() == pytest.approx(lowest, abs=0.12)
    assert shares.max() == pytest.approx(highest, abs=0.12)
    assert (people["dx"] > 0).sum() == 2000


def test_phenotype_looks_like_a_clinics_and_hides_the_truth():
    simulated = cohort(participants=400)
    table = simulated.phenotype
    assert not set(FACTORS) & (set(table) | set(simulated.participants))
    raw = table["adhd_measure"] == 1
    assert table.loc[raw, "inattentive"].between(9, 36).all()
    assert table.loc[table["adhd_measure"] == 2, "inattentive"].between(40, 90).all()
    assert 0.15 < table["med_status"][simulated.participants["dx"] > 0].isna().mean() < 0.35
    patients = simulated.participants["dx"] > 0
    hyper = stats.spearmanr(
        table["hyper_impulsive"][patients & raw],
        simulated.truth["severity_striatal"][patients & raw],
        nan_policy="omit",
    )
    assert hyper.statistic > 0.4


def test_how_many_severities_are_planted_changes_nobody():
    people = {count: cohort(severities=count) for count in (1, 2, 3)}
    for count, simulated in people.items():
        assert list(simulated.truth) == ["participant_id", *list(FACTORS)[:count]]
        assert simulated.participants.equals(people[2].participants)
        shared = list(FACTORS)[: min(count, 2)]
        assert simulated.truth[shared].equals(people[2].truth[shared])
    patients = people[3].participants["dx"] > 0
    severities = people[3].truth.loc[patients, list(FACTORS)]
    assert (severities > 0).all(axis=None)
    assert severities.corr().where(~np.eye(3, dtype=bool)).abs().max(axis=None) < 0.35
    assert not (people[3].truth.loc[~patients, list(FACTORS)] != 0).any(axis=None)


@pytest.mark.parametrize("subtypes", [2, 3])
def test_each_patient_of_a_subtype_has_its_factor_alone(subtypes):
    simulated = cohort(subtypes=subtypes, participants=300)
    truth, patients = simulated.truth, simulated.participants["dx"] > 0
    names = list(FACTORS)[:subtypes]
    assert list(truth) == ["participant_id", *names, "subtype"]
    assert (truth.loc[~patients, [*names, "subtype"]] == 0).all(axis=None)
    assert set(truth.loc[patients, "subtype"]) == set(range(1, subtypes + 1))
    for number, name in enumerate(names, start=1):
        own = truth["subtype"] == number
        assert (truth.loc[~own, name] == 0).all()
        assert truth.loc[own, name].mean() == pytest.approx(1, abs=0.05)
        assert 0.05 < truth.loc[own, name].std() < 0.15


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
