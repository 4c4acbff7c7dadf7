"""Recovery of planted factors: high where they are, around zero where they are not, never in sample."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.analysis.recovery import RECOVERY_COLUMNS, Scoring, correlation, recovery_table
from adhd_cvae.errors import InputError


def cohort(n=160, seed=0):
    rng = np.random.default_rng(seed)
    is_target = np.arange(n) % 2 == 0
    truth = pd.DataFrame(
        {"striatal": rng.normal(size=n) * is_target, "cerebellar": rng.normal(size=n) * is_target}
    )
    salient = truth.to_numpy() @ np.array([[1.0, 0.4], [-0.3, 1.0]]) + 0.3 * rng.normal(size=(n, 2))
    spaces = {"salient": salient, "background": rng.normal(size=(n, 6)), "contrastive_pca": salient * 3 + 1}
    return spaces, is_target, truth


def test_planted_factors_are_recovered_where_they_are():
    table = recovery_table(*cohort(), Scoring())
    assert list(table.columns) == RECOVERY_COLUMNS
    assert set(table["split"]) == {"out_of_fold"}
    scores = table.set_index(["space", "metric", "factor"])["score"].sort_index()
    assert (scores["salient", "r"] > 0.85).all()
    assert (scores["salient", "r2"] > 0.7).all()
    assert (scores["background", "r"] < 0.3).all()
    # Ridge on z-scored latents does not mind their units.
    np.testing.assert_allclose(scores["contrastive_pca"], scores["salient"], atol=1e-9)


def test_only_patients_count_and_n_says_how_many():
    spaces, is_target, truth = cohort()
    table = recovery_table(spaces, is_target, truth, Scoring())
    assert (table["n"] == is_target.sum()).all()
    changed = {name: np.where(is_target[:, None], latents, 99.0) for name, latents in spaces.items()}
    pd.testing.assert_frame_equal(table, recovery_table(changed, is_target, truth, Scoring()))


def test_many_useless_units_do_not_pass_for_recovery():
    rng = np.random.default_rng(0)
    _, is_target, truth = cohort()
    table = recovery_table({"vae": rng.normal(size=(160, 60))}, is_target, truth, Scoring())
    assert (table[table["metric"] != "r2"]["score"] < 0.45).all()
    assert (table[table["metric"] == "r2"]["score"] < 0.1).all()


def test_same_seed_same_scores_and_missing_truth_is_left_out():
    spaces, is_target, truth = cohort()
    truth.loc[0, "striatal"] = np.nan
    spaces["salient"][2] = np.nan
    table = recovery_table(spaces, is_target, truth, Scoring(seed=2))
    pd.testing.assert_frame_equal(table, recovery_table(spaces, is_target, truth, Scoring(seed=2)))
    counts = table[(table["factor"] == "striatal") & (table["metric"] == "r")].groupby("space")["n"].sum()
    assert counts["background"] == is_target.sum() - 1
    assert counts["salient"] == is_target.sum() - 2


def test_too_few_patients_or_a_constant_factor_are_missing_with_a_reason():
    spaces, is_target, truth = cohort(8)
    few = recovery_table(spaces, is_target, truth, Scoring())
    assert few["score"].isna().all()
    assert (few["note"] == "4 patients; at least 10 are needed").all()
    table = recovery_table(*cohort(30)[:2], cohort(30)[2].assign(flat=1.0), Scoring()).set_index("factor")
    assert table.loc["flat", "score"].isna().all()
    assert table.loc["striatal", "score"].notna().all()


def test_what_the_codes_are_is_said():
    assert set(recovery_table(*cohort(30), Scoring(), split="unknown")["split"]) == {"unknown"}


def test_lengths_must_agree():
    spaces, is_target, truth = cohort(30)
    with pytest.raises(InputError, match="'is_target' has 29 participants, the truth 30"):
        recovery_table(spaces, is_target[:29], truth, Scoring())


def test_correlation_of_a_constant_prediction_is_zero():
    assert correlation(np.full(5, 2.0), np.arange(5.0)) == 0
    assert correlation(np.arange(5.0), 3 * np.arange(5.0)) == pytest.approx(1)


def test_a_subtype_is_no_severity():
    spaces, is_target, truth = cohort()
    with_subtype = recovery_table(
        spaces, is_target, truth.assign(subtype=np.arange(len(truth)) % 4), Scoring()
    )
    pd.testing.assert_frame_equal(with_subtype, recovery_table(spaces, is_target, truth, Scoring()))
