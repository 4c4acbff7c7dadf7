"""What the start of a training holds in memory does not grow with the cohort."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.cohort.folds import sampled_rows
from adhd_cvae.config import Recipe, TrainingConfig
from adhd_cvae.io import write_tsv
from adhd_cvae.training.sampler import deal_rows


def cohort(n: int) -> pd.DataFrame:
    rows = np.arange(n)
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{row}" for row in rows],
            "group": np.where(rows % 3, "background", "target"),
            "site": rows % 7,
        }
    )


def test_the_start_of_a_large_cohort_is_from_a_sample_of_both_groups():
    rows, *_ = deal_rows(cohort(600), "site", TrainingConfig(), 0)
    assert np.array_equal(sampled_rows(rows.target, rows.background, 1000, 0), rows.fitted)
    known = sampled_rows(rows.target, rows.background, 120, 0)
    assert len(known) == len(set(known)) == 120
    assert set(known) <= set(rows.fitted)
    assert rows.is_target[known].mean() == pytest.approx(1 / 3, abs=0.02)
    assert np.array_equal(known, sampled_rows(rows.target, rows.background, 120, 0))
    assert not np.array_equal(known, sampled_rows(rows.target, rows.background, 120, 1))


FULL_LENGTH, WITH_CONTENT, LARGEST_GIB = 50_000, 1_000, 4.0
TRAIN_AND_TELL = """
import json, resource, sys
from pathlib import Path
from adhd_cvae.config import Recipe, TrainingConfig
from adhd_cvae.images.cache import open_images
from adhd_cvae.io import read_tsv
from adhd_cvae.training.train import train
folder = Path(sys.argv[1])
recipe = Recipe.model_validate_json((folder / "recipe.json").read_text())
found = train(open_images(folder), read_tsv(folder / "cohort.tsv"), recipe, folder / "checkpoints")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"gib": peak / 2**30, "losses": found.history["validation_loss"].tolist()}))
"""


@pytest.mark.slow
def test_fifty_thousand_maps_are_trained_on_in_less_than_four_gib(tmp_path):
    """A sparse file of full length, one map in fifty with content; every row is read in an epoch."""
    rng = np.random.default_rng(0)
    distance = np.linalg.norm(np.indices((64, 64, 64)).reshape(3, -1) - 31.5, axis=0)
    brain = (distance < 23.2).reshape(64, 64, 64)  # 52,280 voxels
    images = np.lib.format.open_memmap(
        tmp_path / "images.npy", mode="w+", dtype=np.float16, shape=(FULL_LENGTH, 64, 64, 64)
    )
    for row in range(1, FULL_LENGTH, FULL_LENGTH // WITH_CONTENT):
        images[row][brain] = 0.5 + 0.1 * rng.standard_normal(int(brain.sum()), np.float32)
    images.flush()
    write_tsv(cohort(FULL_LENGTH), tmp_path / "cohort.tsv")
    recipe = Recipe().model_dump(mode="json")
    recipe["image"]["mask_threshold"] = 0.001  # of the mean over empty maps too
    recipe["model"]["correction"] = False  # the correction's memory is a batch's, whatever the cohort
    recipe["model"]["linear"]["background_folds"] = 0
    recipe["training"] |= {"epochs": 1, "linear_epochs": 1, "validation_splits": 1}
    recipe["training"] |= {"vae": False, "batch_size": 128}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    told = subprocess.run(
        [sys.executable, "-c", TRAIN_AND_TELL, str(tmp_path)], check=True, capture_output=True, text=True
    ).stdout
    found = json.loads(told.splitlines()[-1])
    assert len(found["losses"]) == 2
    assert np.isfinite(found["losses"]).all()
    assert found["gib"] < LARGEST_GIB
