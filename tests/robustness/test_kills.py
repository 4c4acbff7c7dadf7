"""What the campaigns of kills and of spoilt files notice; the kills themselves take minutes each."""

import itertools
import json
import os
import shutil
import signal
import sqlite3
import time

import pytest

from adhd_cvae.errors import InputError
from pipelines.progress import Silent
from tests.robustness import fuzz, kills
from tests.robustness.kills import differences, finished_runs, half_written, last_step, temporary_files


@pytest.fixture
def runs(tmp_path):
    """Two finished runs that are the same but for times."""
    for number, name in enumerate(("one", "other")):
        folder = tmp_path / name
        (folder / "out").mkdir(parents=True)
        (folder / "out" / "latents.tsv").write_text("participant_id\ts_00\nsub-1\t0.5\n")
        (folder / "out" / "history.tsv").write_text(
            f"epoch\tloss\tseconds\ttime_ms\n1\t0.5\t{number}\t{number}\n"
        )
        (folder / "out" / "manifest.json").write_text(json.dumps({"maps": [{"mtime_ns": number, "x": 1}]}))
        (folder / "out" / "report.html").write_text(f"<html>{number}</html>\n")
        (folder / "out" / ".writing-x.partial.tsv").write_text("half")
    return tmp_path / "one", tmp_path / "other"


def test_times_and_what_is_being_written_are_no_difference(runs):
    assert differences(*runs) == half_written(*runs) == []
    assert len(list(temporary_files(runs[0]))) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("latents.tsv", "participant_id\ts_00\nsub-1\t0.25\n"),
        ("history.tsv", "epoch\tloss\tseconds\ttime_ms\n1\t0.25\t0\t0\n"),
        ("manifest.json", '{"maps": [{"mtime_ns": 0, "x": 2}]}'),
        ("manifest.json", '{"maps"'),
        ("report.html", "<html>"),
        ("more.tsv", "a\n"),
    ],
)
def test_every_difference_is_noticed(runs, name, text):
    (runs[0] / "out" / name).write_text(text)
    assert differences(*runs) == half_written(*runs) == [f"out/{name}"]


def test_a_file_that_is_not_there_yet_is_a_difference_but_not_half_written(runs):
    (runs[0] / "out" / "latents.tsv").unlink()
    assert differences(*runs) == ["out/latents.tsv"]
    assert half_written(*runs) == []


def test_a_half_written_state_of_training_is_noticed(runs):
    (runs[0] / "out" / "cvae-resume.pt").write_bytes(b"half")
    assert half_written(*runs) == ["cvae-resume.pt"]


def test_the_step_and_the_runs_of_a_killed_call_are_told(tmp_path):
    (tmp_path / "log.txt").write_text("Preparing …\nPreparing: 1 s\nTraining …\n  1 of 2\n")
    assert last_step(tmp_path) == "Training"
    assert finished_runs(tmp_path) == 0
    (tmp_path / "derivatives").mkdir()
    with sqlite3.connect(tmp_path / "derivatives" / "mlflow.db") as store:
        store.execute("CREATE TABLE runs (run_uuid, status, lifecycle_stage)")
        store.execute("CREATE TABLE tags (run_uuid, key)")
        store.execute(
            "INSERT INTO runs VALUES ('of-people', 'FINISHED', 'active'), ('of-a-fold', 'RUNNING', 'active')"
        )
        store.execute("INSERT INTO tags VALUES ('of-a-fold', 'fold')")
    assert finished_runs(tmp_path) == 1
    with sqlite3.connect(tmp_path / "derivatives" / "mlflow.db") as store:
        store.execute("INSERT INTO runs VALUES ('again', 'RUNNING', 'active')")
    assert finished_runs(tmp_path) == 0


@pytest.fixture
def runs_without_work(monkeypatch):
    """Runs that are over at once; the numbers of the kills."""
    killed = []

    def one_kill(number, second, folder, whole):
        killed.append(number)
        return {**dict.fromkeys(kills.COLUMNS, 0), "kill": number, "second": second, "outcome": kills.SAME}

    monkeypatch.setattr(kills, "_undisturbed", lambda folder: folder.mkdir() or 10.0)
    monkeypatch.setattr(kills, "_one_kill", one_kill)
    return killed


def test_kills_go_on_where_they_were_interrupted(tmp_path, runs_without_work):
    first = kills.measure_kills(tmp_path, Silent(), kills=3, seed=1, jobs=1)
    more = kills.measure_kills(tmp_path, Silent(), kills=5, seed=1, jobs=1)
    assert sorted(runs_without_work) == [1, 2, 3, 4, 5]
    assert set(first["second"]) < set(more["second"])
    assert more["second"].between(0, 10).all()
    with pytest.raises(InputError, match="kills of seed 1"):
        kills.measure_kills(tmp_path, Silent(), kills=6, seed=2, jobs=1)


def rounds(count):
    """A clock that lets `count` rounds of spoilt files through."""
    ticks = itertools.chain([0, 0], range(count), itertools.repeat(1000))
    return lambda: next(ticks)


def test_spoilt_files_are_read_or_refused_and_leave_nothing(tmp_path):
    table = fuzz.read_spoilt(tmp_path, Silent(), minutes=1, clock=rounds(5))
    assert set(table["tried"]) == {5}
    assert (table["read"] + table["refused"] == 5).all()
    assert table[["read", "refused"]].sum().min() > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", ["raises", "is slow", "takes memory"])
def test_a_reader_that_fails_is_found_and_its_file_kept(tmp_path, monkeypatch, how):
    def reader(path):
        if how == "raises":
            raise KeyError("x")
        return str(len(bytes(2 * fuzz.MEMORY))) if how == "takes memory" else "read"

    monkeypatch.setattr(fuzz, "_read", reader)
    if how == "is slow":
        monkeypatch.setattr(fuzz, "SECONDS", -1)
    table = fuzz.read_spoilt(tmp_path, Silent(), minutes=1, clock=rounds(2))
    assert set(table["found"]) == {2}
    assert len(list(tmp_path.iterdir())) >= len(table)
    shutil.rmtree(tmp_path)


def killed_at(words, folder):
    """Kill a run that borrows, and its workers, when it has said these words."""
    log = folder / kills.LOG
    with kills.start_run(folder, "--borrowed") as process:
        while words not in log.read_text(encoding="utf-8"):
            assert process.poll() is None, log.read_text(encoding="utf-8")
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_run_that_borrows_killed_seven_times_on_its_way_ends_with_the_same_bits(tmp_path):
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    with kills.start_run(whole, "--borrowed") as process:
        assert process.wait() == 0
    learning = ("Learning healthy anatomy …", "Logging to MLflow …", "Preparing maps of ")
    training = ("fold 2 of 5, contrastive model, form taken", "Embedding out of fold …")
    for words in (*learning, *training, "Analysing …", "Drawing figures …"):
        killed_at(words, folder)
        assert half_written(folder, whole) == []
    with kills.start_run(folder, "--borrowed") as process:
        assert process.wait() == 0
    assert differences(folder, whole) == []
    assert list(temporary_files(folder)) == []
    assert finished_runs(folder) == 2
