"""The lab's server as mlflow/README.md sets it up: PostgreSQL, `mlflow server` on it, results published into it."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import requests
import yaml

from adhd_cvae.io import read_tsv
from pipelines.mlflow_tracking.runs import EXPERIMENT
from pipelines.mlflow_tracking.store import find_store
from pipelines.mlflow_tracking.ui import free_port
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from pipelines.stages import publish

FOLDER = Path(__file__).parents[2] / "mlflow"
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [
    Path(found).resolve().parent for found in [shutil.which("initdb")] if found
]
NOBODY = "nobody"


def unprivileged(command):
    """PostgreSQL refuses to run as root."""
    return ["setpriv", f"--reuid={NOBODY}", "--clear-groups", *command] if os.geteuid() == 0 else command


@pytest.fixture
def database(tmp_path_factory):
    """The URI of a fresh database on a socket of its own, reachable through a folder only."""
    if not PROGRAMS:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    if importlib.util.find_spec("psycopg2") is None:
        pytest.skip("psycopg2 is not installed (pip install '.[postgres]')")
    place = Path("/tmp") / f"pg-{os.getpid()}"  # short: a socket's path has 107 characters at most
    place.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(place, NOBODY)
    programs = PROGRAMS[-1]
    quiet = {"cwd": "/", "check": True, "capture_output": True}
    subprocess.run(
        unprivileged([programs / "initdb", "-D", place / "data", "-U", "mlflow", "-A", "trust"]), **quiet
    )
    server = subprocess.Popen(
        unprivileged([programs / "postgres", "-D", place / "data", "-k", place, "-h", "", "-F"]),
        cwd="/",
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    ask = [programs / "psql", "-h", place, "-U", "mlflow", "postgres", "-c"]
    try:
        wait_for(
            lambda: subprocess.run([*ask, "CREATE DATABASE mlflow"], capture_output=True).returncode == 0
        )
        yield f"postgresql+psycopg2://mlflow@/mlflow?host={place}"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
        shutil.rmtree(place)


@pytest.fixture
def address(database, tmp_path):
    """`mlflow server` with the options of the systemd unit."""
    unit = (FOLDER / "adhd-cvae-mlflow.service").read_text(encoding="utf-8").replace("\\\n", " ")
    (command,) = [line.partition("=")[2] for line in unit.splitlines() if line.startswith("ExecStart=")]
    port = free_port(5800)
    words = command.replace("--port 5000", f"--port {port}").replace("$MLFLOW_LOGIN", "").split()[2:]
    words[words.index("--artifacts-destination") + 1] = str(tmp_path / "artifacts")
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *words],
        env={
            **os.environ,
            "MLFLOW_BACKEND_STORE_URI": database,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        },
        cwd=tmp_path,
        start_new_session=True,
    )
    uri = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: answers(uri) or server.poll() is not None, 180)
        assert server.poll() is None, "the server gave up; its words are above"
        yield uri
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(60)


def answers(uri):
    try:
        return requests.get(f"{uri}/health", timeout=2).ok
    except requests.RequestException:
        return False


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.5)


@pytest.mark.slow
def test_results_are_published_into_it_and_the_model_is_loaded_from_it(demo, address, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    paths = OutputPaths(tmp_path / "elsewhere" / "out")
    shutil.copytree(demo.paths.folder, paths.folder)
    once = Run(paths, load_recipe("smoke"), Silent())
    published = publish.run(once)
    assert (published.store, published.version) == (address, "1")
    assert publish.run(once).run_id == published.run_id
    client = find_store(paths.folder).client()
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment.artifact_location.startswith("mlflow-artifacts:")
    losses = client.get_metric_history(published.run_id, "cvae/loss_training")
    history = read_tsv(paths.history).query("model == 'cvae'")
    assert sorted(point.value for point in losses) == sorted(history["train_loss"])
    assert not (tmp_path / "elsewhere" / "mlflow.db").exists()

    latents = read_tsv(paths.latents)
    model = mlflow.pyfunc.load_model("models:/adhd-cvae@champion")
    image = demo.bids_dir / read_tsv(paths.cohort)["image"][0]
    predicted = model.predict(pd.DataFrame({"image": [str(image)]}))
    np.testing.assert_allclose(predicted["s_00"], latents["s_00"][:1], atol=1e-5)


def test_everything_listens_on_this_computer_only():
    unit = (FOLDER / "adhd-cvae-mlflow.service").read_text(encoding="utf-8")
    assert "--host 127.0.0.1" in unit
    services = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert "ports" not in services["database"]
    assert all(port.startswith("127.0.0.1:") for port in services["mlflow"]["ports"])
