"""Embedding as a stage: what it refuses, and what is kept of the training participants."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.inference.embedding import Embedding
from adhd_cvae.inference.out_of_distribution import load_reference
from adhd_cvae.io import read_tsv
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.stages import embed


@pytest.fixture
def run(tmp_path):
    return Run(OutputPaths(tmp_path / "out"), Recipe(), Silent())


def test_without_a_model_the_verb_that_trains_one_is_named(run):
    with pytest.raises(InputError, match=r"no model was trained here. Run `adhd-cvae train"):
        embed.run(run)
    assert not run.paths.folder.exists()


def test_maps_of_another_cohort_are_refused(run, invent_maps):
    invent_maps(run.paths, 8)
    np.save(run.paths.images, np.load(run.paths.images)[:5])
    with pytest.raises(InputError, match=r"holds 5 maps and cohort\.tsv 8 participants"):
        embed._embed(run)
    assert not run.paths.latents.exists()


def test_distance_is_measured_from_the_training_participants_alone(run):
    rng = np.random.default_rng(0)
    split = np.repeat(["train", "test"], [60, 20])
    names = [f"sub-{number:02d}" for number in range(80)]
    cohort = pd.DataFrame({"participant_id": names, "group": "target", "split": split})
    means = rng.normal(size=(80, 3)).astype(np.float32)
    means[-1] = 9
    codes = Embedding(means[:, :1], means[:, :1], means[:, 1:], means[:, 1:])
    embed._keep_reference(run, cohort, codes, rng.uniform(0.9, 1.1, 80))
    distances = read_tsv(run.paths.distances).set_index("participant_id")
    assert distances["distance"].iloc[:60].mean() == pytest.approx(1, abs=0.1)
    assert distances["out_of_distribution"].iloc[-1]
    assert distances["out_of_distribution"].iloc[:60].sum() == 1  # one in a hundred, rounded up
    reference = load_reference(run.paths.reference)
    np.testing.assert_allclose(reference.code_mean, means[:60].mean(axis=0), atol=1e-6)
