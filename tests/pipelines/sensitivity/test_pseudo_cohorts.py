"""Controls dealt as a cohort's patients are found: at its sites, and at its ages and sexes."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.config import CohortConfig
from adhd_cvae.names import BACKGROUND, TARGET
from pipelines.sensitivity.pseudo_cohorts import Dealer

SETTINGS = CohortConfig(site="site", covariates=("age", "sex"))


def cohort(older=0.0, sites=((40, 20), (20, 60))):
    """Controls and patients at each site, patients `older` by some years and mostly boys."""
    rng = np.random.default_rng(1)
    rows = []
    for site, counts in enumerate(sites):
        for group, count, years, boys in zip(
            (BACKGROUND, TARGET), counts, (12, 12 + older), (0.5, 0.8), strict=True
        ):
            ages = rng.normal(years, 2, count)
            sexes = (rng.random(count) < boys).astype(int)
            rows += [
                {"site": site, "group": group, "age": age, "sex": sex}
                for age, sex in zip(ages, sexes, strict=True)
            ]
    table = pd.DataFrame(rows).sample(frac=1, random_state=0).reset_index(drop=True)
    return table.assign(participant_id=[f"sub-{number:03d}" for number in range(len(table))])


def dealt(dealer, seeds=200, fraction=1.0):
    for seed in range(seeds):
        rows, is_patient = dealer.deal(fraction, np.random.default_rng(seed))
        yield dealer.controls.iloc[rows].assign(is_patient=is_patient)


def test_every_site_has_the_share_of_patients_that_it_has():
    table = next(dealt(Dealer(cohort(), SETTINGS)))
    shares = table.groupby("site")["is_patient"].mean()
    assert shares[0] == pytest.approx(20 / 60, abs=0.02)
    assert shares[1] == pytest.approx(60 / 80, abs=0.02)
    assert len(table) == 60
    assert (table["group"] == BACKGROUND).all()


def test_a_fraction_is_a_fraction_of_every_site_and_nobody_comes_twice():
    table = next(dealt(Dealer(cohort(), SETTINGS), fraction=0.5))
    assert table["site"].value_counts().to_dict() == {0: 20, 1: 10}
    assert table["participant_id"].is_unique


def test_pseudo_patients_are_older_and_more_often_boys_where_patients_are():
    everybody = cohort(older=2.0, sites=((150, 150),))
    asked = everybody.groupby("group")[["age", "sex"]].mean()
    asked = asked.loc[TARGET] - asked.loc[BACKGROUND]
    gaps = []
    for table in dealt(Dealer(everybody, SETTINGS), seeds=100):
        means = table.groupby("is_patient")[["age", "sex"]].mean()
        gaps.append(means.loc[True] - means.loc[False])
    found = pd.DataFrame(gaps).mean()
    # Half of the same controls cannot differ as two groups of their own do; most of the gap is there.
    assert 0.6 * asked["age"] < found["age"] < 1.2 * asked["age"]
    assert 0.6 * asked["sex"] < found["sex"] < 1.2 * asked["sex"]


def test_without_patients_half_of_every_site_are_pseudo_patients():
    everybody = cohort()
    table = next(dealt(Dealer(everybody[everybody["group"] == BACKGROUND], SETTINGS)))
    assert table.groupby("site")["is_patient"].mean().tolist() == [0.5, 0.5]


def test_where_no_site_has_both_groups_half_of_every_site_are_pseudo_patients():
    table = next(dealt(Dealer(cohort(sites=((40, 0), (20, 0), (0, 50))), SETTINGS)))
    assert table.groupby("site")["is_patient"].mean().tolist() == [0.5, 0.5]


def test_at_a_site_of_controls_alone_nobody_is_a_pseudo_patient():
    table = next(dealt(Dealer(cohort(sites=((40, 20), (20, 0))), SETTINGS)))
    assert table.groupby("site")["is_patient"].sum().tolist() == [13, 0]


def test_without_a_site_there_is_one():
    everybody = cohort().drop(columns="site")
    table = next(dealt(Dealer(everybody, SETTINGS)))
    assert len(table) == 60
    assert table["is_patient"].sum() == round(60 * 80 / 140)


def test_the_same_seed_deals_the_same_and_another_one_others():
    dealer = Dealer(cohort(), SETTINGS)
    one, again, other = (dealer.deal(0.5, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert (one[0] == again[0]).all()
    assert (one[1] == again[1]).all()
    assert not np.array_equal(one[0], other[0])
