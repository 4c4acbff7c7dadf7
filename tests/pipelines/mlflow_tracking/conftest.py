"""Invented results of a study, as MLflow is to show them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.config import Recipe
from adhd_cvae.io import read_tsv, write_json
from pipelines.mlflow_tracking.summary import RunSummary
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.results import Results
from tests.pipelines.whole_tables import write_whole


@pytest.fixture
def published(
    invent_results: Callable[[Path], OutputPaths], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> RunSummary:
    """Results of 40 participants, without a trained model."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "derivatives").mkdir()
    paths = invent_results(tmp_path / "derivatives" / "out")
    cohort = read_tsv(paths.cohort)
    tables = {
        "rsa": {"space": ["salient"], "variable": ["age"], "tau": [0.25]},
        "probes": {
            "space": ["background", "salient"],
            "target": ["age"] * 2,
            "probe": ["linear"] * 2,
            "metric": ["r"] * 2,
            "score": [0.41, 0.9],
        },
        "separation": {
            "space": ["salient", "background", "background", "vae", "background"],
            "measure": ["auc", "auc", "balanced_accuracy", "auc", "auc"],
            "site": [None, None, None, None, 2],
            "value": [0.71, 0.62, 0.8, np.nan, 0.9],
        },
        "recovery": {
            "factor": ["severity"] * 2,
            "space": ["salient", "background"],
            "split": ["out_of_fold"] * 2,
            "metric": ["r"] * 2,
            "score": [0.45, 0.11],
        },
    }
    for name, columns in tables.items():
        write_whole(pd.DataFrame(columns), paths.table(name))
    errors = np.where(cohort["group"] == "target", 0.2, 0.4)
    names = cohort["participant_id"].to_numpy(dtype=str)
    np.savez(paths.decoded, participant_id=names, reconstruction_error=errors)
    beyond = cohort.index == 2
    write_whole(cohort[["participant_id", "group"]].assign(out_of_distribution=beyond), paths.distances)
    stages = {"train": {"state": "done", "fingerprint": "", "settings": {}, "inputs": {}, "outputs": {}}}
    stages["train"]["seconds"] = 7.5
    write_json({"dataset": "Invented", "device": "cpu", "stages": stages}, paths.provenance)
    return RunSummary(Results(paths.folder), Recipe(name="invented", seed=3))
