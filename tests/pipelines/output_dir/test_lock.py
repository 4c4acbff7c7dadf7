"""Two commands in one OUTPUT_DIR, or on one store, with real processes."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import read_json, write_json
from pipelines.mlflow_tracking.runs import EXPERIMENT
from pipelines.mlflow_tracking.store import find_store
from pipelines.output_dir.lock import HOLDER, LOCK, locked

HOLD = """
import sys, time
from pathlib import Path
from pipelines.output_dir.lock import locked
sys.argv = ["adhd-cvae", "train", "out"]
with locked(Path({folder!r})):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process at work in tmp_path/out."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(folder=str(tmp_path / "out"))], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("arguments", ["train {0}/out", "run {0}/bids {0}/out group", "publish {0}/out"])
def test_a_second_command_is_told_who_is_there_in_one_line(holder, tmp_path, arguments):
    command = [sys.executable, "-m", "adhd_cvae", *arguments.format(tmp_path).split()]
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    (line,) = second.stderr.splitlines()
    assert f"in use by process {holder.pid} since 20" in line
    assert "`adhd-cvae train out`" in line
    assert os.uname().nodename not in line


def test_what_a_killed_process_held_is_free_at_once(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "out" / HOLDER).is_file()
    with locked(tmp_path / "out"):
        assert str(os.getpid()) in (tmp_path / "out" / HOLDER).read_text()
    assert not (tmp_path / "out" / HOLDER).exists()


def test_brief_work_waits_for_its_turn(holder, tmp_path):
    started = time.monotonic()
    with pytest.raises(InputError, match="in use"), locked(tmp_path / "out", wait_s=0.5):
        pass
    assert time.monotonic() - started >= 0.5
    holder.terminate()
    with locked(tmp_path / "out", wait_s=10):
        pass


def test_a_refused_command_leaves_no_folder_behind(tmp_path):
    with pytest.raises(InputError, match="no"), locked(tmp_path / "new"):
        raise InputError("no such thing")
    assert not (tmp_path / "new").exists()
    with locked(tmp_path / "kept"):
        (tmp_path / "kept" / "cohort.tsv").touch()
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"cohort.tsv", LOCK}


def test_a_file_system_without_locks_still_has_one_at_a_time(tmp_path, monkeypatch):
    from filelock import SoftFileLock

    monkeypatch.setattr("pipelines.output_dir.lock.FileLock", SoftFileLock)
    with locked(tmp_path), pytest.raises(InputError, match="in use"), locked(tmp_path):
        pass
    assert not (tmp_path / LOCK).exists()
    dead = subprocess.Popen(
        [sys.executable, "-c", HOLD.replace("import sys", SOFT, 1).format(folder=str(tmp_path))]
    )
    while not (tmp_path / HOLDER).is_file():
        assert dead.poll() is None
        time.sleep(0.05)
    dead.kill()
    dead.wait()
    with locked(tmp_path, wait_s=5):
        pass


@pytest.mark.slow
def test_two_who_publish_into_one_new_store_at_once_both_complete(demo, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    started = []
    for seed in ("1", "2"):
        # The fixture's folder has no inventory, as of a version that wrote no logs.
        shutil.copytree(demo.paths.folder, tmp_path / seed, ignore=shutil.ignore_patterns("logs"))
        content = read_json(tmp_path / seed / "run.json")
        for settings in (content["recipe"], *(stage["settings"] for stage in content["stages"].values())):
            if "seed" in settings:
                settings["seed"] = int(seed)
        write_json(content, tmp_path / seed / "run.json")
        started.append(subprocess.Popen([sys.executable, "-m", "adhd_cvae", "publish", str(tmp_path / seed)]))
    assert [one.wait(300) for one in started] == [0, 0]
    client = find_store(tmp_path / "1").client()
    runs = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
    assert {(run.info.status, run.data.tags["seed"]) for run in runs} == {
        ("FINISHED", "1"),
        ("FINISHED", "2"),
    }
    versions = client.search_model_versions("name = 'adhd-cvae'")
    assert {str(one.version) for one in versions} == {one.tags["seed"] for one in versions} == {"1", "2"}
    champion = client.get_model_version_by_alias("adhd-cvae", "champion")
    assert str(champion.version) in ("1", "2"), "who asked first"


SOFT = "import filelock; filelock.FileLock = filelock.SoftFileLock; import sys"
