"""MLflow runs: one per set of results, with everything once and nothing of where the data lie."""

import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from mlflow.store.tracking.dbmodels.models import SqlDataset
from sqlalchemy import event

from adhd_cvae.config import Recipe
from pipelines.mlflow_tracking import metrics, runs
from pipelines.mlflow_tracking.store import find_store


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return find_store(tmp_path / "derivatives" / "run-a")


def test_a_run_is_the_child_of_the_one_that_the_environment_names(store, monkeypatch):
    client = store.client()
    parent = runs.start_run(client, store, "sweep", {})
    assert "mlflow.parentRunId" not in parent.data.tags
    monkeypatch.setenv("MLFLOW_RUN_ID", parent.info.run_id)
    child = runs.start_run(client, store, "one of them", {})
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id


def test_a_run_holds_its_recipe_and_losses_once_and_an_interrupted_one_is_gone_on_with(store):
    client = store.client()
    content = {runs.CONTENT_TAG: "abc"}
    left_over = runs.start_run(client, store, "before", content)
    client.set_terminated(left_over.info.run_id, "KILLED")
    run = runs.start_run(client, store, "demo", {**content, "recipe": "demo"}, unless=content)
    run_id = run.info.run_id
    assert run_id == left_over.info.run_id
    assert client.get_run(run_id).info.status == "RUNNING"
    other = runs.start_run(client, store, "demo", {runs.CONTENT_TAG: "abd"}, unless=content)
    assert other.info.run_id != run_id
    runs.log_settings(client, run_id, Recipe(name="demo").model_dump(mode="json"))
    history = pd.DataFrame(
        {
            "model": ["cvae", "cvae", "vae"],
            "epoch": [0, 1, 0],
            "train_loss": [3.0, 2.0, 4.0],
            "critic_loss": [float("nan"), 0.7, float("nan")],
            "seconds": [1.0, 1.0, 1.0],
            "time_ms": [1_650_000_000_000, 1_650_000_001_000, float("nan")],
            "hsic": [0.0, 0.0, 0.0],
        }
    )
    metrics.log_history(client, run_id, history.iloc[:1], 1_600_000_000_000)
    for ended in (1_700_000_000_000, 1_800_000_000_000):
        metrics.log_history(client, run_id, history, ended)
    metrics.log_scores(client, run_id, {"tau/salient/age [years]": 0.2, "tau/none": float("nan")}, 1)
    client.set_terminated(run_id)

    logged = client.get_run(run_id)
    assert logged.info.run_name == "demo"
    assert logged.data.params["model.salient"] == str(Recipe().model.salient)
    assert logged.data.params["image.shape"] == "[64, 64, 64]"
    assert "cohort.target" not in logged.data.params, "all of them are in recipe.yaml"
    assert "recipe.yaml" in {file.path for file in client.list_artifacts(run_id)}
    assert logged.data.metrics["cvae/loss_training"] == 2.0
    assert logged.data.metrics["tau/salient/age -years-"] == 0.2
    assert "tau/none" not in logged.data.metrics
    steps = client.get_metric_history(run_id, "cvae/loss_training")
    assert [(point.step, point.value) for point in steps] == [(0, 3.0), (1, 2.0)]
    assert [point.timestamp for point in steps] == [1_650_000_000_000, 1_650_000_001_000]
    (older,) = client.get_metric_history(run_id, "vae/loss_training")
    assert older.timestamp == 1_700_000_000_000
    assert "cvae/hsic" not in logged.data.metrics, "no term of this objective"
    assert (logged.data.params["recipe"], "name" in logged.data.params) == ("demo", False)
    assert [found.info.run_id for found in runs.find_runs(client, *content.popitem())] == [run_id]
    logged_text = str(logged.data.tags) + str(logged.data.params)
    assert str(store.artifacts.parent) not in logged_text
    assert "/" not in logged.data.tags["mlflow.source.name"]


def test_the_runs_of_seeds_are_children_of_their_average(store, tmp_path):
    client = store.client()
    runs_made = [runs.start_run(client, store, name, {}).info.run_id for name in ("average", "one", "two")]
    runs.nest(tmp_path / "derivatives" / "run-a", runs_made[0], runs_made[1:], [3, 4])
    assert client.get_run(runs_made[0]).data.tags["seed"] == "3, 4"
    assert [client.get_run(one).data.tags[runs.PARENT_TAG] for one in runs_made[1:]] == [runs_made[0]] * 2


def test_a_dataset_that_another_process_logs_meanwhile_is_logged_all_the_same(store):
    client, data = store.client(), ("cohort", "abc", {"participants": 40})
    ours, theirs = (runs.start_run(client, store, name, {}).info.run_id for name in ("ours", "theirs"))

    def be_faster(*_):
        runs.log_dataset(client, theirs, *data)

    event.listen(SqlDataset, "before_insert", be_faster, once=True)
    runs.log_dataset(client, ours, *data)
    for run_id in (ours, theirs):
        (logged,) = client.get_run(run_id).inputs.dataset_inputs
        assert (logged.dataset.name, logged.dataset.digest) == ("cohort", "abc")


def test_a_dataset_of_no_run_is_not_tried_twice(store, monkeypatch):
    client, calls = store.client(), []

    def log_inputs(*given):
        calls.append(given)
        raise MlflowException("no such run", RESOURCE_DOES_NOT_EXIST)

    monkeypatch.setattr(client, "log_inputs", log_inputs)
    with pytest.raises(MlflowException, match="no such run"):
        runs.log_dataset(client, "0" * 32, "cohort", "abc", {})
    assert len(calls) == 1
