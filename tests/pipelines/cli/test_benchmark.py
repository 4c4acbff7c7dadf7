"""The verbs below `adhd-cvae benchmark`: what they refuse, and where their tables go."""

import pandas as pd
import pytest
from typer.testing import CliRunner

from adhd_cvae.io import read_tsv
from pipelines.cli.benchmark import app


@pytest.mark.parametrize(
    "arguments", [("speed", "--maps", "3"), ("separation", "--seeds", "0"), ("separation", "--jobs", "none")]
)
def test_a_wrong_number_is_status_2(arguments):
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_an_unknown_method_is_refused_before_anything_is_measured(tmp_path):
    ended = CliRunner().invoke(app, ["separation", str(tmp_path / "out"), "--methods", "magic"])
    assert "magic" in str(ended.exception)
    assert not (tmp_path / "out").exists()


def test_the_speed_is_printed_and_written(tmp_path, monkeypatch):
    given = []

    def measure(folder, recipe, progress, maps):
        given.append((folder, recipe.name, recipe.model.salient, maps))
        return pd.DataFrame({"measure": ["preparing a map"], "median": [0.25]})

    monkeypatch.setattr("pipelines.benchmarks.speed.stages.measure_speed", measure)
    arguments = ["speed", str(tmp_path), "--recipe", "smoke", "--set", "model.salient=3", "--maps", "4"]
    ended = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert given == [(tmp_path, "smoke", 3, 4)]
    assert "preparing a map" in ended.output
    assert read_tsv(tmp_path / "speed.tsv")["median"].tolist() == [0.25]
