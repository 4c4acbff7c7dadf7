"""Estimator and command line give the same codes."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from adhd_cvae import ContrastiveModel
from adhd_cvae.io import read_tsv
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from pipelines.stages import embed, prepare, train

ADJUSTED = ("cohort.harmonise=combat", "cohort.residualise=true", "training.vae=false")


# Means: float32 rounds some code of a batch to 2e-6 as its arrays lie in memory.
def compared(recipe, paths, bids_dir):
    """Codes by the estimator, by the estimator from the run's checkpoints, and of the run."""
    cohort, latents = read_tsv(paths.cohort), read_tsv(paths.latents)
    maps = [bids_dir / image for image in cohort["image"]]
    known = {"sites": cohort["site"], "covariates": cohort[["age", "sex"]]}
    model = ContrastiveModel.from_recipe(recipe)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        model.fit(maps, cohort["group"] == "target", **known)
    own = latents[[*model.get_feature_names_out()]].to_numpy()
    assert np.ptp(own, axis=0).max() > 0.1
    return (
        model.transform(maps, **known),
        ContrastiveModel.load(paths.checkpoints).transform(maps, **known),
        own,
    )


def test_as_the_recipe_has_them(demo):
    fitted, loaded, own = compared(load_recipe("smoke"), demo.paths, demo.bids_dir)
    assert np.abs(fitted - own).mean() < 1e-6
    assert np.abs(loaded - own).mean() < 1e-6


@pytest.mark.slow
def test_of_maps_without_sites_and_covariates(demo, tmp_path):
    paths, recipe = OutputPaths(tmp_path / "out"), load_recipe("smoke", ADJUSTED)
    run = Run(paths, recipe, Silent())
    prepare.run(run, BidsInput(demo.bids_dir))
    train.run(run)
    embed.run(run)
    fitted, loaded, own = compared(recipe, paths, demo.bids_dir)
    assert np.abs(fitted - own).mean() < 1e-6
    assert np.abs(loaded - own).mean() < 1e-6
    plain = read_tsv(demo.paths.latents)[["z_00"]].to_numpy()
    assert np.abs(own[:, [2]] - plain).max() > 0.1


def test_the_manuals_code_runs(demo, tmp_path, monkeypatch):
    (tmp_path / "demo").symlink_to(demo.bids_dir.parent)
    monkeypatch.chdir(tmp_path)
    manual = (Path(__file__).parents[2] / "adhd_cvae" / "README.md").read_text(encoding="utf-8")
    section = manual.split("## From Python")[1].split("\n## ")[0]
    seen = {}
    for block in re.findall(r"```python\n(.*?)```", section, re.DOTALL):
        exec(block, seen)  # noqa: S102 (the manual is ours)
    assert seen["codes"].shape == (80, 12)
    assert 0 < seen["result"].p_value <= 1
