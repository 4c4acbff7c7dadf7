"""What a cohort could have shown is one run, below that of the cohort, and names nobody."""

from pathlib import Path

import pytest

from adhd_cvae.io import read_json, write_json
from pipelines.mlflow_tracking.publication import log_results
from pipelines.mlflow_tracking.runs import PARENT_TAG
from pipelines.mlflow_tracking.sensitivity_publication import publish_sensitivity
from pipelines.mlflow_tracking.store import EXPERIMENT, find_store
from pipelines.mlflow_tracking.summary import RunSummary
from pipelines.output_dir.results import Results
from pipelines.progress import Silent
from tests.pipelines.report.invented_sensitivity import facts, write_sensitivity


def runs_of(folder: Path):
    client = find_store(folder).client()
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    return client, client.search_runs([experiment.experiment_id])


def test_it_is_one_run_below_that_of_the_cohort_with_shares_and_tables(published: RunSummary) -> None:
    paths = published.results.paths
    parent = log_results(published, "the cohort", Silent())
    write_json({**read_json(paths.provenance), "published": {"run_id": parent.run_id}}, paths.provenance)
    write_sensitivity(paths.folder, references=["/somewhere/pool"])
    paths.sensitivity_figures.mkdir()
    (paths.sensitivity_figures / "power.svg").write_text("<svg/>")
    for _ in range(2):
        assert "sensitivity, 280 participants" in publish_sensitivity(Results(paths.folder), Silent())
    client, found = runs_of(paths.folder)
    (run,) = [one for one in found if one.info.run_id != parent.run_id]
    assert run.info.status == "FINISHED"
    assert run.data.tags[PARENT_TAG] == parent.run_id
    assert run.data.params["references"] == "pool"
    assert run.data.params["cohens_d"] == "[0.2, 0.5, 1.2]"
    assert run.data.params["sizes"] == "[70, 140]"
    assert run.data.metrics["power/r/striatum/n280/d0.5"] == pytest.approx(0.35)
    assert run.data.metrics["power/r/striatum/with_reference/n280/d0.5"] == pytest.approx(0.7)
    assert run.data.metrics["smallest_d/auc/n280"] == pytest.approx(0.5)
    assert "smallest_d/r/amygdala/n280" not in run.data.metrics
    assert run.data.metrics["false_positives/salient auc"] == pytest.approx(0.065)
    assert [one.path for one in client.list_artifacts(run.info.run_id, "figures")] == ["figures/power.svg"]
    assert len(client.list_artifacts(run.info.run_id, "tables")) == 3
    text = Path(client.download_artifacts(run.info.run_id, "sensitivity.json")).read_text("utf-8")
    assert "somewhere" not in text


def test_other_answers_are_another_run_and_a_cohort_need_not_be_published(published: RunSummary) -> None:
    folder = published.results.paths.folder
    assert publish_sensitivity(Results(folder), Silent()) == ""
    gone = {**read_json(published.results.paths.provenance), "published": {"run_id": "0" * 32}}
    write_json(gone, published.results.paths.provenance)
    for controls in (140, 139):
        write_sensitivity(folder)
        write_json(facts(controls=controls), Results(folder).paths.sensitivity_facts)
        publish_sensitivity(Results(folder), Silent())
    _, found = runs_of(folder)
    assert sorted(run.data.params["controls"] for run in found) == ["139", "140"]
    assert not any(PARENT_TAG in run.data.tags for run in found)


def test_where_nothing_could_be_asked_the_facts_are_published(published: RunSummary) -> None:
    paths = published.results.paths
    write_json(facts(controls=12), paths.sensitivity_facts)
    publish_sensitivity(Results(paths.folder), Silent())
    _, (run,) = runs_of(paths.folder)
    assert run.data.params["controls"] == "12"
    assert run.data.metrics == {}
