"""No verb is forgotten by the campaign of foreign files, what it watches is seen, and it finds what is planted."""

import subprocess
import sys

import pytest
from typer.main import get_command

from pipelines.cli.main import app
from tests.robustness.foreign_cases import VERBS
from tests.robustness.watch import watch, written_elsewhere


def verbs(group, before=""):
    """Name every verb, those below others too."""
    for name, command in group.commands.items():
        yield from verbs(command, f"{name} ") if hasattr(command, "commands") else [f"{before}{name}"]


def test_every_verb_is_called():
    assert set(verbs(get_command(app))) == {*VERBS} - {"run participant"}


def test_what_is_written_elsewhere_is_seen(tmp_path):
    out, scratch = tmp_path / "here" / "out", tmp_path / "here"
    for folder in (out, scratch / "neighbour"):
        folder.mkdir(parents=True)
    watch().written, watch().on = [], True
    try:
        (out / "ours.txt").write_text("a")
        (scratch / "mlflow.db").write_text("a")
        (scratch / "neighbour" / "a.txt").write_text("a")
        (scratch / "neighbour" / "a.txt").rename(scratch / "neighbour" / "b.txt")
        (scratch / "neighbour" / "b.txt").read_text()
    finally:
        watch().on = False
    (scratch / "neighbour" / "c.txt").write_text("nobody is watching")
    found = list(written_elsewhere(watch().written, out, scratch))
    assert found == [f"{scratch / 'neighbour' / name} was written" for name in ("a.txt", "b.txt")]


def campaign(folder, *options):
    """Call the campaign in a process of its own; return what it printed."""
    command = [sys.executable, "-m", "tests.robustness.foreign_files", str(folder), *options]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.slow
def test_sixty_combinations_touch_nothing(tmp_path):
    assert "60 combinations, 0 touched" in campaign(tmp_path, "--combinations", "60")


@pytest.mark.slow
def test_each_planted_bug_is_found(tmp_path):
    assert campaign(tmp_path, "--bugs", "--combinations", "120").count(": ") == 10
