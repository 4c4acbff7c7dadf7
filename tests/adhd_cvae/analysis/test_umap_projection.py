"""UMAP: repeatable, and without a map where there is nothing to map."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import silhouette_score

from adhd_cvae.analysis.umap_projection import umap_table


def test_umap_repeats_with_its_seed_and_keeps_clusters_apart():
    rng = np.random.default_rng(0)
    latents = 8.0 * (np.arange(40) % 2)[:, None] + rng.normal(size=(40, 5))
    ids = [f"sub-{k:03}" for k in range(40)]
    table = umap_table({"salient": latents}, ids, seed=3)
    assert list(table["participant_id"]) == ids
    pd.testing.assert_frame_equal(table, umap_table({"salient": latents}, ids, seed=3))
    assert table["trustworthiness"].iloc[0] > 0.7
    places = table[["umap_1", "umap_2"]].to_numpy(float)
    assert silhouette_score(places, np.arange(40) % 2) > 0.5


def test_umap_leaves_the_number_of_threads_as_it_was():
    """Else whatever torch computes after an analysis has other last bits than in a process of its own."""
    script = """
import numpy as np, torch
from adhd_cvae.analysis.umap_projection import umap_table
before = torch.get_num_threads()
umap_table({"salient": np.random.default_rng(0).normal(size=(40, 4))}, [str(k) for k in range(40)], seed=0)
print(before, torch.get_num_threads())
"""
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], env=alone, capture_output=True, text=True
    )
    assert answer.stdout.split() == ["1", "1"], answer.stderr


@pytest.mark.parametrize("n", [0, 1, 3, 9, 10, 12])
def test_umap_of_few_participants_does_not_fail(n):
    rng = np.random.default_rng(0)
    table = umap_table({"salient": rng.normal(size=(n, 2))}, [f"sub-{k}" for k in range(n)], seed=0)
    assert len(table) == n
    assert table["umap_1"].notna().all() == (n >= 10 or n == 0)
    assert table["note"].isna().all() == (n >= 10 or n == 0)


def test_umap_of_equal_or_missing_latents():
    ids = [f"sub-{k}" for k in range(20)]
    equal = umap_table({"salient": np.zeros((20, 2))}, ids, seed=0)
    assert equal["umap_1"].isna().all()
    assert "distinct" in equal["note"][0]
    latents = np.random.default_rng(0).normal(size=(20, 2))
    latents[4] = np.nan
    table = umap_table({"salient": latents}, ids, seed=0)
    assert list(np.flatnonzero(table["umap_1"].isna())) == [4]
