"""Publishing: results become one run, however often; what has no model has no champion."""

import pytest
from mlflow.entities import RunStatus

from adhd_cvae.errors import InputError
from pipelines.mlflow_tracking import publication, runs
from pipelines.mlflow_tracking.promotion import Champion
from pipelines.mlflow_tracking.publication import Published
from pipelines.mlflow_tracking.store import Store, find_store
from pipelines.progress import Silent


def test_the_same_results_are_one_run(published):
    first = publication.log_results(published, "one name", Silent())
    again = publication.log_results(published, "another", Silent())
    assert again == first
    assert (first.run_name, first.version, first.model) == ("one name", None, None)
    client = find_store(published.results.paths.folder).client()
    run = client.get_run(first.run_id)
    assert run.info.status == RunStatus.to_string(RunStatus.FINISHED)
    assert run.data.metrics["out_of_fold/leakage"] == 0.62
    assert run.data.params["recipe"] == "invented"
    assert run.inputs.dataset_inputs[0].dataset.name == "Invented"
    assert [run.info.run_id for run in runs.find_runs(client, runs.CONTENT_TAG, published.content)] == [
        first.run_id
    ]


def test_where_a_run_can_be_looked_at_is_said(published):
    first = publication.log_results(published, "one name", Silent())
    folder = published.results.paths.folder
    page = f"#/experiments/1/runs/{first.run_id}?workflowType=machine_learning"
    assert f"Look at it       adhd-cvae ui {folder}, then http://127.0.0.1:5000/{page}" in str(first)
    run = find_store(folder).client().get_run(first.run_id)
    served = Store("http://me:secret@lab:5000", None)
    assert runs.run_page(served, run, folder) == f"http://me:…@lab:5000/{page}"


def test_nothing_is_promoted_where_there_is_no_model(published):
    without = Published("store", "run", "0")
    assert publication.choose_champion(published, without, promote=False) == without
    with pytest.raises(InputError, match="no trained model"):
        publication.choose_champion(published, without, promote=True)


def test_a_model_without_its_reference_is_refused_in_one_line(published):
    weights = published.results.paths.cvae.with_suffix(".safetensors")
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"")
    with pytest.raises(InputError, match=r"cvae-reference\.safetensors is missing.*embed"):
        publication._register(None, None, published)


@pytest.mark.parametrize(
    ("champion", "words"),
    [
        (None, "none (no trained model"),
        (Champion("2", "promoted over version 1"), "@champion)\n                 promoted over version 1"),
        (Champion("1"), "champion stays version 1"),
    ],
)
def test_the_terminal_says_which_version_is_champion(champion, words):
    assert words in str(Published("store", "run", "0", "2", champion))
