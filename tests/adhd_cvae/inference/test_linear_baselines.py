"""Which participants the linear baselines are fitted to, and what their codes are."""

import numpy as np
import pandas as pd

from adhd_cvae.inference.linear_baselines import baseline_scores, rows_to_fit


def test_baselines_are_fitted_on_the_training_split_only(case):
    model, images, cohort = case
    scores = baseline_scores(model, images, cohort, seed=0)
    changed = images.copy()
    test = (cohort["split"] == "test").to_numpy()
    changed[test] = 0.5
    again = baseline_scores(model, changed, cohort, seed=0)
    columns = [name for name in scores if name.startswith(("pca_", "cpca_"))]
    assert len(columns) == 6 + 2
    assert np.allclose(scores.loc[~test, columns], again.loc[~test, columns], atol=1e-6)
    assert not np.allclose(scores.loc[test, columns], again.loc[test, columns], atol=1e-6)


def test_scores_are_standardised_where_fitted_and_stand_beside_their_participants(case):
    model, images, cohort = case
    scores = baseline_scores(model, images, cohort.set_index(np.arange(100, 130)), seed=0)
    assert list(scores)[:4] == ["participant_id", "group", "split", "pca_00"]
    pd.testing.assert_frame_equal(scores[list(cohort)], cohort)
    principal = scores.loc[scores["split"] == "train"].filter(like="pca_0").filter(regex="^pca")
    assert np.allclose(principal.mean(), 0, atol=1e-4)
    assert np.allclose(principal.std(ddof=0), 1, atol=1e-3)
    patients = (scores["split"] == "train") & (scores["group"] == "target")
    contrastive = scores.loc[patients].filter(regex="^cpca").to_numpy()
    assert np.allclose(contrastive.T @ contrastive / len(contrastive), np.eye(2), atol=1e-3)


def test_rows_to_fit_are_those_of_the_training_split_or_a_sample_in_proportion(case):
    _, _, cohort = case
    training = np.flatnonzero(cohort["split"] == "train")
    assert rows_to_fit(cohort, 20, 0).tolist() == training.tolist()
    skewed = cohort.assign(group=["target"] * 6 + ["background"] * 24)  # 4 and 16 of the training split
    sample = rows_to_fit(skewed, 10, 0)
    assert set(sample) <= set(training)
    assert skewed["group"].iloc[sample].value_counts().to_dict() == {"background": 8, "target": 2}
    assert sample.tolist() == rows_to_fit(skewed, 10, 0).tolist()
    assert sample.tolist() != rows_to_fit(skewed, 10, 1).tolist()
