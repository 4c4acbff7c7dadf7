"""The face of the core: every name is there when it is used, is what its room calls so, and none other is."""

from importlib import import_module

import pytest

import adhd_cvae
from adhd_cvae.simulation.cohort import SimulatedCohort


@pytest.mark.parametrize("name", adhd_cvae.__all__)
def test_every_name_leads_to_its_room(name):
    found = getattr(adhd_cvae, name)
    assert found.__name__ == name
    assert getattr(import_module(found.__module__), name) is found


def test_another_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        adhd_cvae.trian  # noqa: B018


def test_a_cohort_is_simulated_by_settings_alone():
    cohort = adhd_cvae.simulate_cohort(participants=12, seed=1)
    assert isinstance(cohort, SimulatedCohort)
    assert (cohort.participants["dx"] > 0).sum() == 6
