"""Who is simulated: half are patients, severities are theirs alone, and records have gaps."""

import numpy as np
import pytest

from adhd_cvae.names import SUBTYPE
from adhd_cvae.simulation.participants import SimulationConfig, observed_phenotype, simulated_people


def test_half_are_patients_and_only_they_have_severities():
    config = SimulationConfig(participants=200)
    table = simulated_people(config)
    patients = table["dx"] > 0
    assert patients.sum() == 100
    assert list(config.factors) == ["severity_striatal", "severity_cingulocerebellar"]
    assert (table.loc[~patients, list(config.factors)] == 0).all(axis=None)
    assert table.loc[patients, "severity_striatal"].mean() == pytest.approx(1, abs=0.25)
    assert SUBTYPE not in table


def test_the_seed_decides_and_sites_share_patients_unevenly():
    even, uneven = (SimulationConfig(participants=400, site_confound=share) for share in (0.0, 1.0))
    assert simulated_people(even).equals(simulated_people(even))
    spread = [
        np.ptp((table["dx"] > 0).groupby(table["site"]).mean().to_numpy())
        for table in map(simulated_people, (even, uneven))
    ]
    assert spread[1] > 0.6 > 0.3 > spread[0]


def test_subtypes_are_named_only_where_they_are_asked_for():
    table = simulated_people(SimulationConfig(participants=60, subtypes=2))
    assert set(table.loc[table["dx"] > 0, SUBTYPE]) == {1, 2}


def test_what_a_clinic_recorded_has_no_severity():
    config = SimulationConfig(participants=60)
    observed = observed_phenotype(simulated_people(config), config)
    assert not set(config.factors) & set(observed)
    assert len(observed) == 60
