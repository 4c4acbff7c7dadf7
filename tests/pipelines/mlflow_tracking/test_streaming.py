"""Losses in MLflow during training: nothing lost, nothing twice, whatever happens to the store."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress

import pandas as pd
import pytest
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from adhd_cvae.config import Recipe
from adhd_cvae.io import read_tsv
from pipelines.mlflow_tracking import metrics, runs, streaming
from pipelines.mlflow_tracking import store as tracking
from pipelines.mlflow_tracking.summary import RunSummary
from pipelines.mlflow_tracking.ui import free_port
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.results import Results

SETTINGS = {"training.epochs": 60, "model.salient": 8}


def row(epoch, model="cvae"):
    return {"model": model, "epoch": epoch, "train_loss": 1.0 + epoch, "hsic": float("nan"), "seconds": 0.1}


@pytest.fixture
def paths(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return OutputPaths(tmp_path / "out")


@pytest.fixture
def summary(paths):
    return RunSummary(Results(paths.folder), Recipe(name="invented"))


def client_of(paths):
    return tracking.find_store(paths.folder).client()


def only_run(client):
    (run,) = all_runs(client)
    return run


def all_runs(client):
    experiment = client.get_experiment_by_name(runs.EXPERIMENT)
    found = client.search_runs([experiment.experiment_id]) if experiment else []
    return [run for run in found if "fold" not in run.data.tags]


def losses(client, model="cvae"):
    """(step, value) of every loss that the one run holds."""
    if not all_runs(client):
        return []
    points = client.get_metric_history(only_run(client).info.run_id, f"{model}/loss_training")
    return sorted((point.step, point.value) for point in points)


def test_an_interrupted_run_is_killed_and_gone_on_with(paths, summary, monkeypatch):
    monkeypatch.setattr(streaming, "_CLOSING_S", 60)

    def interrupted():
        with streaming.followed(summary, SETTINGS, {}) as take:
            take(row(0))
            take(row(1))
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    client = client_of(paths)
    run = only_run(client)
    assert (run.info.status, run.data.params["model.salient"]) == ("KILLED", "8")
    with streaming.followed(summary, SETTINGS, {}) as take:
        for epoch in range(4):
            take(row(epoch))
    assert losses(client) == [(0, 1.0), (1, 2.0), (2, 3.0), (3, 4.0)]
    assert only_run(client).info.status == "FINISHED"
    assert "system/cpu_utilization_percentage" in only_run(client).data.metrics
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_what_the_store_refused_is_sent_later_and_training_never_waits(paths, summary, monkeypatch):
    monkeypatch.setattr(streaming, "_CLOSING_S", 60)
    monkeypatch.setattr(streaming, "_FIRST_PAUSE_S", 0.1)
    answered, refused = MlflowClient.log_batch, []

    def log_batch(self, run_id, metrics=(), **others):
        if metrics and len(refused) < 3:
            refused.append(1)
            if len(refused) == 2:  # it arrives, and only the answer is lost
                answered(self, run_id, metrics=metrics, **others)
            raise MlflowException("no answer")
        answered(self, run_id, metrics=metrics, **others)

    monkeypatch.setattr(MlflowClient, "log_batch", log_batch)
    with streaming.followed(summary, SETTINGS, {}) as take:
        started = time.monotonic()
        for epoch in range(30):
            take(row(epoch))
        assert time.monotonic() - started < 5
        wait_for(lambda: len(refused) == 3)
    assert losses(client_of(paths)) == [(epoch, 1.0 + epoch) for epoch in range(30)]


def test_a_store_that_never_answers_costs_a_moment_and_publishing_completes_the_run(
    paths, summary, monkeypatch
):
    monkeypatch.setattr(streaming, "_CLOSING_S", 0.2)
    with monkeypatch.context() as away:
        away.setattr(tracking.Store, "client", lambda self: refuse())
        started = time.monotonic()
        with streaming.followed(summary, SETTINGS, {}) as take:
            take(row(0))
        assert time.monotonic() - started < 30
        time.sleep(0.5)
    client, follows = client_of(paths), {runs.TRAINING_TAG: streaming.training_id(paths.checkpoints)}
    store = tracking.find_store(paths.folder)
    run = runs.start_run(client, store, "run", follows, unless=follows)
    metrics.log_history(client, run.info.run_id, pd.DataFrame([row(0), row(1)]), 10**12)
    assert losses(client) == [(0, 1.0), (1, 2.0)]


def test_a_driver_that_is_missing_ends_neither_training_nor_its_thread_in_a_traceback(
    paths, summary, monkeypatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "mysql://lab@127.0.0.1:1/m")
    monkeypatch.setattr(streaming, "_CLOSING_S", 60)
    ended = []
    monkeypatch.setattr(threading, "excepthook", ended.append)
    with streaming.followed(summary, SETTINGS, {}) as take:
        take(row(0))
    assert ended == []
    assert not [thread for thread in threading.enumerate() if thread.name == "mlflow"]


def test_a_store_that_hangs_as_training_ends_has_no_value_and_no_run_twice(paths, summary, monkeypatch):
    """The last request is still under way when training gives up waiting, and is answered while others publish."""
    monkeypatch.setattr(streaming, "_CLOSING_S", 0.1)
    rows = [{**row(epoch), "time_ms": 1_700_000_000_000 + epoch} for epoch in range(3)]
    answered, store = MlflowClient.log_batch, tracking.find_store(paths.folder)
    released, hanging = threading.Event(), threading.Event()

    def log_batch(self, run_id, metrics=(), **others):
        if metrics and threading.current_thread().name == "mlflow":
            hanging.set()
            released.wait(60)
        answered(self, run_id, metrics=metrics, **others)

    monkeypatch.setattr(MlflowClient, "log_batch", log_batch)
    with streaming.followed(summary, SETTINGS, {}) as take:
        for one in rows:
            take(one)
        assert hanging.wait(60)
    monkeypatch.setattr(streaming, "_LAST_ATTEMPT_S", 0.1)  # publishing does not wait for ever either
    streaming.wait_for_last_attempt()
    client, follows = store.client(), {runs.TRAINING_TAG: streaming.training_id(paths.checkpoints)}
    run = runs.start_run(client, store, "run", follows, unless=follows)
    metrics.log_history(client, run.info.run_id, pd.DataFrame(rows), 10**12)
    monkeypatch.setattr(streaming, "_LAST_ATTEMPT_S", 60)
    released.set()
    streaming.wait_for_last_attempt()
    assert not [thread for thread in threading.enumerate() if thread.name == "mlflow"]
    assert losses(client) == [(0, 1.0), (1, 2.0), (2, 3.0)]


def test_who_publishes_waits_for_the_run_that_is_just_being_made(paths, summary, monkeypatch):
    monkeypatch.setattr(streaming, "_CLOSING_S", 0.1)
    made, store = MlflowClient.create_run, tracking.find_store(paths.folder)

    def create_run(self, *arguments, **others):
        if threading.current_thread().name == "mlflow":
            time.sleep(2)
        return made(self, *arguments, **others)

    monkeypatch.setattr(MlflowClient, "create_run", create_run)
    with streaming.followed(summary, SETTINGS, {}) as take:
        take(row(0))
    streaming.wait_for_last_attempt()
    follows = {runs.TRAINING_TAG: streaming.training_id(paths.checkpoints)}
    runs.start_run(store.client(), store, "run", follows, unless=follows)
    assert only_run(store.client()).data.metrics["cvae/loss_training"] == 1.0


def refuse():
    raise MlflowException("connection refused")


class Server:
    """`mlflow server` on sqlite, in a folder."""

    def __init__(self, folder):
        self.port = free_port(5600)
        self.uri = f"http://127.0.0.1:{self.port}"
        self.command = [
            *(sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1"),
            *("--port", str(self.port), "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
            *("--artifacts-destination", str(folder / "artifacts")),
        ]

    def start(self):
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self.process = subprocess.Popen(
            self.command, env={**os.environ, **quiet}, start_new_session=True, stderr=subprocess.DEVNULL
        )
        wait_for(lambda: self.answers(), 90)

    def answers(self):
        try:
            return requests.get(f"{self.uri}/health", timeout=2).ok
        except requests.RequestException:
            return False

    def kill(self):
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def wait_for(condition, seconds=120):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.5)


SMALL = (
    *(
        "image.shape=[16, 16, 16]",
        "image.voxel_size=12",
        "objective.beta=0.5",
        "analysis.permute_within=null",
    ),
    *(
        "training.patience=1000",
        "training.epochs=120",
        "training.validation_splits=1",
        "training.vae=false",
        "analysis.variables=[{name: age, scale: ratio}]",
    ),
    *("analysis.batteries={}", "analysis.claims=[]"),
)


@pytest.fixture
def server(tmp_path, monkeypatch):
    running = Server(tmp_path)
    running.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", running.uri)
    yield running
    running.kill()


@pytest.fixture
def call():
    """Start the command line; whatever still runs at the end is killed."""
    started = []

    def start(*arguments):
        # Maps so small are slower on several threads, by far on a busy computer.
        alone = {**os.environ, "OMP_NUM_THREADS": "1"}
        started.append(subprocess.Popen([sys.executable, "-m", "adhd_cvae", *arguments], env=alone))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_server_killed_in_mid_training_and_started_again_has_every_loss_once(
    tmp_path, server, call, invent_maps
):
    paths, client = OutputPaths(tmp_path / "out"), MlflowClient(server.uri)
    invent_maps(paths)
    train = ("train", str(paths.folder), "--recipe", "smoke", *(p for one in SMALL for p in ("--set", one)))
    training = call(*train)
    wait_for(lambda: len(losses(client)) > 3)
    server.kill()
    state = paths.checkpoints / "cvae-resume.pt"
    before = state.stat().st_mtime_ns
    wait_for(lambda: state.stat().st_mtime_ns != before)  # training goes on without the server
    training.send_signal(signal.SIGSTOP)  # else a busy computer is at the end before the server is back
    server.start()
    training.send_signal(signal.SIGCONT)
    held = len(losses(client))
    wait_for(lambda: len(losses(client)) > held)
    assert training.poll() is None, "training was over before the server was back: choose more epochs"
    training.send_signal(signal.SIGTERM)
    assert training.wait(60) != 0
    assert only_run(client).info.status == "KILLED"

    training = call(*train)
    wait_for(lambda: only_run(client).info.status == "RUNNING")
    server.kill()
    assert training.wait(600) == 0, "training needs no server"
    server.start()
    assert len(losses(client)) < 121, "nothing was left for publish to send: kill the server sooner"
    for stage in ("embed", "analyse", "publish"):
        assert call(stage, str(paths.folder)).wait(300) == 0
    history, run = read_tsv(paths.history), only_run(client)
    assert run.info.status == "FINISHED"
    assert losses(client) == list(zip(history["epoch"], history["train_loss"], strict=True))
    steps = Counter(p.step for p in client.get_metric_history(run.info.run_id, "cvae/loss_validation"))
    assert set(steps.values()) == {1}
