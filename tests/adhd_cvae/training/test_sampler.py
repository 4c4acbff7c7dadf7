"""Who trains, who decides when to stop, and who stands in a batch together."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.training.sampler import check_groups, paired_batches
from tests.adhd_cvae.training.small import RECIPE, recipe, rows_of


def test_nobody_serves_twice(data):
    _, cohort, _ = data
    rows = rows_of(cohort, RECIPE)
    everyone = np.concatenate([rows.target, rows.background, rows.validation])
    assert len(set(everyone)) == len(everyone) == (cohort["split"] == "train").sum()
    assert not set(everyone) & set(np.flatnonzero(cohort["split"] == "test"))


@pytest.mark.parametrize("changes", [{"epochs": 0}, {"validation_fraction": 0}])
def test_without_epochs_or_a_share_nobody_is_held_back(data, changes):
    _, cohort, _ = data
    rows = rows_of(cohort, recipe(training=changes))
    assert len(rows.fitted) == (cohort["split"] == "train").sum()
    assert not rows.held_back


def test_each_batch_holds_both_groups_and_every_site_in_proportion():
    sites = np.array(["a", "b", "b", "b"] * 8)
    target, background = np.arange(16), np.arange(16, 32)
    for patients, controls in paired_batches(target, background, 8, (0, 1), sites):
        assert len(patients) == len(controls) == 8
        assert (sites[patients] == "a").sum() == (sites[controls] == "a").sum() == 2


def test_the_smaller_group_is_drawn_again_until_the_larger_has_come_once():
    batches = list(paired_batches(np.arange(3), np.arange(3, 13), 4, (0, 1)))
    assert sorted(np.concatenate([controls for _, controls in batches])[:10]) == list(range(3, 13))
    assert [len(patients) for patients, _ in batches] == [3] * 4
    again = list(paired_batches(np.arange(3), np.arange(3, 13), 4, (0, 1)))
    assert all(np.array_equal(one, other) for one, other in zip(batches, again, strict=True))


@pytest.mark.parametrize("count", [0, 1])
def test_a_group_that_nothing_is_learnt_from_is_named_with_what_to_do(count):
    groups = ["background"] * 4 + ["target"] * count
    with pytest.raises(InputError, match=rf"{count} of the target group.*cohort\.test_fraction"):
        check_groups(pd.DataFrame({"group": groups, "split": "train"}))
