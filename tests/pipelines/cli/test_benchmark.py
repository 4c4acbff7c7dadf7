"""The verbs below `adhd-cvae benchmark`: what they refuse, and where their tables go."""

from functools import partial

import pandas as pd
import pytest
from typer.testing import CliRunner

from adhd_cvae.io import read_tsv
from pipelines.benchmarks.separation import cells, grid
from pipelines.benchmarks.separation.metrics import CEILING
from pipelines.cli.benchmark import app
from tests.pipelines.benchmarks.separation.planted_folder import UNCHECKED, planted_folder
from tests.pipelines.benchmarks.separation.tiny import TINY


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

    def measure(recipe, progress, maps, demo):
        given.append((recipe.name, recipe.model.salient, maps, demo.participants))
        return pd.DataFrame({"measure": ["preparing a map"], "median": [0.25]})

    monkeypatch.setattr("pipelines.benchmarks.speed.stages.measure_speed", measure)
    arguments = ["speed", str(tmp_path), "--recipe", "smoke", "--set", "model.salient=3", "--maps", "4"]
    ended = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert given == [("smoke", 3, 4, 320)]
    assert "preparing a map" in ended.output
    assert read_tsv(tmp_path / "speed.tsv")["median"].tolist() == [0.25]


def test_a_tiny_grid_ends_in_a_table_a_page_and_figures(tmp_path, monkeypatch):
    kinds = (grid.Condition(n=40), grid.Condition(n=40, null=True))
    monkeypatch.setattr(grid, "QUICK", kinds)
    monkeypatch.setattr(grid, "NULL", kinds[1])
    monkeypatch.setattr(cells, "Cells", partial(cells.Cells, reference_participants=24))
    monkeypatch.setattr("adhd_cvae.simulation.cohort.CALIBRATION_PARTICIPANTS", 8)
    settings = [word for override in TINY for word in ("--set", override)]
    arguments = ["separation", str(tmp_path), "--quick", "--jobs", "1", "--seeds", "1"]
    arguments += ["--methods", "adhd_cvae,pca", *settings]
    ended = CliRunner().invoke(app, arguments, catch_exceptions=False)
    table = read_tsv(tmp_path / "separation.tsv")
    assert set(table["method"]) == {"adhd_cvae", "pca", CEILING}
    assert table["null"].any()
    assert table.loc[table["metric"] == "r", "score"].notna().all()
    page = (tmp_path / "separation.md").read_text(encoding="utf-8")
    assert "No effect planted" in page
    assert page in ended.output
    assert {"separation_leakage.svg", "separation_null.svg"} <= {path.name for path in tmp_path.iterdir()}


def test_a_planted_cohort_is_measured_instead_and_another_folder_is_refused_first(tmp_path):
    arguments = ["separation", str(tmp_path / "out"), "--cohort", str(tmp_path)]
    assert "--export" in str(CliRunner().invoke(app, arguments).exception)
    assert not (tmp_path / "out").exists()
    folder = planted_folder(tmp_path, participants=40)
    settings = [word for override in (*TINY, *UNCHECKED) for word in ("--set", override)]
    arguments = ["separation", str(tmp_path / "out"), "--cohort", str(folder), "--jobs", "1", "--seeds", "1"]
    ended = CliRunner().invoke(app, [*arguments, "--methods", "pca", *settings], catch_exceptions=False)
    table = read_tsv(tmp_path / "out" / "separation.tsv")
    assert len(set(table["cohort"])) == 1
    assert "Planted into given maps" in ended.output
