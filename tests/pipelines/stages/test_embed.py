"""Embedding as a stage: what it refuses, and what is kept of the training participants."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
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


def test_distance_is_that_of_models_that_have_not_met_the_participant(run):
    rng = np.random.default_rng(0)
    folds = np.arange(80) % 2
    names = [f"sub-{number:02d}" for number in range(80)]
    cohort = pd.DataFrame({"participant_id": names, "group": "target"})
    means = rng.normal(size=(80, 3)).astype(np.float32)
    means[-1] = 9
    residual = rng.uniform(0.9, 1.1, 80)
    parts = []
    for number in range(2):
        rows, turns = folds == number, {"salient": -np.eye(1), "background": np.eye(2)[::-1]}
        own = {"salient": -means[rows, :1], "background": means[rows, 1:] @ np.eye(2)[::-1]}
        posteriors = {space: (values, np.ones_like(values)) for space, values in own.items()}
        parts.append(SimpleNamespace(posteriors=posteriors, turns=turns, residual=residual[rows]))
    embed._keep_reference(run, cohort, folds, parts)
    distances = read_tsv(run.paths.distances).set_index("participant_id")
    assert distances["out_of_distribution"].sum() == 1  # one in a hundred, rounded up
    assert distances["out_of_distribution"].iloc[-1]
    reference = load_reference(run.paths.reference)
    np.testing.assert_allclose(reference.code_mean, means.mean(axis=0), atol=1e-6)
