"""The verb `compare`: its arguments reach the stage, a bad run ends in a line and status 1."""

import pytest

from pipelines.cli.main import main
from pipelines.stages import compare


def test_runs_and_file_reach_the_stage(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(compare, "run", lambda asked, output: f"{asked} {output.name}")
    with pytest.raises(SystemExit) as ended:
        main(["compare", "one", "two words", "--output", str(tmp_path / "page.html")])
    assert ended.value.code == 0
    assert capsys.readouterr().out == "['one', 'two words'] page.html\n"


def test_a_bad_run_is_a_line_and_status_1(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["compare", "one", "two"])
    assert ended.value.code == 1
    assert capsys.readouterr().err.count("\n") == 1
