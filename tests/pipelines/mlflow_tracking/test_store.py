"""The MLflow store: where it is, what is logged, and what never is."""

import importlib
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from adhd_cvae.errors import InputError
from adhd_cvae.io import write_text
from pipelines.mlflow_tracking import store as tracking
from pipelines.mlflow_tracking.environment import check_store
from pipelines.output_dir.ownership import owned

ROOT = Path(__file__).parents[3]

MAKE = """
import os, sys
from pathlib import Path
os.environ.pop("MLFLOW_TRACKING_URI", None)
from pipelines.mlflow_tracking.store import find_store
client = find_store(Path({folder!r})).client()
for name in sys.argv[1:]:
    client.create_experiment(f"e{{name}}")
"""


LATER = """
import os
from pathlib import Path
os.environ.pop("MLFLOW_TRACKING_URI", None)
from pipelines.mlflow_tracking.store import find_store
client = find_store(Path({folder!r})).client()
print(Path(client.download_artifacts({run!r}, "a.txt")).read_text())
for run in ({run!r}, client.create_run({experiment!r}).info.run_id):
    client.log_text(run, "after", "b.txt")
"""
"""Another process, since MLflow remembers where a run's artifacts were."""


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tracking.find_store(tmp_path / "derivatives" / "run-a")


def test_the_store_lies_in_the_folder_that_holds_output_dir(store, tmp_path):
    assert store.uri == f"sqlite:///{tmp_path}/derivatives/mlflow.db"
    assert store.artifacts == tmp_path / "derivatives" / "mlflow-artifacts"


def test_sibling_runs_share_a_store(store, tmp_path):
    assert tracking.find_store(tmp_path / "derivatives" / "run-b") == store


def test_a_relative_output_dir_finds_the_same_store(store, tmp_path, monkeypatch):
    (tmp_path / "derivatives").mkdir()
    monkeypatch.chdir(tmp_path / "derivatives")
    assert tracking.find_store(Path("run-a")) == store


def test_the_environment_names_another_store(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    found = tracking.find_store(tmp_path / "out")
    assert (found.uri, found.artifacts, found.database) == ("http://127.0.0.1:5000", None, None)


def test_a_sqlite_store_of_the_environment_keeps_its_artifacts_beside_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/lab/all.db")
    found = tracking.find_store(tmp_path / "elsewhere" / "out")
    assert found.artifacts == tmp_path / "lab" / "mlflow-artifacts"


def test_two_output_dirs_in_one_process_have_a_store_and_a_registry_each(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    for lab in ("one", "two"):
        client = tracking.find_store(tmp_path / lab / "out").client()
        client.create_registered_model("the same name")
        assert (tmp_path / lab / "mlflow.db").is_file()


def test_a_store_whose_making_was_killed_is_made_anew(store, tmp_path):
    """`kill -9` while MLflow migrates leaves a database with some of its tables."""
    folder = tmp_path / "derivatives"
    making = subprocess.Popen([sys.executable, "-c", MAKE.format(folder=str(folder / "run-a"))])
    wait_for(lambda: any(file.stat().st_size > 2**15 for file in folder.glob(".*.partial.db")))
    making.kill()
    making.wait()
    assert not store.database.exists(), "killed too late: it was whole"
    assert list(folder.glob(".*.partial.db"))
    assert store.client().create_experiment("first") == "1"
    assert {file.name for file in folder.iterdir()} == {"mlflow.db", ".mlflow.db.lock"}


def test_files_written_while_a_store_is_made_are_listed(store, tmp_path, monkeypatch):
    """Training writes its states while a thread makes the store."""
    output_dir, make = tmp_path / "derivatives" / "run-a", tracking.SqlAlchemyStore

    def meanwhile(*given):
        write_text("weights", output_dir / "model.txt")
        return make(*given)

    monkeypatch.setattr(tracking, "SqlAlchemyStore", meanwhile)
    with owned(output_dir) as ours:
        store.client()
        assert list(ours.seals) == ["model.txt"]
    assert store.database.is_file()


def test_two_who_make_one_store_at_once_both_find_theirs_in_it(tmp_path, monkeypatch):
    folder = tmp_path / "derivatives"
    code = MAKE.format(folder=str(folder / "run-a"))
    makers = [subprocess.Popen([sys.executable, "-c", code, str(name)]) for name in range(2)]
    assert [maker.wait(120) for maker in makers] == [0, 0]
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    found = tracking.find_store(folder / "run-a").client().search_experiments()
    assert {experiment.name for experiment in found} == {"Default", "e0", "e1"}


def test_a_half_made_store_of_old_is_a_readable_error(store):
    store.database.parent.mkdir(parents=True)
    with sqlite3.connect(store.database) as half:
        half.execute("CREATE TABLE experiments (experiment_id INTEGER)")
    half.close()
    with pytest.raises(tracking.InputError, match="MLflow store"), tracking.readable_errors(store):
        store.client().search_experiments()


def test_a_refusing_store_is_a_readable_error(store):
    with pytest.raises(tracking.InputError, match="MLflow store"), tracking.readable_errors(store):
        store.client().get_run("0" * 32)


def test_the_mlflow_folder_holds_configuration_only_and_hides_nothing(monkeypatch):
    folder = ROOT / "mlflow"
    assert (folder / "README.md").is_file()
    assert not list(folder.rglob("*.py"))
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    spec = importlib.util.find_spec("mlflow")
    assert spec is not None
    assert spec.origin is not None
    assert not Path(spec.origin).is_relative_to(folder)


def test_a_password_is_never_shown():
    assert tracking.Store("postgresql://lab:secret@db/mlflow", None).shown == "postgresql://lab:…@db/mlflow"
    assert tracking.Store("http://127.0.0.1:5000", None).shown == "http://127.0.0.1:5000"


@pytest.mark.parametrize("address", ["postgresql://lab:S3cret@db/m", "mysql://lab@db/m?password=S3cret"])
@pytest.mark.parametrize(
    "error",
    [
        MlflowException("no answer from {}"),
        SQLAlchemyError("could not parse {}"),
        ImportError("no driver for {}"),
    ],
    ids=["of MLflow", "of the database", "of a driver that is not there"],
)
def test_no_error_of_a_store_shows_its_password(monkeypatch, address, error):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    broken = type(error)(str(error).format(address))
    store = tracking.find_store(Path("out"))
    with pytest.raises(InputError, match="refuses") as refused, tracking.readable_errors(store):
        raise broken
    assert "S3cret" not in str(refused.value)


NEVER = (
    "mysql://lab:S3cret@127.0.0.1:1/m",
    "mssql+pyodbc://lab:S3cret@127.0.0.1:1/m",
    "postgresql+none://127.0.0.1:1/m",
    "postgresql+psycopg2://lab:S3cret@127.0.0.1:port/m",
    "nonsense://lab:S3cret@127.0.0.1:1/m",
    "localhost:5000",
    "http://lab:S3cret@127.0.0.1:port",
    "http://lab:S3/cret@127.0.0.1:1",
    "http://",
    "http://[::1",
)
"""Addresses of which nothing comes, however long one waits."""


@pytest.mark.parametrize("address", NEVER)
def test_what_will_never_do_is_refused_before_anything_is_reached(tmp_path, monkeypatch, address):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(
        InputError, match=r"the MLflow store .* refuses: .*[^. ]\. Set MLFLOW_TRACKING_URI"
    ) as refused:
        check_store(tmp_path / "out")
    with pytest.raises(InputError, match="refuses"):
        tracking.find_store(tmp_path / "out").client()
    assert "S3" not in str(refused.value)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "postgresql+psycopg2://lab@127.0.0.1:1/m", None])
def test_what_may_come_up_later_is_not_refused_and_nothing_is_made(tmp_path, monkeypatch, address):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if address is not None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    started = time.monotonic()
    check_store(tmp_path / "out")
    assert time.monotonic() - started < 10, "it waited for a server"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["what?now", "100%20sure", "no. #1", "two words", "50%", "a&b=c;d", "%2e%2e"]
)
def test_whatever_the_folder_is_called_the_store_lies_there(tmp_path, monkeypatch, name):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / name
    store = tracking.find_store(folder / "out")
    client = store.client()
    run = client.create_run(client.create_experiment("one", store.artifacts.as_uri()))
    client.log_text(run.info.run_id, "a", "a.txt")
    assert (folder / "mlflow.db").is_file()
    assert [path.name for path in (folder / "mlflow-artifacts").rglob("*.txt")] == ["a.txt"]
    assert store.shown == f"sqlite:///{folder / 'mlflow.db'}"
    assert {path.name for path in tmp_path.iterdir()} == {name}
    assert tracking.find_store(folder / "out").client().get_run(run.info.run_id)


def other_store(path: Path, *statements: str) -> bytes:
    """Write an sqlite file, and return its bytes."""
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return path.read_bytes()


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["CREATE TABLE cats (name)"], "is no MLflow store"),
        (
            [
                "CREATE TABLE alembic_version (version_num)",
                "CREATE TABLE experiments (name, artifact_location)",
            ],
            "is no",
        ),
        (
            [
                *(
                    "CREATE TABLE alembic_version (version_num)",
                    "INSERT INTO alembic_version VALUES ('0123')",
                ),
                "CREATE TABLE experiments (name, artifact_location)",
            ],
            "was made by another version of MLflow.*is not migrated unasked",
        ),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_what_is_no_store_of_this_mlflow_is_refused_and_stays_as_it_is(
    tmp_path, monkeypatch, statements, said, named
):
    database = tmp_path / "mlflow.db"
    before = other_store(database, *statements)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if named:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    with pytest.raises(InputError, match=said):
        tracking.find_store(tmp_path / "out").client()
    assert database.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_somebody_elses_store_has_to_be_named(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    database = tmp_path / "mlflow.db"
    theirs = tracking.SqlAlchemyStore(f"sqlite:///{database}", (tmp_path / "mlruns").as_uri())
    theirs.engine.dispose()
    before = database.read_bytes()
    with pytest.raises(InputError, match=r"was not made by adhd-cvae.*MLFLOW_TRACKING_URI=sqlite"):
        tracking.find_store(tmp_path / "out").client()
    assert database.read_bytes() == before
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    assert tracking.find_store(tmp_path / "out").client().search_experiments()


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_store_that_was_moved_or_copied_keeps_its_artifacts_beside_it(tmp_path, monkeypatch, how):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    old, new = tmp_path / "old", tmp_path / "new_%"
    store = tracking.find_store(old / "out")
    client = store.client()
    experiment = client.create_experiment(tracking.EXPERIMENT, store.artifacts.as_uri())
    run = client.create_run(experiment)
    client.log_text(run.info.run_id, "before", "a.txt")
    if how == "moved":
        old.rename(new)
    else:
        shutil.copytree(old, new)
    kept = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    later = LATER.format(folder=str(new / "out"), experiment=experiment, run=run.info.run_id)
    said = subprocess.run([sys.executable, "-c", later], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["before"]
    assert len(list((new / tracking.ARTIFACTS).rglob("b.txt"))) == 2
    assert {path: path.read_bytes() for path in old.rglob("*") if path.is_file()} == kept
    assert old.exists() == (how == "copied")


def test_artifacts_in_a_place_of_somebodys_choice_are_not_followed(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    store = tracking.find_store(tmp_path / "here" / "out")
    chosen = (tmp_path / "shared").as_uri()
    store.client().create_experiment(tracking.EXPERIMENT, chosen)
    (tmp_path / "here" / tracking.ARTIFACTS).mkdir(exist_ok=True)
    assert store.client().get_experiment_by_name(tracking.EXPERIMENT).artifact_location == chosen
