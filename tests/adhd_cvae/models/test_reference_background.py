"""Healthy anatomy as mean, spread, axes and variances."""

import numpy as np
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.models.reference_background import (
    Borrowed,
    borrowed,
    fit_reference,
    merge_references,
    moments_of,
    reference_of,
    truncated,
)

SITES = np.arange(90) % 3


@pytest.fixture
def healthy(rng):
    """Ninety participants of three sites far apart, forty correlated features of unequal spread, one constant."""
    values = rng.standard_normal((90, 40)) @ rng.standard_normal((40, 40)) * np.linspace(0.1, 5, 40)
    values[:, 7] = 2
    return values + 100 * SITES[:, None]


def covariance(values, sites):
    within = values.copy()
    for site in np.unique(sites):
        within[sites == site] -= within[sites == site].mean(axis=0)
    return within.T @ within / (len(values) - len(np.unique(sites)))


def of_reference(reference):
    return (
        (reference.axes.T * reference.variances)
        @ reference.axes
        * np.outer(reference.spread, reference.spread)
    )


def test_it_holds_the_covariance_within_sites(healthy):
    reference = fit_reference(healthy, SITES)
    expected = covariance(healthy, SITES)
    assert of_reference(reference) == pytest.approx(expected, abs=1e-4 * np.abs(expected).max())
    assert reference.mean == pytest.approx(healthy.mean(axis=0))
    assert reference.explained == pytest.approx(1, abs=1e-5)
    assert reference.total_variance == 39
    assert (reference.count, reference.freedom) == (90, 87)


def test_features_are_read_in_blocks_and_may_be_some_of_the_values(healthy, monkeypatch):
    columns = np.array([1, 7, 8, 30])
    whole = fit_reference(healthy[:, columns], SITES)
    monkeypatch.setattr("adhd_cvae.models.reference_background._BLOCK", 3)
    some = fit_reference(healthy, SITES, columns=columns)
    assert of_reference(some) == pytest.approx(of_reference(whole), abs=1e-4)
    assert some.size == 40


def test_fewer_axes_are_the_leading_ones(healthy):
    every, few = fit_reference(healthy, SITES), fit_reference(healthy, SITES, most_axes=5)
    assert few.variances == pytest.approx(every.variances[:5])
    assert few.axes @ few.axes.T == pytest.approx(np.eye(5), abs=1e-5)


def test_what_was_learnt_apart_is_put_together_exactly(healthy):
    parts = np.arange(90) < 36
    merged = merge_references([fit_reference(healthy[rows], SITES[rows]) for rows in (parts, ~parts)])
    places = SITES + 3 * parts
    expected = covariance(healthy, places)
    assert of_reference(merged) == pytest.approx(expected, abs=1e-4 * np.abs(expected).max())
    assert merged.mean == pytest.approx(healthy.mean(axis=0))
    assert merged.spread**2 == pytest.approx(np.diag(expected), rel=1e-5)
    assert (merged.count, merged.freedom) == (90, 84)


def test_other_features_are_not_merged(healthy):
    with pytest.raises(InputError, match=r"other features \(40 of 40, 2 of 40; 2 in common, expected 95%"):
        merge_references([fit_reference(healthy), fit_reference(healthy, columns=np.array([3, 4]))])


def test_of_masks_that_differ_at_the_edge_the_common_features_are_merged(healthy):
    parts, columns = np.arange(90) < 36, (np.arange(39), np.arange(1, 40))
    found = merge_references(
        [
            fit_reference(healthy[rows], SITES[rows], columns=own)
            for rows, own in zip((parts, ~parts), columns, strict=True)
        ]
    )
    expected = covariance(healthy, SITES + 3 * parts)[1:39, 1:39]
    assert of_reference(found) == pytest.approx(expected, abs=1e-4 * np.abs(expected).max())
    assert list(found.columns) == list(range(1, 39))


def test_a_pass_over_the_features_is_followed_and_axes_can_be_cut_later(healthy):
    heard = []
    moments = moments_of(healthy, SITES, tick=lambda done, total: heard.append((done, total)))
    every = reference_of(healthy, moments, 800, lambda done, total: heard.append((done, total)))
    assert heard == [(0, 1), (0, 1)]
    assert truncated(every, 5).variances == pytest.approx(
        fit_reference(healthy, SITES, most_axes=5).variances
    )
    assert np.diag(moments.gram).sum() == pytest.approx(every.total_variance * every.freedom)


def test_a_cohort_borrows_it_in_its_own_units(healthy, rng):
    columns, mean, spread = np.array([2, 3, 9, 20]), np.arange(4.0), np.array([1.0, 2, 0.5, 3])
    found = borrowed(fit_reference(healthy, SITES), columns, mean, spread)
    assert found.mean == pytest.approx((healthy[:, columns].mean(axis=0) - mean) / spread, abs=1e-5)
    expected = covariance(healthy, SITES)[np.ix_(columns, columns)] / np.outer(spread, spread)
    assert (found.axes.T * found.variances) @ found.axes == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_whitening_takes_the_floored_covariance_to_the_identity(rng):
    axes = np.linalg.qr(rng.standard_normal((6, 3)))[0].T
    found = Borrowed(np.zeros(6), axes, np.array([9.0, 4.0, 0.25]), 10, 6)
    assert found.floor(0.1) == 4
    floored = (axes.T * [9, 4, 4]) @ axes + 4 * (np.eye(6) - axes.T @ axes)
    one = found.whitened(floored, 0.1)
    assert found.whitened(floored[0], 0.1) == pytest.approx(one[0])
    assert one == pytest.approx(np.linalg.inv(found.whitened(np.eye(6), 0.1)))
