"""Who trains, who decides when to stop, and who stands in a batch together."""

import numpy as np
import pytest

from adhd_cvae.training.sampler import paired_batches
from tests.adhd_cvae.training.small import RECIPE, recipe, rows_of


def test_nobody_serves_twice(data, fitted):
    _, cohort, _ = data
    rows = rows_of(cohort, RECIPE, fitted)
    everyone = np.concatenate([rows.target, rows.background, rows.validation])
    assert sorted(everyone) == np.flatnonzero(fitted).tolist()
    assert len(rows.validation)


def test_everybody_is_trained_on_where_nobody_is_held_out(data):
    _, cohort, _ = data
    rows = rows_of(cohort, RECIPE)
    assert sorted([*rows.fitted, *rows.validation]) == list(range(len(cohort)))


@pytest.mark.parametrize("changes", [{"epochs": 0}, {"validation_fraction": 0}])
def test_without_epochs_or_a_share_nobody_is_held_back(data, fitted, changes):
    _, cohort, _ = data
    rows = rows_of(cohort, recipe(training=changes), fitted)
    assert rows.fitted.tolist() == np.flatnonzero(fitted).tolist()
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
