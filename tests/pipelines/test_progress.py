"""What somebody sees while a stage works: plain lines in a log, bars on a terminal."""

import ast
import io
import re
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from pipelines import progress
from pipelines.progress import PlainLines, Silent, TerminalBars, for_this_terminal


def test_silence_keeps_the_warnings(capsys):
    silent = Silent()
    silent.line("a line")
    silent.warning("look")
    with silent.bar("Working") as tick:
        tick(1, 2, "")
    assert silent.warnings == ["look"]
    assert capsys.readouterr() == ("", "")


def test_plain_lines_go_to_standard_error_and_leave_out_what_comes_too_soon(capsys, monkeypatch):
    clock = iter([0.0, 1.0, 6.0, 6.0, 7.0, 20.0, 21.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    lines = PlainLines()
    with lines.bar("Preparing maps") as tick:
        tick(1, 4, "")  # after 1 s
        tick(2, 4, "sub-02")  # after 6 s
        tick(3, 4, "")  # 1 s later
        tick(4, 4, "")  # the end has a line of its own
    lines.warning("two left out")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "Preparing maps …",
        "  2 of 4, 6 s left: sub-02",
        "Preparing maps: 21.0 s",
        "Warning: two left out",
    ]


def test_a_bar_leaves_one_line_and_takes_square_brackets_as_they_are(capsys):
    bars = TerminalBars()
    with bars.bar("Training [seed 1]") as tick:
        tick(1, 2, "[bold]model")
    bars.line("image.shape=[64, 64, 64]")
    shown = capsys.readouterr().err
    assert "Training [seed 1]: 0." in shown
    assert "image.shape=[64, 64, 64]" in shown


@pytest.mark.parametrize(("ticks", "expected"), [([], "0:00:00  left"), ([(1, 4, ""), (2, 4, "x")], "2/4")])
def test_a_bar_says_the_time_it_took_and_that_left_where_something_tells_that(monkeypatch, ticks, expected):
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = io.StringIO()
    monkeypatch.setattr("sys.stderr", shown)
    with TerminalBars().bar("Looking") as tick:
        for one in ticks:
            tick(*one)
    last = [
        frame for frame in shown.getvalue().split("\r") if "Looking" in frame and "Looking: " not in frame
    ][-1]
    assert expected in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", last)


@pytest.mark.parametrize(("is_terminal", "expected"), [(True, TerminalBars), (False, PlainLines)])
def test_bars_only_where_standard_error_is_a_terminal(monkeypatch, is_terminal, expected):
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: is_terminal, raising=False)
    monkeypatch.setattr(sys, "stderr", stream)
    assert isinstance(for_this_terminal(), expected)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("store http://bob:S3cret@host:5/x refuses", "store http://bob:…@host:5/x refuses"),
        ("postgresql://lab:p/w:d@@db.example/mlflow", "postgresql://lab:…@db.example/mlflow"),
        ("from 'https://a:b@c' and \"https://d:e@f\"", "from 'https://a:…@c' and \"https://d:…@f\""),
        ("sqlite:////home/a@b/mlflow.db", "sqlite:////home/a@b/mlflow.db"),
        ("http://host:5000/@me", "http://host:…@me"),  # could be a password with a slash
        ("see 12:30@noon", "see 12:30@noon"),
        ("postgresql://db/m?user=lab&password=S3cret&x=1", "postgresql://db/m?user=lab&password=…&x=1"),
        ("mysql://db/m?PASSWD=S3cret", "mysql://db/m?PASSWD=…"),
    ],
)
def test_passwords_of_addresses_are_hidden_and_nothing_else(text, shown):
    assert progress.without_passwords(text) == shown


@pytest.mark.parametrize(
    ("address", "text", "shown"),
    [
        ("postgresql://lab:s%40cret@db/m", "no entry for lab, s@cret", "no entry for lab, …"),
        ("postgresql://lab:s cret@db/m", "no host 's cret@db'", "no host '…@db'"),
        ("http://lab:it's@host:5", "bad address http://lab:it's@host:5", "bad address http://lab:…@host:5"),
        ("mysql://db/m?user=lab&password=a%26b", "refused (lab, a&b)", "refused (lab, …)"),
        ("sqlite:////home/a:b@c/mlflow.db", "no file /home/a:b@c/mlflow.db", "no file /home/a:b@c/mlflow.db"),
    ],
)
def test_a_drivers_error_shows_no_password_however_it_is_written(monkeypatch, address, text, shown):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    assert progress.without_passwords(text) == shown


def test_passwords_of_the_environment_are_hidden_wherever_they_stand(monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hunter2")
    PlainLines().line("refused for hunter2")
    PlainLines().warning("http://a:b@c")
    assert capsys.readouterr().err == "refused for …\nWarning: http://a:…@c\n"


def test_a_log_says_what_was_done_when_and_names_nobody(tmp_path, capsys):
    path = tmp_path / "logs" / "run.log"
    lines = PlainLines()
    lines.line("before")
    with progress.logged(path):
        assert not path.exists()
        with lines.bar("Preparing maps") as tick:
            tick(1, 2, "sub-0010042")
        lines.warning(f"Hyper/Impulsive: sub-0010042 left out; see {tmp_path}/a.tsv and /data/lab/b.tsv")
        lines.line("")
    lines.line("after")
    text = path.read_text(encoding="utf-8")
    stamps = [line.split(" ", 1) for line in text.splitlines()]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp) for stamp, _ in stamps)
    assert [words for _, words in stamps] == [
        f"adhd-cvae {version('adhd-cvae')} begins",
        "Preparing maps …",
        "Preparing maps: 0.0 s",
        "Warning: Hyper/Impulsive: … left out; see a.tsv and b.tsv",
        "done",
    ]


@pytest.mark.parametrize(
    ("error", "ended"),
    [(ValueError("sub-01"), "stopped by ValueError"), (KeyboardInterrupt(), "interrupted")],
)
def test_a_log_says_how_it_ended_and_a_next_one_is_added(tmp_path, capsys, error, ended):
    path = tmp_path / "run.log"

    def work():
        with progress.logged(path):
            TerminalBars().line("at work")
            raise error

    for _ in range(2):
        with pytest.raises(type(error)):
            work()
    ends = [line.split(" ", 1)[1] for line in path.read_text(encoding="utf-8").splitlines()]
    assert ends[2::3] == [ended, ended]


@pytest.mark.parametrize(
    ("seconds", "words"), [(3.2, "3 s"), (99, "99 s"), (130, "2 min"), (5400, "90 min"), (9000, "2.5 h")]
)
def test_time_left_is_short(seconds, words):
    assert progress._in_words(seconds) == words


def deaf_bars(source):
    """Lines of the bars that no work is told of, so that they show no time left."""
    lines = []
    for block in (one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.With)):
        used = {
            name.id
            for name in ast.walk(block)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Load)
        }
        for item in block.items:
            call = item.context_expr
            if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "bar":
                told = item.optional_vars
                lines += [] if isinstance(told, ast.Name) and told.id in used else [call.lineno]
    return lines


def test_every_bar_is_told_how_far_it_is():
    source = 'with progress.bar("A"):\n    work()\nwith progress.bar("B") as tick:\n    work({})\n'
    assert deaf_bars(source.format("")) == [1, 3]
    assert deaf_bars(source.format("tick")) == [1]
    files = sorted(Path(progress.__file__).parent.rglob("*.py"))
    assert sum('.bar("' in file.read_text() for file in files) >= 10
    assert {file.name: lines for file in files if (lines := deaf_bars(file.read_text()))} == {}
