"""Publishing as a stage: what it needs, in which order it works, and what it keeps in run.json."""

import pytest

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from pipelines.mlflow_tracking import publication
from pipelines.mlflow_tracking.publication import Published
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.provenance import Provenance
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.report import page
from pipelines.stages import publish

RECIPE = Recipe(name="invented", seed=3)


@pytest.fixture
def calls(monkeypatch):
    """Neither report nor store: only what would be asked of them."""
    calls = []

    def log(summary, name, progress, *, register):
        calls.append(("log", name, register))
        return Published("store", name, "run-0", "2" if register else None)

    def choose(summary, published, *, promote):
        calls.append(("choose", published.version, promote))
        return published

    monkeypatch.setattr(
        page, "write_report", lambda results, tick: calls.append(("report", results.paths.folder))
    )
    monkeypatch.setattr(publication, "log_results", log)
    monkeypatch.setattr(publication, "choose_champion", choose)
    return calls


@pytest.fixture
def run(invent_results, tmp_path):
    paths = invent_results(tmp_path)
    paths.analysis.mkdir()
    return Run(paths, RECIPE, Silent())


@pytest.mark.parametrize("missing", ["latents", "analysis"])
def test_without_results_the_verb_that_makes_them_is_named(run, calls, missing):
    if missing == "latents":
        run.paths.latents.unlink()
    else:
        run.paths.analysis.rmdir()
    with pytest.raises(InputError, match=r"no results to publish\. Run `adhd-cvae analyse"):
        publish.run(run)
    assert not calls


def test_the_report_comes_first_and_the_run_is_named_after_what_differs(run, calls):
    published = publish.run(run, promote=True)
    assert calls[0] == ("report", run.paths.folder)
    assert calls[1:] == [("log", "invented, seed 3, n=40", True), ("choose", "2", True)]
    assert published.model == "models:/adhd-cvae/2"


def test_what_was_published_is_kept(run, calls):
    publish.run(run, name="another", register=False)
    kept = Provenance.open(OutputPaths(run.paths.folder)).content["published"]
    assert (kept["run_id"], kept["run_name"], kept["model"]) == ("run-0", "another", None)
    assert kept["seconds"] >= 0
