"""Everybody is held out once, in proportion of site and group; rows of a large cohort are drawn in proportion."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.cohort.folds import check_folds, check_groups, deal_folds, hold_out, sampled_rows
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


def spread(table: pd.DataFrame, folds: pd.Series, *columns: str) -> int:
    """Largest difference between folds in the number of any stratum."""
    held = pd.crosstab([table[name] for name in columns], folds)
    return int((held.max(axis=1) - held.min(axis=1)).max())


@pytest.mark.parametrize("count", [2, 5, 10])
@pytest.mark.parametrize("seed", [0, 7])
def test_every_fold_has_its_share_of_every_site_and_group(count, seed):
    table = participants(COUNTS)
    folds = deal_folds(table, count, seed, "site")
    assert sorted(folds.unique()) == list(range(count))
    assert spread(table, folds, "group", "site") <= 1
    assert spread(table, folds, "group") <= 1
    assert folds.value_counts().max() - folds.value_counts().min() <= 1


def test_folds_follow_from_the_seed_and_not_from_the_order_of_the_rows():
    table = participants(COUNTS)
    folds = deal_folds(table, 5, 3, "site")
    assert folds.equals(deal_folds(table, 5, 3, "site"))
    assert not folds.equals(deal_folds(table, 5, 4, "site"))
    shuffled = table.sample(frac=1, random_state=0)
    assert deal_folds(shuffled, 5, 3, "site").sort_index().equals(folds)


def test_a_missing_site_is_one_more_and_no_site_is_none():
    table = participants({("target", 1): 20, ("background", 1): 20}).astype({"site": float})
    table.loc[::2, "site"] = np.nan
    folds = deal_folds(table, 5, 0, "site")
    assert spread(table.fillna({"site": -1}), folds, "group", "site") == 0
    for site in (None, "scanner"):
        assert spread(table, deal_folds(table, 5, 0, site), "group") == 0


def test_there_are_no_more_folds_than_the_smaller_group_has_participants():
    table = participants({("target", 1): 4, ("background", 1): 30})
    folds = deal_folds(table, 10, 0, "site")
    assert folds.nunique() == 4
    assert set(folds[table["group"] == "target"]) == {0, 1, 2, 3}


@pytest.mark.parametrize("seed", range(5))
def test_families_are_held_out_together_and_still_in_proportion(seed):
    table = participants({key: 5 * count for key, count in COUNTS.items()})
    rng = np.random.default_rng(seed)
    table["family"] = [f"F{one}" for one in rng.integers(0, 200, len(table))]
    table.loc[::3, "family"] = np.nan
    folds = deal_folds(table, 5, seed, "site", groups="family")
    assert folds.groupby(table["family"]).nunique().max() == 1
    assert spread(table, folds, "group") <= 3
    assert spread(table, folds, "group", "site") <= 6
    alone = deal_folds(table.assign(family=np.nan), 5, seed, "site", groups="family")
    assert alone.equals(deal_folds(table, 5, seed, "site"))


def test_families_that_cannot_be_held_out_apart_are_named():
    table = participants({("target", 1): 8, ("background", 1): 8})
    one = np.where(table["group"] == "target", "F1", table["participant_id"])
    with pytest.raises(InputError, match=r"cohort\.folds is 5, but all of the target group have one value"):
        deal_folds(table.assign(family=one), 5, 0, "site", groups="family")
    with pytest.raises(
        InputError, match=r"no column 'family' for cohort\.fold_groups \(found: participant_id"
    ):
        deal_folds(table, 5, 0, "site", groups="family")
    two = np.where(table["group"] == "target", table.index % 2, table.index)
    assert deal_folds(table.assign(family=two), 5, 0, "site", groups="family").nunique() == 2


def test_a_site_may_be_a_fold():
    table = participants(COUNTS)
    folds = deal_folds(table, "leave_site_out", 0, "site")
    assert (folds == table["site"] - 1).all()


def test_a_site_that_cannot_be_left_out_is_named():
    alone = participants({("target", 1): 8, ("background", 1): 8})
    for site in ("site", None):
        with pytest.raises(InputError, match=r"there is one site only.*--set cohort\.folds=5"):
            deal_folds(alone, "leave_site_out", 0, site)
    table = participants({("target", 1): 8, ("background", 1): 8, ("background", 2): 9})
    with pytest.raises(InputError, match=r"without site 1, 0 of the target group to train on"):
        deal_folds(table, "leave_site_out", 0, "site")
    table = participants(COUNTS).assign(family=lambda rows: rows.index % 50)
    with pytest.raises(InputError, match=r"of cohort\.fold_groups was seen at [23] sites"):
        deal_folds(table, "leave_site_out", 0, "site", groups="family")


def test_a_group_too_small_to_hold_out_is_named():
    with pytest.raises(InputError, match="3 participants in the target group"):
        deal_folds(participants({("target", 1): 3, ("background", 1): 9}), 5, 0, "site")
    with pytest.raises(InputError, match="at least 12 are needed"):
        deal_folds(participants({("target", 1): 9, ("background", 1): 9}), 5, 0, "site", minimum=12)
    with pytest.raises(InputError, match="without fold 0, 1 of the target group to train on"):
        deal_folds(participants({("target", 1): 2, ("background", 1): 9}), 5, 0, "site", minimum=2)


def test_folds_that_leave_nobody_to_train_on_are_each_named():
    group = np.array(["target"] * 4 + ["background"] * 4)
    check_folds(np.array([3, 3, 7, 7] * 2), group)
    with pytest.raises(InputError) as refused:
        check_folds(np.array([0, 0, 0, 1, 0, 1, 1, 1]), group)
    assert [line[:39] for line in refused.value.problems] == [
        "without fold 0, 1 of the target group t",
        "without fold 1, 1 of the background gro",
    ]
    with pytest.raises(InputError, match="all are in fold 4"):
        check_folds(np.array([4] * 8), group)


@pytest.mark.parametrize("count", [0, 1])
def test_a_group_that_nobody_can_learn_from_is_named(count):
    check_groups(np.array(["target", "background"] * 2))
    with pytest.raises(InputError, match=rf"cohort\.tsv has {count} of the target group to train on"):
        check_groups(np.array(["target"] * count + ["background"] * 5))


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("seed", [0, 7])
def test_who_is_held_out_keeps_the_proportion_of_every_site_and_group(share, seed):
    table = participants(COUNTS)
    held = pd.Series(hold_out(table, share, seed, "site")).groupby([table["group"], table["site"]]).sum()
    for stratum, count in COUNTS.items():
        assert abs(held[stratum] - share * count) <= 1


def test_who_is_held_out_follows_from_the_seed():
    table = participants(COUNTS)
    first = hold_out(table, 0.25, 3, "site")
    assert np.array_equal(first, hold_out(table, 0.25, 3, "site"))
    assert not np.array_equal(first, hold_out(table, 0.25, 4, "site"))


def test_of_the_smallest_cohort_somebody_of_each_group_is_held_out():
    for seed in range(20):
        table = participants({("target", 1): 4, ("background", 1): 4})
        assert set(table["group"][hold_out(table, 0.25, seed, None)]) == {"target", "background"}


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
