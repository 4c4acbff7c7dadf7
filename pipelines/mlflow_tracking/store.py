"""Where the MLflow store is, opened or made, and its errors in one line."""

import atexit
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from filelock import FileLock
from mlflow import MlflowClient, set_registry_uri, set_tracking_uri
from mlflow.exceptions import MlflowException
from mlflow.store.db.db_types import DATABASE_ENGINES
from mlflow.store.db.utils import _get_latest_schema_revision
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils.uri import get_uri_scheme, is_http_uri
from requests import Request
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from adhd_cvae.errors import InputError
from adhd_cvae.io import WRITING
from pipelines.output_dir.paths import OutputPaths
from pipelines.progress import without_passwords

EXPERIMENT = "adhd-cvae"
ARTIFACTS = "mlflow-artifacts"
_PLACES = (
    *(("experiments", "artifact_location"), ("runs", "artifact_uri"), ("logged_models", "artifact_location")),
    *(("model_versions", "source"), ("model_versions", "storage_location")),
)
"""Tables and columns of MLflow's database that name where artifacts lie."""
_UNREADABLE = set("?#%")
"""Characters that have a meaning in addresses: MLflow and SQLAlchemy would cut or read them."""


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
        """The URI without a password; of an sqlite file where it is."""
        if self.database is not None:
            return f"sqlite:///{self.database.resolve()}"
        return without_passwords(self.uri)

    def check(self) -> None:
        """Refuse what no waiting mends, reaching no server: no driver, no address of MLflow's, a file not ours."""
        if self.database is not None:
            return _check_database(self.database.resolve()) if self.database.exists() else None
        with readable_errors(self):
            try:
                if is_http_uri(self.uri):
                    Request("GET", self.uri).prepare()
                elif get_uri_scheme(self.uri) in DATABASE_ENGINES:
                    create_engine(self.uri)
                else:
                    MlflowClient(self.uri)
            except ValueError:  # it would name part of a password
                raise MlflowException("it is no address") from None

    def client(self) -> MlflowClient:
        """Connect, making an sqlite store where there is none yet."""
        if self.database is not None and not self.database.exists():
            _make_database(self.database, self.artifacts)
        self.check()
        if self.database is not None and self.artifacts is not None:
            _follow(self.database.resolve(), self.artifacts)
        registry = os.environ.get("MLFLOW_REGISTRY_URI", self.uri)
        # `models:/` addresses are resolved in the process's own store, whatever store the client was given.
        with _environment_kept():
            set_tracking_uri(self.uri)
            set_registry_uri(registry)
        return MlflowClient(self.uri, registry_uri=registry)


def _make_database(database: Path, artifacts: Path | None) -> None:
    """Make an sqlite store under another name and rename it: killed half-way, MLflow leaves one it cannot read."""
    database.parent.resolve().mkdir(parents=True, exist_ok=True)  # it may be a link
    with FileLock(database.with_name(f".{database.name}.lock")):
        if database.exists():  # another process was faster
            return
        for left_over in database.parent.glob(f"{WRITING}*.partial{database.suffix}*"):
            left_over.unlink()
        temporary = database.with_name(f"{WRITING}.partial{database.suffix}")
        try:
            store = SqlAlchemyStore(f"sqlite:///{temporary}", artifacts.as_uri() if artifacts else ".")
            store.engine.dispose()
            temporary.replace(database)
        finally:
            temporary.unlink(missing_ok=True)


def _check_database(database: Path) -> None:
    """Look at an sqlite store without changing a byte of it: MLflow would migrate an older one in passing.

    Raises
    ------
    InputError
        It is no store of this MLflow, or nobody named it and it is not of our making.
    """
    other = "Set MLFLOW_TRACKING_URI to another store, or choose another folder for the results."
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            experiments = connection.execute("SELECT name, artifact_location FROM experiments").fetchall()
    except (sqlite3.Error, TypeError) as error:
        raise InputError(f"{database} is no MLflow store ({error}). {other}") from None
    newest = _get_latest_schema_revision()
    if revision != newest:
        raise InputError(
            f"{database} was made by another version of MLflow (schema {revision}, expected {newest}), and is not "
            f"migrated unasked: `mlflow db upgrade sqlite:///{database}` does that, after a backup. {other}"
        )
    ours = any(name == EXPERIMENT or str(place).endswith(f"/{ARTIFACTS}/0") for name, place in experiments)
    if not (ours or "MLFLOW_TRACKING_URI" in os.environ):
        raise InputError(
            f"{database} was not made by adhd-cvae. MLFLOW_TRACKING_URI=sqlite:///{database} says that it is meant. "
            f"{other}"
        )


def _follow(database: Path, artifacts: Path) -> None:
    """Let a store that was moved or copied name its artifacts where they are now: its rows name the place of before.

    Only our own folder of artifacts beside the database is followed, and only where it is there.
    """
    with closing(sqlite3.connect(database)) as connection, connection:
        query = "SELECT artifact_location FROM experiments WHERE name = ?"
        (before,) = connection.execute(query, (EXPERIMENT,)).fetchone() or ("",)
        now = artifacts.as_uri()
        if before == now or not str(before).endswith(f"/{ARTIFACTS}") or not artifacts.is_dir():
            return
        for table, column in _PLACES:
            lies_there = f"{column} = ? OR substr({column}, 1, ?) = ?"
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {lies_there}",  # noqa: S608, our names
                (now, len(before) + 1, before, len(before) + 1, f"{before}/"),
            )


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Undo what MLflow sets in the environment: this store is not the user's choice for the next OUTPUT_DIR."""
    names = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
    before = {name: os.environ[name] for name in names if name in os.environ}
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)
        os.environ.update(before)


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
        return Store(f"sqlite:///{_plain_name(database.parent) / database.name}", database.parent / ARTIFACTS)
    return Store(uri, None)


@cache
def _plain_name(folder: Path) -> Path:
    """Reach a folder by a link, while this process lives, where MLflow cannot read its name within an address."""
    if not _UNREADABLE & set(str(folder)):
        return folder
    place = Path(tempfile.mkdtemp(prefix="adhd-cvae-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    (place / "store").symlink_to(folder, target_is_directory=True)
    return place / "store"


@contextmanager
def readable_errors(store: Store) -> Iterator[None]:
    """Turn what MLflow raises into one line that names the store."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, ImportError) as error:  # the last: of a database's driver
        first_line = without_passwords(str(error).splitlines()[0]).rstrip(" .")
        raise InputError(
            f"the MLflow store {store.shown} refuses: {first_line}. Set MLFLOW_TRACKING_URI to another one, or make "
            "this one writable, and call again; nothing else is lost."
        ) from error
