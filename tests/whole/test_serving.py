"""The registered model over HTTP, on this computer only: `mlflow models serve`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import requests

from adhd_cvae.images.cache import open_images
from adhd_cvae.io import read_tsv
from pipelines.mlflow_tracking.store import find_store
from pipelines.mlflow_tracking.ui import free_port

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def served(demo, tmp_path_factory):
    """The address of the served model."""
    port = free_port(5700)
    scripts = Path(sys.executable).parent
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        uri = find_store(demo.paths.folder).uri
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PATH": os.pathsep.join([str(scripts), os.environ["PATH"]]),
    }
    command = (ROOT / "mlflow" / "README.md").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in command if line.startswith("mlflow models serve")]
    process = subprocess.Popen(
        [str(scripts / "mlflow"), *line.replace("5001", str(port)).split()[1:]],
        env=environment,
        start_new_session=True,
        cwd=tmp_path_factory.mktemp("served"),
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        time.sleep(0.5)
        if process.poll() is None and answers(address):
            break
    else:
        pytest.fail("the model was not served")
    yield address
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)


def answers(address):
    try:
        return requests.get(f"{address}/ping", timeout=2).ok
    except requests.RequestException:
        return False


def ask(address, rows):
    return requests.post(f"{address}/invocations", json={"dataframe_records": rows}, timeout=120)


@pytest.mark.slow
def test_paths_and_arrays_get_the_numbers_of_latents_tsv(served, demo):
    cohort, latents = read_tsv(demo.paths.cohort), read_tsv(demo.paths.latents)
    images = open_images(demo.paths.cache)
    rows = [{"image": str(demo.bids_dir / cohort["image"][3])}, {"array": images[5].tolist()}]
    for number, row in zip((3, 5), rows, strict=True):
        answer = ask(served, [row])
        assert answer.status_code == 200, answer.text
        predicted = pd.DataFrame(answer.json()["predictions"])
        means = [name for name in latents if name.startswith(("s_", "z_"))]
        np.testing.assert_allclose(
            predicted[means].iloc[0], latents.loc[number, means].astype(float), atol=1e-5
        )
        assert predicted["out_of_distribution"].dtype == bool


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([{"image": "/nowhere/map.nii.gz"}], "map.nii.gz is not there"),
        ([{"array": [[1.0, 2.0], [3.0, 4.0]]}], "has shape (2, 2); expected (64, 64, 64)"),
        ([{"array": [["a", "b"]]}], "is no block of numbers"),
        ([{"array": [[1.0], [2.0, 3.0]]}], "is no block of numbers"),
        ([{"image": None, "array": None}], "has neither `image`"),
        ([{"image": 7}], "image"),
        ([{"picture": "x.nii"}], "neither a column `image`"),
    ],
)
def test_a_bad_request_is_told_why(served, rows, why):
    answer = ask(served, rows)
    assert 400 <= answer.status_code < 500, answer.text
    told = answer.json()["message"]
    assert why in told
    assert "Traceback" not in answer.text


@pytest.mark.slow
def test_what_is_no_json_is_told_so(served):
    header = {"Content-Type": "application/json"}
    answer = requests.post(f"{served}/invocations", data="{", headers=header, timeout=20)
    assert answer.status_code == 400
    assert "JSON" in json.loads(answer.text)["message"]
