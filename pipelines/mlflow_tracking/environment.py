"""MLflow as a verb of ours needs it, put back afterwards. Imports no MLflow: some settings count when that happens."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # A server that does not answer is given up after some 15 seconds instead of MLflow's four minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
"""Environment variable to its value here; one that the user has set stays."""
LOGGERS = ("mlflow", "alembic")


@contextmanager
def mlflow_environment() -> Iterator[None]:
    """Keep MLflow quiet, quick to give up and without telemetry while the block runs.

    A verb enters it before it imports what imports MLflow.
    """
    added = {name: value for name, value in SETTINGS.items() if name not in os.environ}
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    os.environ.update(added)
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@mlflow_environment()
def check_store(folder: Path) -> None:
    """Refuse a store of the results in `folder` that would refuse them in the end, before hours of work."""
    from pipelines.mlflow_tracking.store import find_store

    find_store(folder).check()
