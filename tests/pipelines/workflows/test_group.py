"""The group level: which stages it calls, in which order, with what."""

from pathlib import Path

import pytest

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from pipelines.mlflow_tracking.publication import Published
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.provenance import Provenance
from pipelines.output_dir.run import Run
from pipelines.workflows import group
from tests.shown import Shown

SOURCE = BidsInput(Path("bids"))


@pytest.fixture
def run(tmp_path):
    return Run(OutputPaths(tmp_path), Recipe(), Shown(), overwrite=True)


@pytest.fixture
def calls(monkeypatch):
    """Stages that only note what they were called with."""
    calls = []

    def stage(name):
        def run(run, *arguments, **options):
            calls.append((name, run, *arguments, options))
            return Published("store", f"run of {name}", "0")

        return run

    for name in ("prepare", "train", "embed", "analyse", "publish", "ensemble"):
        monkeypatch.setattr(getattr(group, name), "run", stage(name))
    return calls


def test_every_stage_is_called_once_with_the_same_run(run, calls):
    published = group.run(run, SOURCE, live=True)
    assert [name for name, *_ in calls] == ["prepare", "train", "embed", "analyse", "publish"]
    assert all(given is run for _, given, *_ in calls)
    assert calls[0][2] == SOURCE
    assert calls[1][-1] == {"live": True}
    assert published.run_name == "run of publish"
    assert not run.progress.lines


def test_further_seeds_come_last_and_their_average_is_named(run, calls):
    published = group.run(run, SOURCE, seeds=3, cluster=True)
    name, given, first, options = calls[-1]
    assert (name, given, options) == ("ensemble", run, {"seeds": 3, "live": False, "cluster": True})
    assert first == published
    (line,) = run.progress.lines
    assert line == f"Average of 3 seeds: {run.paths.ensemble.folder}; MLflow run: run of ensemble"


def test_a_store_that_will_never_do_is_refused_before_anything_is_prepared(run, calls, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "mysql://lab@127.0.0.1:1/m")
    with pytest.raises(InputError, match="refuses: No module named 'MySQLdb'"):
        group.run(run, SOURCE)
    assert calls == []


def test_results_of_the_participant_level_are_not_mixed_with_a_groups(run, calls):
    stage = {"state": "done", "fingerprint": "", "settings": {}, "inputs": {}, "outputs": {}}
    Provenance.open(run.paths).note(stages={"participant": stage})
    with pytest.raises(InputError, match="results of the participant level"):
        group.run(run, SOURCE)
    assert not calls
