"""Losses in MLflow while a model is trained. Training never waits for the store, and goes on without it.

What could not be sent is in history.tsv, from which `publish` completes the run.
"""

import queue
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Run
from mlflow.exceptions import MlflowException
from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
from sqlalchemy.exc import SQLAlchemyError

from adhd_cvae.errors import InputError
from adhd_cvae.io import read_json, write_json
from pipelines.mlflow_tracking import runs, store
from pipelines.mlflow_tracking.metrics import epoch_metrics, known_steps, reached_ms, send
from pipelines.mlflow_tracking.summary import RunSummary

TRAINING_FILE = "mlflow-run.json"
"""Beside the weights, so that it goes when they are trained anew."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
"""Between attempts to reach a store that does not answer; each pause is twice the one before."""
_CLOSING_S = 5.0
"""How long the end of training waits for the store."""
_LAST_ATTEMPT_S = 60.0
"""How long publishing waits for it."""
_REFUSALS = (InputError, MlflowException, SQLAlchemyError, OSError)


@contextmanager
def followed(
    summary: RunSummary, settings: dict[str, Any], facts: Mapping[str, Any]
) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Follow one training in MLflow; gives what is to be called with each epoch's row.

    `settings` are those of the training, logged at once; `facts` say what it runs on.

    The run ends as finished, failed, or killed where somebody interrupted it (Ctrl+C, SIGTERM); the next call goes on
    with it. Of a process that was killed outright the run says ``RUNNING`` until then.
    """
    watcher = _Watcher(summary, settings, facts)
    status, in_main = "FAILED", threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler) if in_main else None
    watcher.start()
    try:
        yield watcher.take
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        watcher.end(status)
        if in_main:
            signal.signal(signal.SIGTERM, before)


def wait_for_last_attempt() -> None:
    """Let a watcher that still sends end before somebody else completes its run, or there may be two runs."""
    for thread in threading.enumerate():
        if isinstance(thread, _Watcher):
            thread.join(_LAST_ATTEMPT_S)


def training_id(checkpoints: Path) -> str | None:
    """Give the name under which the training in this folder is known to the store; None where it was not followed."""
    file = checkpoints / TRAINING_FILE
    return read_json(file)["training"] if file.is_file() else None


class _Watcher(threading.Thread):
    """Sends what it is given, in order, as far as the store lets it."""

    def __init__(self, summary: RunSummary, settings: dict[str, Any], facts: Mapping[str, Any]) -> None:
        super().__init__(name="mlflow", daemon=True)
        paths = summary.results.paths
        if training_id(paths.checkpoints) is None:
            write_json({"training": uuid.uuid4().hex}, paths.checkpoints / TRAINING_FILE)
        self._store = store.find_store(paths.folder)
        # Those of later stages may still change, and a parameter cannot.
        self._settings = {key: value for key, value in summary.parameters.items() if key in settings}
        self._title = summary.title()
        self._tags = {**summary.tags(**facts), runs.TRAINING_TAG: str(training_id(paths.checkpoints))}
        self._waiting: queue.Queue[list[Metric] | str] = queue.Queue()
        self._processor = CPUMonitor()
        self._client: MlflowClient | None = None
        self._run: Run | None = None
        self._known: set[tuple[str, int]] = set()

    def take(self, row: Mapping[str, Any]) -> None:
        """Take a row of the history; returns at once."""
        when = reached_ms(row, int(time.time() * 1000))
        self._waiting.put([*epoch_metrics(row, when), *self._machine(row, when)])

    def end(self, status: str) -> None:
        """Take how training ended, and wait a moment for the last of it to be sent."""
        self._waiting.put(status)
        self.join(_CLOSING_S)

    def run(self) -> None:
        """Send until training ends; after that, one last attempt."""
        waiting: list[Metric] = []
        status, pause = None, 0.0
        while status is None:
            waiting, status = self._gather(waiting, pause)
            try:
                self._send(waiting, status)
                waiting, pause = [], 0.0
            except _REFUSALS:
                pause = min(max(2 * pause, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)

    def _gather(self, waiting: list[Metric], pause: float) -> tuple[list[Metric], str | None]:
        """Wait for news or, where something waits already, for the pause to end; take all there is."""
        until = time.monotonic() + pause
        while True:
            left = max(0.0, until - time.monotonic()) if waiting else None
            try:
                news = self._waiting.get(timeout=left)
            except queue.Empty:
                return waiting, None
            if isinstance(news, str):
                return waiting, news
            waiting = waiting + news

    def _send(self, metrics: list[Metric], status: str | None) -> None:
        client, run_id = self._connected()
        new = [metric for metric in metrics if (metric.key, metric.step) not in self._known]
        send(client, run_id, new)
        self._known |= {(metric.key, metric.step) for metric in new}
        if status is not None:
            client.set_terminated(run_id, status)

    def _connected(self) -> tuple[MlflowClient, str]:
        """Open the store and the run once; a run of this training is gone on with."""
        if self._client is None or self._run is None:
            self._client = client = self._store.client()
            follows = {runs.TRAINING_TAG: self._tags[runs.TRAINING_TAG]}
            run = runs.start_run(client, self._store, self._title, self._tags, unless=follows)
            client.log_batch(run.info.run_id, params=runs.parameters(self._settings))
            self._known = known_steps(client, run.info.run_id, set(run.data.metrics))
            self._run = run
        return self._client, self._run.info.run_id

    def _machine(self, row: Mapping[str, Any], when: int) -> list[Metric]:
        """Load of processor and memory, under the names that the UI shows as system metrics."""
        if row["model"] != "cvae":
            return []
        self._processor.collect_metrics()
        measured = self._processor.aggregate_metrics()
        self._processor.clear_metrics()
        return [Metric(f"system/{key}", value, when, int(row["epoch"])) for key, value in measured.items()]
