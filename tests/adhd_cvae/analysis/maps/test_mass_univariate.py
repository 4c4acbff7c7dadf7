"""A variable against every voxel: the t of the linear model, p by permutation, and as little memory as is wanted."""

import tracemalloc

import numpy as np
import pytest

from adhd_cvae.analysis.maps import mass_univariate
from adhd_cvae.analysis.maps.mass_univariate import (
    VoxelTest,
    covariate_columns,
    freed,
    held_constant,
    max_t,
    to_volume,
)
from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.errors import InputError

MASK = np.zeros((10, 10, 10), np.uint8)
MASK[2:8, 2:8, 2:8] = 1
VOXELS = int(MASK.sum())
SITE = np.repeat([0, 1, 2], [12, 9, 7])


def outcome(variable, maps, covariates=None, *, permutations=99, strata=SITE, blocks=None):
    inference = Inference(permutations=permutations, strata=strata).among(np.ones(len(maps), bool))
    return max_t(variable, blocks or [maps], held_constant(inference.codes, covariates), inference)


def invented(seed=0, voxels=60):
    rng = np.random.default_rng(seed)
    age = rng.normal(size=28) + SITE
    variable = rng.normal(size=28) + 0.5 * age
    return variable, rng.normal(size=(28, voxels)) + age[:, None] + 3 * SITE[:, None], age[:, None]


def test_volume_puts_values_back_in_c_order():
    volume = to_volume(np.arange(VOXELS), MASK, outside=-1)
    np.testing.assert_array_equal(volume[MASK.astype(bool)], np.arange(VOXELS))
    assert (volume[MASK == 0] == -1).all()
    with pytest.raises(InputError, match=r"shape \(5,\), the mask 216 voxels"):
        to_volume(np.ones(5), MASK)


def test_t_and_slope_are_those_of_the_full_linear_model():
    variable, maps, age = invented()
    found = outcome(variable, maps, age)
    design = np.column_stack([variable, age, np.eye(3)[SITE]])
    coefficients, squares, rank, _ = np.linalg.lstsq(design, maps, rcond=None)
    variance = squares / (len(maps) - rank) * np.linalg.inv(design.T @ design)[0, 0]
    np.testing.assert_allclose(found.slope, coefficients[0], atol=1e-10)
    np.testing.assert_allclose(found.t, coefficients[0] / np.sqrt(variance), atol=1e-8)


def test_p_counts_the_arrangements_whose_largest_statistic_reaches_it():
    """By a loop of linear models, one an arrangement."""
    variable, maps, age = invented()
    maps[:, :5] += 1.5 * variable[:, None]
    found = outcome(variable, maps, age, permutations=59)
    held = np.linalg.qr(np.column_stack([age, np.eye(3)[SITE]]))[0]
    left, rest = freed(variable, held), freed(maps, held)
    rng = np.random.default_rng(0)
    orders = mass_univariate.permuted_orders(rng, np.asarray(SITE), 59)
    largest = []
    for order in orders:
        moved = freed(left[order], held)
        correlations = moved @ rest / np.linalg.norm(moved) / np.linalg.norm(rest, axis=0)
        largest.append(np.abs(correlations).max())
    expected = (1 + (np.array(largest)[:, None] >= np.abs(found.r)).sum(axis=0)) / 60
    np.testing.assert_allclose(found.p, expected)
    assert found.p.min() < 0.05 < found.p.max()


def test_blocks_of_any_size_give_what_one_gives(monkeypatch):
    variable, maps, age = invented()
    whole = outcome(variable, maps, age)
    parts = outcome(variable, maps, age, blocks=np.array_split(maps, 7, axis=1))
    monkeypatch.setattr(mass_univariate, "_VALUES", 28 * 4)
    monkeypatch.setattr(mass_univariate, "_ARRANGEMENTS", 10)
    for other in (parts, outcome(variable, maps, age)):
        np.testing.assert_array_equal(whole.p, other.p)
        np.testing.assert_allclose(whole.t, other.t, rtol=1e-10)


def test_neither_unit_nor_sign_nor_what_is_held_constant_changes_the_test():
    variable, maps, age = invented()
    whole = outcome(variable, maps, age)
    other = outcome(3 - 100 * variable + 4 * age[:, 0], 0.01 * maps + 7 * age + SITE[:, None], 1e4 * age - 5)
    np.testing.assert_allclose(other.t, -whole.t, atol=1e-7)
    np.testing.assert_array_equal(other.p, whole.p)
    np.testing.assert_allclose(other.slope, -1e-4 * whole.slope, atol=1e-9)


def test_columns_that_depend_on_each_other_do_no_harm():
    variable, maps, age = invented()
    again = np.column_stack([age, 2 * age, covariate_columns(SITE, nominal=True), np.zeros((28, 1))])
    np.testing.assert_allclose(outcome(variable, maps, again).t, outcome(variable, maps, age).t, atol=1e-8)


def test_voxels_that_do_not_vary_within_strata_are_not_tested():
    variable, maps, _ = invented()
    maps[:, :3] = [0, 0.2, 1e6]
    maps[:, 3] = SITE
    found = outcome(variable, maps)
    assert (found.t[:4] == 0).all()
    assert (found.p[:4] == 1).all()
    assert (found.p < 1).any()
    assert all(np.isfinite(values).all() for values in (found.r, found.slope, found.t, found.p))


def test_a_variable_of_which_nothing_is_left_has_no_test():
    _, maps, age = invented()
    assert outcome(SITE, maps) is None
    assert outcome(2 * age[:, 0] + SITE, maps, age) is None
    assert outcome(np.arange(28), maps, strata=np.arange(28)) is None


def test_an_arrangement_that_the_covariates_swallow_is_nothing_against_chance():
    """Of four who can be exchanged two are told apart by the variable, the other two by the covariate."""
    site = np.repeat([0, 1], [4, 24])
    variable, age = np.zeros(28), np.zeros((28, 1))
    variable[:2], age[2:4, 0] = [1, -1], [1, -1]
    maps = np.random.default_rng(0).normal(size=(28, 1))
    maps[:2] += [[50], [-50]]
    found = outcome(variable, maps, age, strata=site, permutations=599)
    # A third of the arrangements: the same one, turned round, and the two along the covariate.
    assert found.p[0] == pytest.approx(1 / 3, abs=0.06)


def test_missing_is_a_level_of_its_own():
    columns = covariate_columns(np.array([1, np.nan, 2, np.nan]), nominal=True)
    np.testing.assert_array_equal(columns, [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]])
    np.testing.assert_array_equal(covariate_columns(np.array([3, 4]), nominal=False), [[3], [4]])


def test_a_test_gives_maps_and_a_row():
    values = np.linspace(-3, 2, VOXELS)
    test = VoxelTest(30, None, values / 4, values, values, np.where(values < -2.9, 0.01, 1.0))
    volumes = test.volumes(MASK)
    assert (volumes["p"][MASK == 0] == 1).all()
    assert volumes["log10_p"].max() == pytest.approx(2)
    row = test.row("group", "t", "site")
    assert row["largest"] == -3
    assert row["significant"] == (values < -2.9).sum()
    assert test.row("iq", "r", "")["largest"] == -0.75
    assert VoxelTest(3, "why").volumes(MASK) == {}
    assert "p_value" not in VoxelTest(3, "why").row("group", "t", "")


def test_memory_beside_the_maps_is_bounded():
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(400, 60_000)).astype(np.float16)
    held = held_constant(np.arange(400) % 3)
    inference = Inference(permutations=8, strata=np.arange(400) % 3).among(np.ones(400, bool))
    tracemalloc.start()
    max_t(rng.normal(size=400), [maps], held, inference)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # In double precision all of the maps would take 192 MB.
    assert peak < 350e6
