"""Where the MLflow store is, opened or made, and its errors in one line."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from mlflow import MlflowClient, set_registry_uri, set_tracking_uri
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy.exc import SQLAlchemyError

from adhd_cvae.errors import InputError
from adhd_cvae.io import atomic_path
from pipelines.output_dir.paths import OutputPaths


@dataclass(frozen=True)
class Store:
    """A tracking store.

    Attributes
    ----------
    uri
        What MLflow calls the tracking URI.
    artifacts
        Folder of artifacts, stated explicitly for sqlite; None where a server decides.
    """

    uri: str
    artifacts: Path | None

    @property
    def database(self) -> Path | None:
        """The sqlite file; None for a server."""
        return Path(self.uri.removeprefix("sqlite:///")) if self.uri.startswith("sqlite:///") else None

    @property
    def shown(self) -> str:
        """The URI without a password."""
        return re.sub(r"(//[^:/@]*):[^@/]*@", r"\1:…@", self.uri)

    def client(self) -> MlflowClient:
        """Connect, making an sqlite store where there is none yet."""
        if self.database is not None and not self.database.exists():
            _make_database(self.database, self.artifacts)
        registry = os.environ.get("MLFLOW_REGISTRY_URI", self.uri)
        # `models:/` addresses are resolved in the process's own store, whatever store the client was given.
        with _environment_kept():
            set_tracking_uri(self.uri)
            set_registry_uri(registry)
        return MlflowClient(self.uri, registry_uri=registry)


def _make_database(database: Path, artifacts: Path | None) -> None:
    """Make an sqlite store under another name and rename it: killed half-way, MLflow leaves one it cannot read."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(database.with_name(f".{database.name}.lock")):
        if database.exists():  # another process was faster
            return
        for left_over in database.parent.glob(f".*.partial{database.suffix}*"):
            left_over.unlink()
        with atomic_path(database) as temporary:
            store = SqlAlchemyStore(f"sqlite:///{temporary}", artifacts.as_uri() if artifacts else ".")
            store.engine.dispose()


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Undo what MLflow sets in the environment: this store is not the user's choice for the next OUTPUT_DIR."""
    names = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def find_store(output_dir: Path) -> Store:
    """Locate the store: ``MLFLOW_TRACKING_URI``, else sqlite in the folder that holds `output_dir`.

    Results inside other results, as an ensemble's, share the store of the outermost.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        outermost = output_dir.resolve()
        while OutputPaths(outermost.parent).provenance.is_file():
            outermost = outermost.parent
        uri = f"sqlite:///{outermost.parent / 'mlflow.db'}"
    if uri.startswith("sqlite:///"):
        database = Path(uri.removeprefix("sqlite:///")).resolve()
        return Store(f"sqlite:///{database}", database.parent / "mlflow-artifacts")
    return Store(uri, None)


@contextmanager
def readable_errors(store: Store) -> Iterator[None]:
    """Turn what MLflow raises into one line that names the store."""
    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        first_line = str(error).splitlines()[0]
        raise InputError(
            f"the MLflow store {store.shown} refuses: {first_line} Set MLFLOW_TRACKING_URI to another one, or "
            "make this one writable, and call publish again; nothing else is lost."
        ) from error
