"""The tables: half are patients, sites are confounded as asked, the truth is hidden."""

import hashlib

import numpy as np
import pytest
from scipy import stats

from adhd_cvae.simulation.participants import (
    FACTORS,
    SITES,
    SimulationConfig,
    observed_phenotype,
    regional_losses,
    simulated_participants,
)


def cohort(**settings):
    config = SimulationConfig(**{"participants": 120, **settings})
    true = simulated_participants(config)
    return true, observed_phenotype(true, config)


@pytest.mark.parametrize(("confound", "lowest", "highest"), [(0.0, 0.4, 0.6), (0.6, 0.2, 0.8)])
def test_site_confounding_spreads_the_share_of_patients(confound, lowest, highest):
    true, _ = cohort(participants=4000, site_confound=confound)
    shares = (true["dx"] > 0).groupby(true["site"]).mean()
    assert shares.min() == pytest.approx(lowest, abs=0.12)
    assert shares.max() == pytest.approx(highest, abs=0.12)
    assert (true["dx"] > 0).sum() == 2000


def test_tables_of_the_defaults_are_those_of_before_there_were_gaps():
    true, table = cohort(participants=24)
    columns = ["participant_id", "age", "sex", "handedness", "site", "dx"]
    parts = (true[columns], table, true[["participant_id", *list(FACTORS)[:2]]])
    sums = [hashlib.sha256(part.round(6).to_csv(index=False).encode()).hexdigest()[:16] for part in parts]
    assert sums == ["af346cb1f2109750", "066ec91e0994ebdc", "8818e03e5fa2bf9a"]
    assert "tiv" not in true


@pytest.mark.parametrize("gap", [-6, -2, 2, 6])
def test_patients_are_older_by_the_gap_and_nothing_else_changes(gap):
    found = []
    for seed in range(100, 106):
        (moved, table), (equal, same) = (cohort(participants=400, seed=seed, age_gap=one) for one in (gap, 0))
        patient = moved["dx"] > 0
        assert moved.drop(columns="age").equals(equal.drop(columns="age"))
        assert table.equals(same)
        np.testing.assert_allclose(
            moved["age"] - equal["age"], np.where(patient, gap / 2, -gap / 2), atol=0.011
        )
        assert moved["age"].min() >= 4
        found.append(moved["age"][patient].mean() - moved["age"][~patient].mean())
    assert np.mean(found) == pytest.approx(gap, abs=0.3)


def test_patients_know_less_by_the_gap_and_nothing_else_changes():
    found = []
    for seed in range(100, 106):
        (moved, _), (equal, _) = (cohort(participants=400, seed=seed, iq_gap=one) for one in (12, 0))
        patient = moved["dx"] > 0
        assert moved.drop(columns="iq").equals(equal.drop(columns="iq"))
        assert (moved["iq"] - equal["iq"]).tolist() == np.where(patient, -12, 0).tolist()
        found.append(equal["iq"][patient].mean() - equal["iq"][~patient].mean())
    assert np.mean(found) == pytest.approx(0, abs=1.5)


@pytest.mark.parametrize("gap", [-3, 0, 0.5])
def test_heads_differ_by_the_gap_and_nobody_else_does(gap):
    found, spreads = [], []
    for seed in range(100, 106):
        true, _ = cohort(participants=400, seed=seed, head_size_gap=gap)
        assert true.drop(columns="tiv").equals(cohort(participants=400, seed=seed)[0])
        patient = true["dx"] > 0
        heads = [true["tiv"][group] for group in (patient, ~patient)]
        found.append((heads[0].mean() - heads[1].mean()) / 130)
        spreads += [group.std() for group in heads]
        assert abs(np.corrcoef(true["tiv"], true["sex"])[0, 1]) < 0.25
        assert true["tiv"].between(700, 2200).all()
    assert np.mean(found) == pytest.approx(gap, abs=0.12)
    assert np.mean(spreads) == pytest.approx(130, rel=0.05)


@pytest.mark.parametrize("sites", [1, 2, 7, 20])
def test_patients_spread_over_as_many_sites_as_asked(sites):
    true, table = cohort(participants=4000, sites=sites, site_confound=0.8)
    assert set(true["site"]) == set(SITES[:sites])
    shares = (true["dx"] > 0).groupby(true["site"]).mean()[list(SITES[:sites])]
    expected = np.linspace(0.1, 0.9, sites) if sites > 1 else [0.5]
    np.testing.assert_allclose(shares, expected, atol=0.15)
    assert true.drop(columns="site").equals(cohort(participants=4000)[0].drop(columns="site"))
    assert table["adhd_measure"].nunique() == min(sites, 2)


@pytest.mark.parametrize(
    "settings",
    [
        {"age_gap": 6.1},
        {"age_gap": -7},
        {"iq_gap": -1},
        {"head_size_gap": 3.5},
        {"sites": 0},
        {"sites": 21},
        {"age_gap": np.nan},
    ],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        SimulationConfig(**settings)


def test_phenotype_looks_like_a_clinics_and_hides_the_truth():
    true, table = cohort(participants=400)
    assert not set(FACTORS) & set(table)
    raw = table["adhd_measure"] == 1
    assert table.loc[raw, "inattentive"].between(9, 36).all()
    assert table.loc[table["adhd_measure"] == 2, "inattentive"].between(40, 90).all()
    assert 0.15 < table["med_status"][true["dx"] > 0].isna().mean() < 0.35
    patients = true["dx"] > 0
    hyper = stats.spearmanr(
        table["hyper_impulsive"][patients & raw],
        true["severity_striatal"][patients & raw],
        nan_policy="omit",
    )
    assert hyper.statistic > 0.4


def test_how_many_severities_are_planted_changes_nobody():
    true = {count: cohort(severities=count)[0] for count in (1, 2, 3)}
    for count, table in true.items():
        assert [name for name in table if name in FACTORS] == list(FACTORS)[:count]
        assert table.drop(columns=FACTORS, errors="ignore").equals(
            true[2].drop(columns=FACTORS, errors="ignore")
        )
        shared = list(FACTORS)[: min(count, 2)]
        assert table[shared].equals(true[2][shared])
    patients = true[3]["dx"] > 0
    severities = true[3].loc[patients, list(FACTORS)]
    assert (severities > 0).all(axis=None)
    assert severities.corr().where(~np.eye(3, dtype=bool)).abs().max(axis=None) < 0.35
    assert not (true[3].loc[~patients, list(FACTORS)] != 0).any(axis=None)


@pytest.mark.parametrize("subtypes", [2, 3])
def test_each_patient_of_a_subtype_has_its_factor_alone(subtypes):
    truth, _ = cohort(subtypes=subtypes, participants=300)
    names, patients = list(FACTORS)[:subtypes], truth["dx"] > 0
    assert [name for name in truth if name in FACTORS] == names
    assert (truth.loc[~patients, [*names, "subtype"]] == 0).all(axis=None)
    assert set(truth.loc[patients, "subtype"]) == set(range(1, subtypes + 1))
    for number, name in enumerate(names, start=1):
        own = truth["subtype"] == number
        assert (truth.loc[~own, name] == 0).all()
        assert truth.loc[own, name].mean() == pytest.approx(1, abs=0.05)
        assert 0.05 < truth.loc[own, name].std() < 0.15


def test_a_severity_on_an_arc_takes_one_region_then_the_other():
    true, _ = cohort(participants=4000, truth="arc", severities=3)
    assert [name for name in true if name in FACTORS] == list(FACTORS)[:1]
    severity = true[list(FACTORS)[:1]].to_numpy()
    losses, patient = regional_losses(severity, "arc"), true["dx"].to_numpy() > 0
    assert not losses[~patient].any()
    first, second = losses[patient].T
    np.testing.assert_allclose(first**2 + (second - 1) ** 2, 1)
    quantile = stats.rankdata(severity[patient]) / patient.sum()
    assert (
        abs(stats.pearsonr(first, quantile).statistic) < 0.1
    )  # no straight line finds the first region's part
    assert first[quantile < 0.5].mean() == pytest.approx(first[quantile > 0.5].mean(), abs=0.05)
    assert second[quantile > 0.5].mean() > 4 * second[quantile < 0.5].mean()


def test_severities_that_multiply_are_those_of_a_linear_truth():
    linear, curved = cohort()[0], cohort(truth="product")[0]
    assert curved.equals(linear)
    severities = curved[list(FACTORS)[:2]].to_numpy()
    losses = regional_losses(severities, "product")
    np.testing.assert_allclose(losses[:, 2], severities[:, 0] * severities[:, 1])
    np.testing.assert_allclose(losses[:, :2], 0.3 * severities)
    assert np.array_equal(regional_losses(severities, "linear"), severities)


def test_subtypes_have_no_curve():
    with pytest.raises(ValueError, match=r"truth is arc and subtypes is 2"):
        SimulationConfig(truth="arc", subtypes=2)


def test_participants_follow_from_the_seed():
    assert cohort()[0].equals(cohort()[0])
    assert not cohort()[0].equals(cohort(seed=1)[0])
