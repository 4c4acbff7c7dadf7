"""Who is in a reference, as its axes tell it."""

import numpy as np
import pytest

from adhd_cvae.config import ReferenceConfig
from adhd_cvae.models.membership import Membership, membership_curve, shareable_axes
from adhd_cvae.models.reference_background import moments_of

CONFIG = ReferenceConfig(membership_axes=(1, 5, 20, 60, 500))


def gram_of(seed, count, modes, noise=1.0):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((count, modes)) @ rng.standard_normal((modes, 300))
    return moments_of(values + noise * rng.standard_normal((count, 300))).gram


def test_many_axes_tell_members_and_the_more_the_better():
    told = []
    curve = membership_curve(gram_of(100, 120, 5), CONFIG, 0, lambda *one: told.append(one))
    assert told == [(done, CONFIG.membership_folds) for done in range(1, CONFIG.membership_folds + 1)]
    assert [one.axes for one in curve] == [1, 5, 20, 60]  # nobody has 500
    assert curve[-1].auc > 0.95 > 0.75 > curve[1].auc
    assert all(one.explained < one.explained_members for one in curve)
    assert np.all(np.diff([one.explained for one in curve]) > 0)


def test_axes_that_all_share_tell_nobody():
    curves = [membership_curve(gram_of(seed, 400, 5, noise=0.1), CONFIG, 0) for seed in range(100, 105)]
    assert np.mean([curve[0].auc for curve in curves]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([curve[0].auc for curve in curves]) < np.mean([curve[3].auc for curve in curves]) - 0.1


def test_it_is_what_refitting_without_the_others_gives():
    gram = gram_of(101, 60, 5)
    config = ReferenceConfig(membership_axes=(3,), membership_folds=2)
    held = np.random.default_rng(0).permutation(60) % 2
    values = np.linalg.cholesky(gram + 1e-2 * np.eye(60))
    shares = []
    for fold in range(2):
        axes = np.linalg.svd(values[held != fold])[2][:3]
        others = values[held == fold]
        shares.append(np.square(others @ axes.T).sum() / np.square(others).sum())
    assert membership_curve(gram, config, 0)[0].explained == pytest.approx(np.mean(shares), rel=1e-3)


def test_alone_at_a_site_nobody_is_asked_about():
    values = np.random.default_rng(102).standard_normal((41, 50))
    gram = moments_of(values, [0] * 40 + [1]).gram
    assert all(np.isfinite(one.auc) for one in membership_curve(gram, CONFIG, 0))


def test_shared_are_the_axes_before_the_first_that_tells_too_much():
    curve = [Membership(axes, auc, 0.5, 0.5) for axes, auc in ((1, 0.52), (5, 0.59), (20, 0.7), (60, 0.55))]
    assert shareable_axes(curve, 0.6) == 5
    assert shareable_axes(curve, 0.7) == 60
    assert shareable_axes(curve, 0.51) == 0
