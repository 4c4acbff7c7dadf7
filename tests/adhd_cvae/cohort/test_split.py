"""Participants are held out in proportion of site and group; rows of a large cohort are drawn in proportion."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.cohort.split import sampled_rows, split_cohort
from adhd_cvae.errors import InputError


def participants(per_stratum: dict[tuple[str, int], int]) -> pd.DataFrame:
    rows = [(group, site) for (group, site), count in per_stratum.items() for _ in range(count)]
    table = pd.DataFrame(rows, columns=["group", "site"])
    table.insert(0, "participant_id", [f"sub-{number:04d}" for number in range(len(table))])
    return table


COUNTS = {
    ("target", 1): 40,
    ("target", 2): 12,
    ("background", 1): 28,
    ("background", 2): 61,
    ("background", 3): 3,
}


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("seed", [0, 7])
def test_every_site_and_group_keeps_its_proportion(fraction, seed):
    table = participants(COUNTS)
    table["split"] = split_cohort(table, fraction, seed, "site")
    held_out = (table["split"] == "test").groupby([table["group"], table["site"]]).sum()
    for stratum, count in COUNTS.items():
        assert abs(held_out[stratum] - fraction * count) <= 1


def test_the_split_follows_from_the_seed_and_not_from_the_row_order_of_other_groups():
    table = participants(COUNTS)
    first = split_cohort(table, 0.25, 3, "site")
    assert first.equals(split_cohort(table, 0.25, 3, "site"))
    assert not first.equals(split_cohort(table, 0.25, 4, "site"))


def test_the_smallest_cohort_still_holds_somebody_out_of_each_group():
    for seed in range(20):
        table = participants({("target", 1): 4, ("background", 1): 4})
        held_out = table["group"][split_cohort(table, 0.25, seed, None) == "test"]
        assert set(held_out) == {"target", "background"}


def test_a_group_too_small_to_hold_out_is_named():
    with pytest.raises(InputError, match="3 participants in the target group"):
        split_cohort(participants({("target", 1): 3, ("background", 1): 9}), 0.25, 0, "site")
    with pytest.raises(InputError, match="at least 12 are needed"):
        split_cohort(participants({("target", 1): 9, ("background", 1): 9}), 0.25, 0, "site", minimum=12)


def test_rows_of_a_large_cohort_are_drawn_in_proportion_with_the_seed():
    target, background = np.arange(0, 100), np.arange(100, 400)
    rows = sampled_rows(target, background, 40, 0)
    assert ((rows < 100).sum(), (rows >= 100).sum()) == (10, 30)
    assert (np.diff(rows) > 0).all()
    assert np.array_equal(rows, sampled_rows(target, background, 40, 0))
    assert not np.array_equal(rows, sampled_rows(target, background, 40, 1))
    assert np.array_equal(sampled_rows(target, background, 400, 0), np.arange(400)), (
        "all, where there are no more"
    )


def test_of_a_small_group_enough_are_drawn():
    rows = sampled_rows(np.arange(3), np.arange(3, 300), 20, 0, smallest=3)
    assert (rows < 3).sum() == 3
