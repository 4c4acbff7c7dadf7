"""`adhd-cvae ui`: finds the store, serves on loopback only, leaves nothing running."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from adhd_cvae.errors import InputError
from pipelines.mlflow_tracking import runs, ui
from pipelines.mlflow_tracking import store as tracking
from pipelines.progress import Silent
from tests.shown import Shown


def test_without_a_store_it_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(InputError, match=r"no MLflow store.*mlflow\.db"):
        ui.run(tmp_path / "out", 5000, "index", Silent())


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:5999", "shows itself: open http://127.0.0.1:5999"),
        (
            "postgresql+psycopg2://lab:S3cret@db/m",
            "is shown by the MLflow server on it: postgresql+psycopg2://lab:…@db/m",
        ),
    ],
)
def test_a_store_of_the_environment_is_named_and_not_served(tmp_path, monkeypatch, address, said):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    started, told = [], Shown()
    monkeypatch.setattr(ui, "serve", started.append)
    ui.run(tmp_path, 5000, "index", told)
    assert started == []
    assert told.lines == [f"The store that MLFLOW_TRACKING_URI names {said}"]


def test_it_serves_the_store_on_loopback(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    store, commands, told = tracking.find_store(tmp_path / "out"), [], Shown()
    runs.start_run(store.client(), store, "a run", {})
    monkeypatch.setattr(ui, "serve", commands.append)
    ui.run(tmp_path / "out", 5000, "index", told)
    assert told.lines[0] == "Results beside each other: index"
    assert "/#/experiments/1/runs?workflowType=machine_learning " in told.lines[1]
    command = commands[0]
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--backend-store-uri") + 1] == f"sqlite:///{tmp_path}/mlflow.db"


def test_a_port_in_use_is_passed_over():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        taken = busy.getsockname()[1]
        assert ui.free_port(taken) != taken


def test_a_server_that_fails_is_a_readable_error():
    with pytest.raises(InputError, match="status 3"):
        ui.serve([sys.executable, "-c", "raise SystemExit(3)"])


def test_ending_the_command_ends_the_server_and_what_it_started(tmp_path):
    told = tmp_path / "pid"
    server = f"import os, time; open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    starter = f"import sys, subprocess; subprocess.run([sys.executable, '-c', {server!r}])"
    code = (
        f"import sys; from pipelines.mlflow_tracking import ui; ui.serve([sys.executable, '-c', {starter!r}])"
    )
    command = subprocess.Popen([sys.executable, "-c", code])
    _wait(lambda: told.is_file() and told.read_text() != "")
    command.send_signal(signal.SIGTERM)
    assert command.wait(10) == 0
    _wait(lambda: not _runs(int(told.read_text())))


def _runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().split()[2] != "Z"


def _wait(condition):
    for _ in range(200):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("waited 20 s in vain")
