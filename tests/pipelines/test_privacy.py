"""What a store tells of the place, the user and the host that published: nothing, but where its artifacts are."""

import getpass
import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import publish
from pipelines.paths import OutputPaths
from pipelines.progress import Silent
from pipelines.settings import load_recipe
from pipelines.tracking import find_store

ROOT = Path(__file__).parents[2]
USER, HOST = "recognisable.person", "recognisable-host"
PLACES = {
    ("experiments", "artifact_location"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("runs", "artifact_uri"),
}
"""Columns in which MLflow keeps where the artifacts are; without them it would not find them."""


@pytest.fixture(scope="module")
def published(demo, tmp_path_factory) -> Path:
    """The folder of a store, published from a place named after a user and a host."""
    paths = OutputPaths(tmp_path_factory.mktemp("p") / "home" / USER / HOST / "adhd-cvae")
    shutil.copytree(demo.paths.folder, paths.folder)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("USER", "LOGNAME", "USERNAME"):
            patch.setenv(name, USER)
        patch.setenv("HOSTNAME", HOST)
        patch.setattr(getpass, "getuser", lambda: USER)
        patch.setattr(socket, "gethostname", lambda: HOST)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        publish.run(paths, load_recipe("smoke"), Silent())
        store = find_store(paths.folder)
    assert store.database is not None
    return store.database.parent


def private() -> list[str]:
    """Words looked for; this machine's own where they are too long to occur in a picture by chance."""
    own = [str(ROOT), os.path.expanduser("~") + os.sep, os.uname().nodename]
    return [USER, HOST, *(word for word in own if len(word) > 7)]


def cells(database: Path) -> Iterator[tuple[str, str, str]]:
    """Table, column and text of everything in a database."""
    with sqlite3.connect(database) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            rows = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            columns = [column[0] for column in rows.description]
            for row in rows:
                yield from ((table, name, str(value)) for name, value in zip(columns, row, strict=True))
    connection.close()


def test_no_file_of_the_store_names_user_host_or_place(published):
    files = [file for file in (published / "mlflow-artifacts").rglob("*") if file.is_file()]
    assert {"MLmodel", "report.html", "run.json", "cvae.safetensors", "model_card.md"} <= {
        file.name for file in files
    }
    for file in files:
        content = file.read_bytes()
        for word in private():
            assert word.encode() not in content, (file.name, word)
            assert word not in str(file.relative_to(published))


def test_no_parameter_tag_or_other_cell_of_the_database_does(published):
    seen = set()
    for table, column, text in cells(published / "mlflow.db"):
        seen.add(table)
        if (table, column) not in PLACES:
            for word in private():
                assert word not in text, (table, column, text)
    assert {"params", "tags", "runs", "model_versions", "logged_models", "datasets"} <= seen


def test_the_excluded_columns_do_hold_places_so_that_the_search_can_find_one(published):
    found = {(table, column) for table, column, text in cells(published / "mlflow.db") if f"/{HOST}/" in text}
    assert found <= PLACES
    assert ("runs", "artifact_uri") in found
