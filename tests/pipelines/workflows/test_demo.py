"""The demo: where everything goes, and what its summary says."""

import pandas as pd
import pytest

from adhd_cvae.config import Recipe
from adhd_cvae.io import read_tsv, write_tsv
from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.mlflow_tracking.publication import Published
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.workflows import demo

RECOVERY = pd.DataFrame(
    [
        ("attention", "salient", "out_of_fold", "r", 0.81),
        ("attention", "background", "out_of_fold", "r", 0.07),
        ("attention", "pca", "out_of_fold", "r", 0.5),
        ("attention", "salient", "out_of_fold", "r2", 0.6),
    ],
    columns=["factor", "space", "split", "metric", "score"],
).assign(n=20, note="")


def test_cohort_and_results_lie_where_a_bids_derivative_does(tmp_path):
    bids_dir, paths = demo.places(tmp_path)
    assert bids_dir == tmp_path / "bids"
    assert paths.folder == tmp_path / "derivatives" / "adhd-cvae"


def test_recovery_is_one_line_a_factor():
    title, line = demo.recovery_lines(RECOVERY)
    assert title.split("  ")[0] == "Recovery (r within patients, out of fold)"
    assert title.index("salient s") < title.index("background z")
    assert line.split() == ["attention", "0.81", "0.07"]


@pytest.fixture
def run(tmp_path, invent_results):
    paths = invent_results(tmp_path)
    folds = read_tsv(paths.cohort)[["participant_id"]].assign(fold=[number % 5 for number in range(40)])
    write_tsv(folds, paths.folds)
    return Run(paths, Recipe(), Silent(), overwrite=True)


def test_the_summary_counts_groups_and_names_places(run):
    summary = demo.summary(run, Published("store.db", "a run", "0"), 61.4)
    assert "Participants     40: 20 patients, 20 controls; each held out once, in 5 folds" in summary
    assert "Recovery" not in summary
    assert f"Report           {run.paths.report}\nMLflow store     store.db" in summary
    assert summary.endswith("Time             61 s")
    write_tsv(RECOVERY, run.paths.table("recovery"))
    assert "0.81" in demo.summary(run, Published("store.db", "a run", "0"), 61.4)


def test_the_cohort_is_simulated_before_the_group_is_run(run, tmp_path, monkeypatch):
    calls, config = [], SimulationConfig(participants=8)

    def simulate(*given, **options):
        calls.append((given, options))

    def group(*given, **options):
        calls.append((given, options))
        return Published("store.db", "a run", "0")

    monkeypatch.setattr(demo.simulate, "run", simulate)
    monkeypatch.setattr(demo.group, "run", group)
    demo.run(run, tmp_path / "bids", config, live=True)
    assert calls == [
        ((tmp_path / "bids", config, run.progress), {"overwrite": True}),
        ((run, demo.BidsInput(tmp_path / "bids")), {"live": True}),
    ]
