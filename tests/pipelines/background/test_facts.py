"""What is told of the maps that a reference was learnt from."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.config import ImageConfig
from adhd_cvae.errors import InputError
from adhd_cvae.models.reference_background import fit_reference
from bids_adapters.cohort import Cohort
from pipelines.background.facts import TERMS, counts_of, described, described_alike

PLACES = [Path("a"), Path("b")]


def cohort(**columns):
    table = pd.DataFrame({"participant_id": ["sub-1", "sub-2", "sub-3"], **columns})
    return Cohort(table, {}, pd.DataFrame(), pd.DataFrame())


def test_sites_are_counted_and_named_only_where_asked_for():
    one = cohort(site=[2, 1, 2], age=[9, np.nan, 11.5])
    sites = np.array(["2", "1", "2"])
    plain = described(one, ImageConfig(), "Elsewhere", sites, site_names=False)
    assert (plain["sites"], plain["age"], "site_names" in plain) == (2, [9, 11.5], False)
    assert "sub-" not in str(plain)
    assert described(one, ImageConfig(), "Elsewhere", sites, site_names=True)["site_names"] == ["1", "2"]


def test_without_sites_and_ages_there_is_one_site_and_no_age():
    found = described(cohort(), ImageConfig(), "Elsewhere", None, site_names=True)
    assert (found["sites"], found["age"]) == (1, None)


def test_parts_are_described_together_by_the_stricter_terms():
    parts = [
        {"name": "A", "age": [8, 12], "sites": 2, "terms": TERMS[True], "membership_auc": 0.55},
        {"name": "B", "age": [10, 17], "sites": 1, "terms": TERMS[False], "membership_auc": 1.0},
    ]
    found = described_alike(PLACES, parts)
    assert (found["name"], found["age"], found["sites"]) == ("A and B", [8, 17], 3)
    assert (found["terms"], found["membership_auc"]) == (TERMS[False], 1.0)
    assert "membership_auc" not in described_alike(PLACES, [parts[0], {"terms": TERMS[True]}])


def test_parts_made_otherwise_are_refused_with_what_differs():
    with pytest.raises(
        InputError, match=r"b was learnt from maps of modulation unmodulated, and a of modulated\."
    ):
        described_alike(PLACES, [{"modulation": "modulated"}, {"modulation": "unmodulated"}])


def test_axes_and_what_they_hold_are_counted():
    reference = fit_reference(np.random.default_rng(100).normal(size=(20, 9)), most_axes=3)
    assert counts_of(reference) == {"axes": 3, "explained": pytest.approx(reference.explained, abs=1e-6)}
