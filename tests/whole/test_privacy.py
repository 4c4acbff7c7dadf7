"""What a store tells of the place, the user and the host that published: nothing, but where its artifacts are."""

import getpass
import gzip
import json
import os
import platform
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adhd_cvae.config import Recipe
from adhd_cvae.io import read_tsv
from pipelines.mlflow_tracking.store import find_store
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from pipelines.stages import publish
from pipelines.workflows import group, participant

ROOT = Path(__file__).parents[2]
QUICK = load_recipe(
    "smoke",
    (
        *("image.shape=[16, 16, 16]", "image.voxel_size=12", "training.vae=false", "analysis.claims=[]"),
        *("analysis.permutations=19", "analysis.permute_within=null", "analysis.batteries={}"),
        *("analysis.variables=[{name: age, scale: ratio}]", "training.epochs=1", "analysis.draws=2"),
    ),
)
USER, HOST = "recognisable.person", "recognisable-host"
PLACES = {
    ("experiments", "artifact_location"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("runs", "artifact_uri"),
}
"""Columns in which MLflow keeps where the artifacts are; without them it would not find them."""


@contextmanager
def somebody() -> Iterator[None]:
    """Be a user with a name, on a host with a name."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("USER", "LOGNAME", "USERNAME"):
            patch.setenv(name, USER)
        patch.setenv("HOSTNAME", HOST)
        patch.setattr(getpass, "getuser", lambda: USER)
        patch.setattr(socket, "gethostname", lambda: HOST)
        patch.setattr(platform, "node", lambda: HOST)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield


@pytest.fixture(scope="module")
def published(demo, tmp_path_factory) -> Path:
    """The folder of a store, published from a place named after a user and a host."""
    paths = OutputPaths(tmp_path_factory.mktemp("p") / "home" / USER / HOST / "adhd-cvae")
    shutil.copytree(demo.paths.folder, paths.folder)
    with somebody():
        publish.run(Run(paths, load_recipe("smoke"), Silent()))
        store = find_store(paths.folder)
    assert store.database is not None
    return store.database.parent


@pytest.fixture(scope="module")
def lab(demo, tmp_path_factory) -> Path:
    """The same after an ensemble that was followed while it was trained; beside it the participant level's results."""
    folder = tmp_path_factory.mktemp("p") / "home" / USER / HOST
    shutil.copytree(demo.bids_dir, folder / "bids")
    chosen = folder / "chosen.json"
    chosen.write_text(json.dumps({"gm": {"suffix": "probseg"}}), encoding="utf-8")
    source = BidsInput(folder / "bids", filter_file=chosen)
    with somebody():
        group.run(Run(OutputPaths(folder / "ensemble"), QUICK, Silent()), source, live=True, seeds=2)
        one = BidsInput(folder / "bids", (people(demo)[0],), chosen)
        new = Run(OutputPaths(folder / "new"), Recipe(name="participant"), Silent())
        participant.run(new, one, "models:/adhd-cvae@champion")
    return folder


def people(demo) -> list[str]:
    return read_tsv(demo.paths.cohort)["participant_id"].tolist()


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


def names_of_files_without(words: list[str], folder: Path) -> set[str]:
    """Names of all files below a folder, none of which holds one of the words."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    for file in files:
        content = file.read_bytes()
        for word in words:
            assert word.encode() not in content, (file.name, word)
            assert word not in str(file.relative_to(folder))
    return {file.name for file in files}


def tables_without(words: list[str], database: Path) -> set[str]:
    """Names of all filled tables, none of which holds one of the words where no place must be."""
    seen = set()
    for table, column, text in cells(database):
        seen.add(table)
        if (table, column) not in PLACES:
            for word in words:
                assert word not in text, (table, column, text)
    return seen


def test_no_file_of_the_store_names_user_host_place_or_participant(published, demo):
    names = names_of_files_without([*private(), *people(demo)], published / "mlflow-artifacts")
    assert {"MLmodel", "report.html", "run.json", "cvae.safetensors", "model_card.md"} <= names


def test_no_parameter_tag_or_other_cell_of_the_database_does(published, demo):
    seen = tables_without([*private(), *people(demo)], published / "mlflow.db")
    assert {"params", "tags", "runs", "model_versions", "logged_models", "datasets"} <= seen


@pytest.mark.slow
def test_neither_does_an_ensemble_that_was_followed_while_it_was_trained(lab, demo):
    words = [*private(), *people(demo)]
    names = names_of_files_without(words, lab / "mlflow-artifacts")
    assert {"scores.tsv", "stability.tsv", "MLmodel", "report.html"} <= names
    assert {"params", "tags", "latest_metrics", "inputs"} <= tables_without(words, lab / "mlflow.db")
    with sqlite3.connect(lab / "mlflow.db") as connection:
        tags = connection.execute("SELECT count(*) FROM tags WHERE key = 'adhd_cvae.training'").fetchone()
        runs = connection.execute(
            "SELECT count(*) FROM runs WHERE run_uuid NOT IN (SELECT run_uuid FROM tags WHERE key = 'fold')"
        ).fetchone()
    connection.close()
    assert (tags, runs) == ((2,), (3,)), (
        "two trainings that were followed, and nothing of the participant level"
    )


@pytest.mark.slow
def test_results_of_both_levels_name_participants_but_no_user_host_or_place(lab, demo):
    """Sidecars, tables and the maps' headers too."""
    for folder in ("ensemble", "new"):
        names = names_of_files_without(private(), lab / folder)
        assert "latents.tsv" in names
        for file in (lab / folder).rglob("*.nii.gz"):
            header = gzip.decompress(file.read_bytes())[:352]
            assert not any(word.encode() in header for word in private()), file.name
    assert people(demo)[0] in (lab / "new" / "latents.tsv").read_text(encoding="utf-8")


def test_the_excluded_columns_do_hold_places_so_that_the_search_can_find_one(published):
    found = {(table, column) for table, column, text in cells(published / "mlflow.db") if f"/{HOST}/" in text}
    assert found <= PLACES
    assert ("runs", "artifact_uri") in found
