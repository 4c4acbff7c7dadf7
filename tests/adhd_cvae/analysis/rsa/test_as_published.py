"""The study's own arithmetic."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import kendalltau, ttest_1samp

from adhd_cvae.analysis.rsa.as_published import as_published_table


def test_as_published_is_the_studys_own_arithmetic():
    rng = np.random.default_rng(0)
    draws = {"salient": rng.normal(size=(10, 25, 3)), "vae": rng.normal(size=(10, 25, 4))}
    frame = pd.DataFrame({"age": rng.uniform(7, 18, 25).round(2), "site": rng.integers(1, 4, 25)})
    frame.loc[2, "age"] = np.nan
    table = as_published_table(draws, frame, {"age": "ratio", "site": "nominal"}).set_index(
        ["space", "variable"]
    )
    known = frame["age"].notna().to_numpy()
    ages = frame["age"][known].to_numpy()
    model = pdist(ages[:, None], "cityblock")
    angles = [np.arctan(kendalltau(pdist(draw[known]), model).statistic) for draw in draws["salient"]]
    expected = ttest_1samp(angles, 0)
    row = table.loc[("salient", "age")]
    assert row["mean"] == pytest.approx(np.mean(angles), abs=1e-9)
    assert row["t"] == pytest.approx(expected.statistic, abs=1e-6)
    assert row["p_value"] == pytest.approx(expected.pvalue, abs=1e-9)
    assert row["df"] == 9
    assert row["n"] == 24


def test_as_published_without_draws_to_compare_says_so():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.normal(size=12), "flat": 1.0})
    one = as_published_table({"salient": rng.normal(size=(1, 12, 2))}, frame, {"age": "ratio"})
    assert one["t"].isna().all()
    assert "2 posterior samples" in one["note"][0]
    flat = as_published_table({"salient": rng.normal(size=(3, 12, 2))}, frame, {"flat": "ratio"})
    assert flat["p_value"].isna().all()
    assert flat["note"].notna().all()
