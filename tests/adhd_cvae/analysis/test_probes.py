"""Probes that find what is there and nothing else; HSIC, active units, norms."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from sklearn.kernel_ridge import KernelRidge

from adhd_cvae.analysis.independence import INDEPENDENCE_COLUMNS, independence_table
from adhd_cvae.analysis.kernels import gaussian_kernel, ridge_predictions, split_kernels
from adhd_cvae.analysis.probes import PROBE_COLUMNS, probe_table
from adhd_cvae.errors import InputError

BOUNDS = binom.interval(0.999, 200, 0.05)


@pytest.mark.parametrize("probe", ["linear", "rbf"])
def test_predictions_are_kernel_ridge_with_the_penalty_of_the_least_leave_one_out_error(probe):
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(25, 4)), rng.normal(size=(7, 4))
    outcomes = train[:, :1] + 0.5 * rng.normal(size=(25, 1))
    inside, across = split_kernels(train, test, probe)
    predicted = ridge_predictions(inside, across, outcomes[:, None, :])[:, 0, 0]

    centring = np.eye(25) - 1 / 25
    centred = centring @ inside @ centring
    shifted = (across - inside.mean(axis=0)) @ centring
    mean = outcomes.mean()
    errors, candidates = [], []
    for penalty in np.logspace(-3, 3, 7) * np.linalg.eigvalsh(centred).clip(0).mean():
        hat = centred @ np.linalg.inv(centred + penalty * np.eye(25)) + 1 / 25
        errors.append(np.sum(((outcomes - hat @ outcomes)[:, 0] / (1 - np.diag(hat))) ** 2))
        model = KernelRidge(alpha=penalty, kernel="precomputed").fit(centred, outcomes - mean)
        candidates.append(model.predict(shifted)[:, 0] + mean)
    np.testing.assert_allclose(predicted, candidates[int(np.argmin(errors))], atol=1e-8)


def test_scaling_is_learnt_from_the_training_participants_alone():
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(12, 3)), rng.normal(size=(4, 3))
    inside, across = split_kernels(train, test, "linear")
    moved_inside, moved_across = split_kernels(train, 100 + test, "linear")
    np.testing.assert_array_equal(inside, moved_inside)
    assert np.abs(across - moved_across).max() > 10
    constant = np.column_stack([train, np.ones(12)])
    assert np.isfinite(split_kernels(constant, np.column_stack([test, np.ones(4)]), "rbf")[1]).all()


def cohort(n=120, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.uniform(7, 18, n),
            "sex": rng.integers(0, 2, n),
            "site": rng.choice(["NYU", "KKI", "OHSU"], n),
        }
    )
    latents = rng.normal(size=(n, 4))
    latents[:, 0] += frame["age"]
    latents[:, 1] += 3 * frame["sex"]
    return {"background": latents, "salient": rng.normal(size=(n, 2))}, frame, rng.random(n) < 0.6


SCALES = {"age": "ratio", "sex": "nominal", "site": "nominal"}


def test_probes_find_what_was_put_in_and_only_there():
    spaces, frame, held_out = cohort()
    table = probe_table(spaces, frame, SCALES, held_out, permutations=199)
    assert list(table.columns) == PROBE_COLUMNS
    rows = table.set_index(["space", "target", "probe"])
    assert set(table["probe"]) == {"linear", "rbf"}
    assert (table["n"] == held_out.sum()).all()
    for probe in ("linear", "rbf"):
        for target in ("age", "sex"):
            assert rows.loc[("background", target, probe), "p_value"] == pytest.approx(1 / 200)
            assert rows.loc[("salient", target, probe), "p_value"] > 0.02
        assert rows.loc[("background", "age", probe), "score"] > 0.8
        assert rows.loc[("background", "sex", probe), "score"] > 0.8
        assert rows.loc[("background", "site", probe), "p_value"] > 0.02
    assert rows.loc[("background", "sex", "linear"), "null_mean"] == pytest.approx(0.5, abs=0.03)
    assert rows.loc[("background", "site", "linear"), "null_mean"] == pytest.approx(1 / 3, abs=0.03)
    assert rows.loc[("background", "age", "linear"), "metric"] == "r"
    assert rows.loc[("background", "sex", "linear"), "metric"] == "balanced_accuracy"
    pd.testing.assert_frame_equal(table, probe_table(spaces, frame, SCALES, held_out, permutations=199))


def test_rbf_probe_sees_what_a_linear_one_cannot():
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(100, 2))
    frame = pd.DataFrame({"ring": (latents**2).sum(axis=1)})
    table = probe_table({"salient": latents}, frame, {"ring": "ratio"}, np.ones(100), permutations=99)
    scores = table.set_index("probe")["score"]
    assert scores["rbf"] > 0.7
    assert scores["linear"] < 0.3


def test_participants_in_training_are_never_used():
    spaces, frame, held_out = cohort()
    changed = frame.copy()
    changed.loc[~held_out, "age"] = 1000.0
    table = probe_table(spaces, frame, {"age": "ratio"}, held_out, permutations=19)
    pd.testing.assert_frame_equal(
        table, probe_table(spaces, changed, {"age": "ratio"}, held_out, permutations=19)
    )


@pytest.mark.parametrize(("target", "probe"), [("y", "linear"), ("y", "rbf"), ("c", "linear"), ("c", "rbf")])
def test_five_percent_of_noise_is_significant(target, probe):
    scales = {"y": "ratio", "c": "nominal"}
    rejected = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({"y": rng.normal(size=24), "c": (rng.random(24) < 0.3).astype(int)})
        frame.loc[:5, "c"] = 1
        latents = {"salient": rng.normal(size=(24, 3))}
        table = probe_table(
            latents, frame, {target: scales[target]}, np.ones(24), permutations=39, folds=4, seed=seed
        )
        rejected += table.set_index("probe")["p_value"][probe] <= 0.05
    assert BOUNDS[0] <= rejected <= BOUNDS[1]


def test_strata_keep_a_site_effect_from_passing_for_one_of_the_target():
    rng = np.random.default_rng(0)
    site = np.repeat([0, 1, 2], 30)
    frame = pd.DataFrame({"age": 4.0 * site + rng.normal(size=90)})
    spaces = {"background": site[:, None] + 0.1 * rng.normal(size=(90, 2))}
    everyone = np.ones(90, bool)
    free = probe_table(spaces, frame, {"age": "ratio"}, everyone, permutations=99)
    within = probe_table(spaces, frame, {"age": "ratio"}, everyone, permutations=99, strata=site)
    assert (free["p_value"] == 0.01).all()
    assert (within["p_value"] > 0.02).all()
    assert (within["null_mean"] > 0.8).all()


def test_rare_classes_and_targets_that_cannot_be_probed_say_so():
    spaces, frame, held_out = cohort()
    site = frame["site"].to_numpy(object)
    site[np.flatnonzero(held_out)[:3]] = "Brown"
    frame = frame.assign(site=site, flat=1.0, empty=np.nan)
    scales = {"site": "nominal", "flat": "ratio", "empty": "nominal"}
    table = probe_table(spaces, frame, scales, held_out, permutations=19).set_index("target")
    assert (table.loc["site", "n"] == held_out.sum() - 3).all()
    assert table.loc["site", "note"].str.contains("Brown").all()
    assert table.loc["site", "score"].notna().all()
    assert table.loc[["flat", "empty"], "score"].isna().all()
    assert table.loc["flat", "note"].str.contains("the same").all()
    assert table.loc["empty", "note"].str.contains("0 held-out").all()
    within = probe_table(spaces, frame, {"sex": "nominal"}, held_out, permutations=19, strata=frame["sex"])
    assert within["p_value"].notna().all()
    assert within["note"].str.contains("permuted freely").all()


def test_unknown_target():
    spaces, frame, held_out = cohort(30)
    with pytest.raises(InputError, match="no column 'iq'"):
        probe_table(spaces, frame, {"iq": "ratio"}, held_out)


def test_gaussian_kernel_has_median_width():
    latents = np.array([[0.0], [1.0], [3.0]])
    kernel = gaussian_kernel(latents)  # squared distances 1, 4, 9: exp(-d² / (2 · 4))
    assert kernel[0, 1] == pytest.approx(np.exp(-1 / 8))
    assert np.diag(kernel) == pytest.approx(1)


def test_hsic_value_is_grettons_and_sees_nonlinear_dependence():
    rng = np.random.default_rng(0)
    salient = rng.normal(size=(80, 1))
    spaces = {"salient": salient, "background": np.column_stack([salient[:, 0] ** 2, rng.normal(size=80)])}
    is_target = np.ones(80, bool)
    table = independence_table(spaces, is_target, permutations=199)
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
        table = independence_table(spaces, np.ones(20, bool), permutations=99, seed=seed)
        rejected += table["p_value"][0] <= 0.05
    assert BOUNDS[0] <= rejected <= BOUNDS[1]


def test_hsic_within_sites_ignores_what_sites_share():
    rng = np.random.default_rng(0)
    site = np.repeat([0, 1], 30)
    spaces = {name: site[:, None] * 5.0 + rng.normal(size=(60, 2)) for name in ("salient", "background")}
    everyone = np.ones(60, bool)
    assert independence_table(spaces, everyone, permutations=99)["p_value"][0] == 0.01
    assert independence_table(spaces, everyone, permutations=99, strata=site)["p_value"][0] > 0.02


def test_active_units_norms_and_critic():
    rng = np.random.default_rng(0)
    is_target = np.arange(40) < 20
    salient = np.column_stack([rng.normal(size=40), 0.01 * rng.normal(size=40)])
    salient[~is_target] = 0.0
    spaces = {"salient": salient, "background": rng.normal(size=(40, 3)), "vae": np.zeros((40, 2))}
    table = independence_table(spaces, is_target, critic_accuracy=0.53, permutations=19)
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
    table = independence_table(flat, np.ones(20, bool), permutations=19).set_index("measure")
    assert np.isnan(table.loc["hsic", "value"])
    assert np.isnan(table.loc["norm_background", "value"])
    missing = {"salient": np.full((3, 2), np.nan), "background": np.ones((3, 2))}
    table = independence_table(missing, np.ones(3, bool), permutations=19).set_index(["measure", "space"])
    assert np.isnan(table.loc[("active_units", "salient"), "value"])
