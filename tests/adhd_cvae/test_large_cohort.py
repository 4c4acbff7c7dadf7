"""What the start of a training holds in memory does not grow with the cohort."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae import dataset
from adhd_cvae.config import Recipe
from adhd_cvae.dataset import sampled_rows
from adhd_cvae.learner import deal_rows


def cohort(n: int) -> pd.DataFrame:
    rows = np.arange(n)
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{row}" for row in rows],
            "group": np.where(rows % 3, "background", "target"),
            "split": np.where(rows % 5, "train", "test"),
            "site": rows % 7,
        }
    )


def test_the_start_of_a_large_cohort_is_from_a_sample_of_both_groups(monkeypatch):
    rows = deal_rows(cohort(600), Recipe())
    assert np.array_equal(sampled_rows(rows.target, rows.background, 0), rows.fitted)
    monkeypatch.setattr(dataset, "MOST_IN_MEMORY", 120)
    known = sampled_rows(rows.target, rows.background, 0)
    assert len(known) == len(set(known)) == 120
    assert set(known) <= set(rows.fitted)
    assert rows.is_target[known].mean() == pytest.approx(1 / 3, abs=0.02)
    assert np.array_equal(known, sampled_rows(rows.target, rows.background, 0))
    assert not np.array_equal(known, sampled_rows(rows.target, rows.background, 1))
