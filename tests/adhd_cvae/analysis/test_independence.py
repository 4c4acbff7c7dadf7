"""HSIC is calibrated, active units and norms are counted among the right participants."""

import numpy as np
import pytest
from scipy.stats import binom

from adhd_cvae.analysis.independence import INDEPENDENCE_COLUMNS, independence_table
from adhd_cvae.analysis.kernels import gaussian_kernel
from adhd_cvae.analysis.permutation import Inference

BOUNDS = binom.interval(0.999, 200, 0.05)


def test_hsic_value_is_grettons_and_sees_nonlinear_dependence():
    rng = np.random.default_rng(0)
    salient = rng.normal(size=(80, 1))
    spaces = {"salient": salient, "background": np.column_stack([salient[:, 0] ** 2, rng.normal(size=80)])}
    is_target = np.ones(80, bool)
    table = independence_table(spaces, is_target, Inference(permutations=199))
    row = table.set_index("measure").loc["hsic"]
    centring = np.eye(80) - 1 / 80
    kernels = gaussian_kernel(salient), gaussian_kernel(spaces["background"])
    expected = np.trace(kernels[0] @ centring @ kernels[1] @ centring) / 79**2
    assert row["value"] == pytest.approx(expected)
    assert row["p_value"] == pytest.approx(1 / 200)


def test_hsic_of_independent_spaces_is_calibrated():
    rejected = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        spaces = {"salient": rng.normal(size=(20, 2)), "background": rng.normal(size=(20, 3))}
        table = independence_table(spaces, np.ones(20, bool), Inference(permutations=99, seed=seed))
        rejected += table["p_value"][0] <= 0.05
    assert BOUNDS[0] <= rejected <= BOUNDS[1]


def test_hsic_within_sites_ignores_what_sites_share():
    rng = np.random.default_rng(0)
    site = np.repeat([0, 1], 30)
    spaces = {name: site[:, None] * 5.0 + rng.normal(size=(60, 2)) for name in ("salient", "background")}
    everyone = np.ones(60, bool)
    assert independence_table(spaces, everyone, Inference(permutations=99))["p_value"][0] == 0.01
    assert independence_table(spaces, everyone, Inference(permutations=99, strata=site))["p_value"][0] > 0.02


def test_frames_of_folds_are_no_dependence_within_folds():
    """Each fold's models move both spaces: permuted freely that is dependence, within folds it is none."""
    rejected = {"freely": 0, "within folds": 0}
    fold, everyone = np.repeat(np.arange(5), 8), np.ones(40, bool)
    for seed in range(100):
        rng = np.random.default_rng(seed)
        moved = rng.normal(size=(2, 5, 3))[:, fold]
        spaces = {
            name: moved[k] + rng.normal(size=(40, 3)) for k, name in enumerate(("salient", "background"))
        }
        for way, inference in (
            ("freely", Inference(permutations=39, seed=seed)),
            ("within folds", Inference(permutations=39, seed=seed).within(fold)),
        ):
            rejected[way] += independence_table(spaces, everyone, inference)["p_value"][0] <= 0.05
    assert rejected["freely"] > 50
    assert rejected["within folds"] <= binom.ppf(0.999, 100, 0.05)


def test_active_units_norms_and_critic():
    rng = np.random.default_rng(0)
    is_target = np.arange(40) < 20
    salient = np.column_stack([rng.normal(size=40), 0.01 * rng.normal(size=40)])
    salient[~is_target] = 0.0
    spaces = {"salient": salient, "background": rng.normal(size=(40, 3)), "vae": np.zeros((40, 2))}
    table = independence_table(spaces, is_target, Inference(permutations=19), critic_accuracy=0.53)
    assert list(table.columns) == INDEPENDENCE_COLUMNS
    rows = table.set_index(["measure", "space"])
    assert rows.loc[("active_units", "salient"), "value"] == 1
    assert rows.loc[("active_units", "salient"), "n"] == 20
    assert rows.loc[("active_units", "background"), "value"] == 3
    assert rows.loc[("active_units", "vae"), "value"] == 0
    assert rows.loc[("norm_background", "salient"), "value"] == 0
    expected = np.linalg.norm(salient[:20], axis=1).mean()
    assert rows.loc[("norm_target", "salient"), "value"] == pytest.approx(expected)
    assert table.set_index("measure").loc["critic_accuracy", "value"] == 0.53


def test_independence_of_degenerate_cohorts():
    flat = {"salient": np.zeros((20, 2)), "background": np.zeros((20, 2))}
    table = independence_table(flat, np.ones(20, bool), Inference(permutations=19)).set_index("measure")
    assert np.isnan(table.loc["hsic", "value"])
    assert np.isnan(table.loc["norm_background", "value"])
    missing = {"salient": np.full((3, 2), np.nan), "background": np.ones((3, 2))}
    table = independence_table(missing, np.ones(3, bool), Inference(permutations=19)).set_index(
        ["measure", "space"]
    )
    assert np.isnan(table.loc[("active_units", "salient"), "value"])
