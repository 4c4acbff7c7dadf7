"""ComBat against frozen numbers of neuroCombat 0.2.12, and what it does where that one would blow up."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from adhd_cvae.errors import InputError
from adhd_cvae.models.harmonisation import fit_combat

# fmt: off
FEATURES = np.array([
    [-0.2, -1.29, 0.56], [1.55, -1.27, 2.85], [1.28, -0.19, -0.28], [0.89, -0.05, 1.97], [-0.47, -0.48, 1.14],
    [0.59, 1.06, 0.99], [1.15, 1.77, 1.27], [1.38, 0.22, 3.33], [-1.4, 0.15, 4.82], [-1.58, 1.72, 2.26],
    [0.07, 4.0, 4.22], [-0.59, 0.15, 3.77], [2.04, -0.32, 2.89], [3.09, 0.44, 1.66], [2.39, -1.46, 3.01],
    [1.72, -1.58, 3.12], [2.7, 0.15, 0.78], [1.77, -0.35, 0.63],
])
AGE = np.array(
    [12.0, 12.9, 11.2, 9.3, 10.6, 9.0, 12.2, 16.0, 10.5, 10.1, 13.5, 13.1, 12.3, 9.2, 11.9, 14.1, 8.0, 10.6]
)
# fmt: on
IS_TARGET = np.array([1, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1], dtype=bool)
SITES = np.repeat(list("abc"), 6)
SHIFT = [[-0.429219, -0.633702, -0.690433], [-1.422181, 1.396887, 0.827404], [1.73674, -0.80112, -0.030805]]
VARIANCE = [[0.943108, 0.688355, 0.904487], [1.876246, 2.149119, 1.934572], [0.686567, 0.522594, 0.619805]]
FIRST, LAST = [0.117104, -0.832618, 1.195349], [0.36589, 0.441744, 0.285374]
AGES = (AGE - AGE.mean())[:, None]
NOTHING = np.zeros((18, 0))


def noise(seed, n=60, features=30):
    """Three sites of other spread, and groups that they tell; nothing else."""
    rng = np.random.default_rng(seed)
    is_target = np.arange(n) % 2 == 1
    sites = np.where(rng.random(n) < np.where(is_target, 0.7, 0.3), "a", rng.choice(["b", "c"], n))
    spread = np.select([sites == "a", sites == "b"], [0.6, 1.0], 1.6)
    return rng.normal(size=(n, features)) * spread[:, None], sites, is_target


def test_the_numbers_are_those_of_neurocombat():
    found = fit_combat(FEATURES, SITES, AGES, IS_TARGET)
    np.testing.assert_allclose(found.shift, SHIFT, atol=1e-5)
    np.testing.assert_allclose(np.square(found.scale), VARIANCE, atol=1e-5)
    indicators = (np.array(list("abc")) == SITES[:, None]).astype(float)
    design = np.column_stack([indicators, AGE, IS_TARGET])
    of_group = (
        IS_TARGET[:, None] * (np.linalg.pinv(design) @ FEATURES)[-1]
    )  # neuroCombat keeps the true group
    harmonised = found.transform(FEATURES - of_group, SITES, AGES) + of_group
    np.testing.assert_allclose(harmonised[0], FIRST, atol=1e-5)
    np.testing.assert_allclose(harmonised[-1], LAST, atol=1e-5)


def test_everybody_is_transformed_alike_whatever_their_group():
    found = fit_combat(FEATURES, SITES, AGES, IS_TARGET)
    one = found.transform(FEATURES[:1], SITES[:1], AGES[:1])
    np.testing.assert_allclose(found.transform(FEATURES, SITES, AGES)[:1], one, atol=1e-12)


def test_sites_have_one_mean_and_spread_afterwards_and_the_group_stays():
    rng = np.random.default_rng(0)
    is_target, sites = np.arange(400) % 2 == 1, np.repeat(["a", "b"], 200)
    features = rng.normal(size=(400, 50)) * np.where(sites == "a", 1, 2)[:, None]
    features += np.where(sites == "a", 0, 3)[:, None] + is_target[:, None]
    after = fit_combat(features, sites, np.zeros((400, 0)), is_target).transform(
        features, sites, np.zeros((400, 0))
    )
    at_a, at_b = (after[(sites == name) & ~is_target] for name in "ab")
    np.testing.assert_allclose(at_a.mean(axis=0), at_b.mean(axis=0), atol=0.6)
    assert abs((at_a - at_b).mean()) < 0.1
    assert 0.9 < at_a.std() / at_b.std() < 1.1
    # What patients have more is scaled with the site they were scanned at.
    assert 0.9 < after[is_target].mean() - after[~is_target].mean() < 1.4


def shifted(seed, features=200, shift=3.0):
    """Noise in which one site is shifted along the first of many features."""
    rng = np.random.default_rng(seed)
    is_target, sites = np.arange(100) % 2 == 1, np.repeat(list("abcd"), 25)
    values = rng.normal(size=(100, features))
    values[sites == "a", 0] += shift
    return values, sites, is_target


def test_features_that_are_not_alike_have_distributions_of_their_own():
    left = {}
    for block in (0, 16):
        parts = []
        for seed in range(20):
            values, sites, is_target = shifted(seed)
            found = fit_combat(values, sites, np.zeros((100, 0)), is_target, block=block)
            new, site = np.zeros((2, 200)), ["a", "b"]
            after = found.transform(new, site, np.zeros((2, 0)))
            parts.append(3 - (after[1] - after[0])[0])
        left[block] = np.mean(parts)
    assert left[0] > 2 * abs(left[16])
    assert left[0] > 0.6


def test_a_block_is_shrunk_as_if_it_were_alone():
    values, sites, is_target = shifted(0, features=50)
    whole = fit_combat(values, sites, np.zeros((100, 0)), is_target, block=16)
    for rows in (slice(0, 16), slice(16, 50)):  # 32 and 2 more, too few for a block
        alone = fit_combat(values[:, rows], sites, np.zeros((100, 0)), is_target)
        np.testing.assert_allclose(whole.shift[:, rows], alone.shift, atol=1e-9)
        np.testing.assert_allclose(whole.scale[:, rows], alone.scale, atol=1e-9)
    new = whole.with_site("e", values[:25], np.zeros((25, 0)))
    alone = fit_combat(values[:, :16], sites, np.zeros((100, 0)), is_target)
    np.testing.assert_allclose(
        new.shift[-1, :16], alone.with_site("e", values[:25, :16], np.zeros((25, 0))).shift[-1], atol=1e-9
    )


def test_covariates_are_kept_or_taken_away():
    rng = np.random.default_rng(1)
    age, sites = rng.normal(size=(200, 1)), np.repeat(["a", "b"], 100)
    is_target = np.arange(200) % 2 == 1
    features = rng.normal(size=(200, 5)) + age * 2
    found = fit_combat(features, sites, age, is_target, harmonise=False)
    assert found.sites == ()
    kept = found.transform(features, sites, age)
    np.testing.assert_allclose(kept, features, atol=1e-9)  # nothing was asked to be taken away
    left = found.transform(features, sites, age, keep_covariates=False)
    assert np.abs(np.corrcoef(left.T, age.T)[-1, :-1]).max() < 0.1
    assert np.corrcoef(features.T, age.T)[-1, :-1].min() > 0.8


def test_few_participants_of_a_site_a_site_of_one_group_and_constant_features_do_no_harm():
    features, sites, is_target = noise(0)
    features[:, 4] = 2.5
    sites = sites.astype("<U5")
    sites[:2], sites[2] = "two", "one"
    sites[[5, 7, 9, 11, 13]] = "ill"  # patients alone
    found = fit_combat(features, sites, np.zeros((60, 0)), is_target)
    assert found.sites == ("a", "b", "c", "ill")
    after = found.transform(features, sites, np.zeros((60, 0)))
    assert np.isfinite(after).all()
    assert np.abs(after).max() < 3 * np.abs(features).max()
    np.testing.assert_allclose(after[:, 4], 2.5)


def test_a_site_that_was_not_met_is_the_average_site():
    found = fit_combat(FEATURES, SITES, AGES, IS_TARGET)
    elsewhere = found.transform(FEATURES, np.full(18, "elsewhere"), AGES)
    np.testing.assert_allclose(elsewhere, FEATURES, atol=1e-9)


def test_a_site_is_learnt_from_its_own_controls():
    rng = np.random.default_rng(2)
    features, sites, is_target = noise(2, n=200)
    found = fit_combat(features, sites, np.zeros((200, 0)), is_target)
    new = rng.normal(size=(40, 30)) * 3 + 5
    learnt = found.with_site("new", new, np.zeros((40, 0)))
    after = learnt.transform(new, np.full(40, "new"), np.zeros((40, 0)))
    assert learnt.sites[-1] == "new"
    assert abs(after.mean() - found.mean.mean()) < 0.1
    assert 0.9 < after.std() / found.spread.mean() < 1.1


def test_groups_that_are_sites_are_refused():
    with pytest.raises(InputError, match="patients only or controls only"):
        fit_combat(FEATURES, np.where(IS_TARGET, "x", "y"), AGES, IS_TARGET)


def test_nothing_about_the_group_is_made_out_of_noise():
    """Were everybody transformed by their true group, those held out would be told by it."""
    within = []
    for seed in range(20):
        features, sites, is_target = noise(seed, n=120)
        held_out = np.arange(120) // 2 % 3 == 0
        found = fit_combat(
            *(features[~held_out], sites[~held_out]), np.zeros(((~held_out).sum(), 0)), is_target[~held_out]
        )
        after = found.transform(features, sites, np.zeros((120, 0)))
        known = after[~held_out]
        direction = known[is_target[~held_out]].mean(axis=0) - known[~is_target[~held_out]].mean(axis=0)
        at_a = held_out & (sites == "a")
        within.append(roc_auc_score(is_target[at_a], after[at_a] @ direction))
    assert abs(np.mean(within) - 0.5) < 3 * np.std(within) / np.sqrt(20)
