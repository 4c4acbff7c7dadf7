"""The registered model in a new environment made of nothing but its own requirements."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import pyfunc

from adhd_cvae.io import read_tsv
from pipelines.mlflow_tracking.store import find_store

ROOT = Path(__file__).parents[2]
MODEL = "models:/adhd-cvae@champion"
PREDICT = f"""
import json, sys
from importlib.util import find_spec
import mlflow, pandas
assert find_spec("pipelines") is None and find_spec("adhd_cvae") is None
model = mlflow.pyfunc.load_model("{MODEL}")
told = model.predict(pandas.DataFrame({{"image": json.loads(sys.argv[1])}}))
print("RESULT", told.to_json(orient="split", double_precision=15))
"""


def call(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess:
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=clean, capture_output=True, text=True, check=False
    )


@pytest.fixture
def fresh_python(demo, tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", find_store(demo.paths.folder).uri)
    find_store(demo.paths.folder).client()
    wanted = pyfunc.get_model_dependencies(MODEL)
    python = tmp_path / "venv" / "bin" / "python"
    assert call(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path).returncode == 0
    pip = (python, "-m", "pip", "--disable-pip-version-check")
    known = f"safetensors=={version('safetensors')}"
    reached = call(*pip, "download", "--no-deps", "-d", tmp_path / "one", known, cwd=tmp_path)
    if reached.returncode:
        pytest.skip(f"packages cannot be installed here: {reached.stderr.strip().splitlines()[-1]}")
    done = call(*pip, "install", "--quiet", "-r", wanted, "-c", ROOT / "constraints.txt", cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    return python


@pytest.mark.slow
def test_it_gives_the_rows_of_latents_tsv(demo, fresh_python, tmp_path):
    cohort, latents = read_tsv(demo.paths.cohort), read_tsv(demo.paths.latents)
    rows = [1, 8, 20]
    paths = [str(demo.bids_dir / cohort["image"][row]) for row in rows]
    done = call(fresh_python, "-W", "ignore", "-c", PREDICT, json.dumps(paths), cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    answer = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    told = pd.DataFrame(
        **{k: v for k, v in json.loads(answer.removeprefix("RESULT ")).items() if k != "index"}
    )
    means = [name for name in latents if name.startswith(("s_", "z_"))]
    np.testing.assert_allclose(told[means].to_numpy(), latents.loc[rows, means].to_numpy(), atol=1e-5)
    assert told["distance"].between(0.2, 2).all()  # distances.tsv is of models that have not met them
