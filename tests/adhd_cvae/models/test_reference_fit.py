"""Whether a reference fits participants: shares that can be told by hand."""

import numpy as np
import pytest

from adhd_cvae.models.reference_background import fit_reference
from adhd_cvae.models.reference_fit import common, explained, look_like_members, unexplained

SIZE = 60


def sample(count, seed, turn=0):
    """Values that vary along six directions, which another `turn` changes."""
    directions = np.random.default_rng(100 + turn).normal(size=(6, SIZE))
    rng = np.random.default_rng(seed)
    return 1 + rng.normal(size=(count, 6)) @ directions + 0.3 * rng.normal(size=(count, SIZE))


def test_a_fitting_reference_explains_more_than_few_controls_do_and_an_alien_one_less():
    controls, sites = sample(12, 101), np.tile(["a", "b", "c"], 4)
    fits, alien = (explained(fit_reference(sample(300, 102, turn)), controls, sites) for turn in (0, 1))
    assert fits.borrowed > fits.own
    assert alien.borrowed < alien.own
    assert 0 < fits.own < 1


def test_what_sites_differ_in_is_not_asked_about():
    controls, sites = sample(40, 103), np.repeat(["a", "b"], 20)
    reference = fit_reference(sample(300, 104))
    moved = controls + 5 * (sites == "b")[:, None]
    assert explained(reference, moved, sites) == pytest.approx(
        explained(reference, controls, sites), rel=1e-3
    )


def test_how_much_of_a_mask_is_common():
    reference = fit_reference(sample(30, 105), columns=np.arange(0, SIZE, 2))
    assert common(reference, np.arange(10)) == 0.5
    assert common(reference, np.array([0, 2, 4])) == 1


def test_members_are_counted_by_what_the_axes_leave_of_them():
    values = 1 + np.random.default_rng(106).normal(size=(60, 400))  # more directions than participants
    is_target, sites = np.arange(60) % 2 == 0, np.full(60, "a")
    others = 1 + np.random.default_rng(107).normal(size=(80, 400))
    lent = fit_reference(np.vstack([others, values[~is_target][:12]]))
    assert look_like_members(lent, values, sites, is_target) == (12, 0)
    assert look_like_members(fit_reference(others), values, sites, is_target) == (0, 0)
    alone = np.where(np.arange(60) == 0, "b", sites)  # a patient of whom nothing is known but the site's mean
    assert look_like_members(lent, values, alone, is_target) == (12, 0)
    assert np.isnan(unexplained(lent, values, alone)[0])
    left = unexplained(lent, values, sites)
    assert left[~is_target][:12].max() < 0.1 < left[is_target].min()


def test_one_half_of_the_controls_does_not_know_what_the_other_is_not():
    controls, sites = sample(24, 108), np.repeat(["a", "b", "c", "d"], 6)
    found = explained(fit_reference(sample(300, 109)), controls, sites)
    assert found.borrowed > found.own + 0.03  # around everybody's means the halves would explain each other
