"""The command line as a user meets it: exit status, one line per problem, no traceback."""

import resource
import subprocess
import sys

import psutil
import pytest
from joblib import Parallel, delayed

from pipelines.cli import main

VERBS = ["demo", "simulate", "import-burner", "run", "prepare", "train", "embed", "analyse", "publish"]
VERBS += ["export-bundle", "background", "benchmark", "ui"]
HEAVY = ("torch", "mlflow", "pandas", "numpy")


@pytest.fixture
def call(capsys):
    """Call the command line; give exit status, standard output and standard error."""

    def run(*arguments):
        try:
            main.main([str(argument) for argument in arguments])
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_help_names_every_verb_and_takes_no_time():
    started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    shown = subprocess.run(
        [sys.executable, "-m", "adhd_cvae", "--help"], capture_output=True, text=True, check=True
    )
    # 0.15 s of processor time; the bound only tells torch from no torch.
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - started < 2
    for verb in VERBS:
        assert f"  {verb}" in shown.stdout


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom pipelines.cli.main import main\ntry:\n main(['--help'])\nexcept SystemExit: pass\n"
        f"print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stderr.strip() == "[]"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(call, verb):
    status, out, _ = call(verb, "--help")
    assert status == 0
    assert "Usage" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("fly",),
        ("run", "bids"),
        ("run", "bids", "out", "both"),
        ("run", "bids", "out", "participant"),
        ("run", "bids", "out", "group", "--model", "models:/x@champion"),
        ("run", "bids", "out", "participant", "--model", "models:/x@y", "--recipe", "demo"),
        ("simulate", "bids", "--participants", "three"),
        ("simulate", "bids", "--participants", "2"),
        ("simulate", "bids", "--sites", "21"),
        ("simulate", "bids", "--age-gap", "-6.5"),
        ("simulate", "bids", "--head-size-gap", "nan"),
        ("train", "out", "--no-such-option"),
        ("publish", "out", "--set", "seed=1"),
        ("publish", "out", "--overwrite"),
        ("publish", "out", "--recipe", "as-published"),
        ("publish", "out", "--seeds", "2"),
        ("benchmark", "beauty"),
    ],
)
def test_a_wrong_command_is_status_2(call, arguments):
    status, _, err = call(*arguments)
    assert status == 2
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("run", "{tmp}/absent", "{tmp}/out", "group"), "there is no folder"),
        (("prepare", "{tmp}/absent", "{tmp}/out"), "there is no folder"),
        (("prepare", "{tmp}/bids", "{tmp}/out", "--recipe", "nope"), "no recipe 'nope'"),
        (("prepare", "{tmp}/bids", "{tmp}/out", "--set", "model.salien=1"), "Did you mean 'model.salient'?"),
        (
            ("prepare", "{tmp}/bids", "{tmp}/out", "--bids-filter-file", "{tmp}/no.json"),
            "there is no such file",
        ),
        (("train", "{tmp}/out"), "nothing was prepared here"),
        (("embed", "{tmp}/out"), "no model was trained here"),
        (("analyse", "{tmp}/out"), "cohort.tsv"),
        (("publish", "{tmp}/out"), "no results to publish"),
        (("ui", "{tmp}/out"), "there is no MLflow store"),
    ],
)
def test_wrong_data_is_status_1_and_one_line(call, tmp_path, monkeypatch, arguments, expected):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "bids").mkdir()
    status, _, err = call(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert status == 1
    assert expected in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1


def test_several_problems_are_several_lines(call, tmp_path):
    status, _, err = call("prepare", tmp_path, tmp_path / "out", "--set", "a=1", "--set", "b=2")
    assert status == 1
    assert len(err.strip().splitlines()) == 2


def test_debug_shows_the_traceback_wherever_it_stands(call, tmp_path):
    for arguments in (["--debug", "train", tmp_path], ["train", tmp_path, "--debug"]):
        status, _, err = call(*arguments)
        assert status == 1
        assert err.startswith("Traceback")
        assert "nothing was prepared here" in err


def test_a_fault_of_ours_is_told_whole_but_for_passwords(call, tmp_path, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("no answer from http://bob:S3cret@host:5/store")

    monkeypatch.setattr("pipelines.stages.train.run", broken)
    status, _, err = call("train", tmp_path)
    assert status == 1
    assert "ZeroDivisionError: no answer from http://bob:…@host:5/store" in err
    assert "S3cret" not in err


@pytest.mark.parametrize("verb", ["train", "embed", "analyse", "publish"])
def test_interrupted_it_ends_with_130_and_one_line(call, tmp_path, monkeypatch, verb):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"pipelines.stages.{verb}.run", interrupted)
    status, _, err = call(verb, tmp_path)
    assert status == 130
    assert err.splitlines() == ["adhd-cvae: interrupted; the same command goes on from here."]


def test_a_full_disk_is_a_readable_line(call, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", str(tmp_path / "x"))

    monkeypatch.setattr("pipelines.stages.train.run", full)
    status, _, err = call("train", tmp_path)
    assert status == 1
    assert "No space left on device" in err
    assert str(tmp_path / "x") in err


def test_a_process_killed_for_its_memory_is_a_readable_line_and_the_others_end(call, tmp_path, monkeypatch):
    kills = "__import__('os').kill(__import__('os').getpid(), 9)"

    def work(*_, **__):
        Parallel(n_jobs=2, backend="loky")(delayed(eval)(text) for text in ("1", kills, "3", "4"))

    monkeypatch.setattr("pipelines.stages.train.run", work)
    status, _, err = call("train", tmp_path)
    assert status == 1
    assert (
        err
        == "adhd-cvae: a process was killed, as where memory is full. Call again with fewer --jobs or --nprocs.\n"
    )
    assert not [one for one in psutil.Process().children() if "LokyProcess" in " ".join(one.cmdline())]


def test_an_output_folder_that_is_a_file_is_a_readable_line(call, tmp_path):
    bids = tmp_path / "bids"
    bids.mkdir()
    (tmp_path / "out").write_text("not a folder")
    status, _, err = call("prepare", bids, tmp_path / "out")
    assert status == 1
    assert "Traceback" not in err


def test_background_takes_a_dataset_and_a_folder_or_a_folder_and_parts(call, tmp_path):
    for given in ((), (tmp_path / "b", "--merge", "c"), ("--merge", "c", "--shareable")):
        status, _, err = call("background", tmp_path / "a", *given)
        assert status == 2
        assert "OUTPUT_DIR --merge A B" in err
    status, _, err = call("background", tmp_path / "a", "--merge", tmp_path / "c")
    assert status == 1
    assert "holds no reference.json" in err


def test_the_version_is_shown(call):
    status, out, _ = call("--version")
    assert status == 0
    assert out.strip()


def test_usage_names_the_command_however_it_was_started():
    shown = subprocess.run(
        [sys.executable, "-m", "adhd_cvae", "run", "--help"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.startswith("Usage: adhd-cvae run ")
