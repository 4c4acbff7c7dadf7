"""The MLflow store: where it is, what is logged, and what never is."""

import importlib
from pathlib import Path

import pandas as pd
import pytest

from adhd_cvae.config import Recipe
from pipelines import tracking

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tracking.find_store(tmp_path / "derivatives" / "run-a")


def test_the_store_lies_in_the_folder_that_holds_output_dir(store, tmp_path):
    assert store.uri == f"sqlite:///{tmp_path}/derivatives/mlflow.db"
    assert store.artifacts == tmp_path / "derivatives" / "mlflow-artifacts"


def test_sibling_runs_share_a_store(store, tmp_path):
    assert tracking.find_store(tmp_path / "derivatives" / "run-b") == store


def test_a_relative_output_dir_finds_the_same_store(store, tmp_path, monkeypatch):
    (tmp_path / "derivatives").mkdir()
    monkeypatch.chdir(tmp_path / "derivatives")
    assert tracking.find_store(Path("run-a")) == store


def test_the_environment_names_another_store(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    found = tracking.find_store(tmp_path / "out")
    assert (found.uri, found.artifacts, found.database) == ("http://127.0.0.1:5000", None, None)


def test_a_sqlite_store_of_the_environment_keeps_its_artifacts_beside_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/lab/all.db")
    found = tracking.find_store(tmp_path / "elsewhere" / "out")
    assert found.artifacts == tmp_path / "lab" / "mlflow-artifacts"


def test_a_run_holds_its_recipe_and_losses_and_an_interrupted_one_is_put_aside(store):
    client = store.client()
    left_over = tracking.start_run(client, store, "demo", "abc", {})
    run = tracking.start_run(client, store, "demo", "abc", {"recipe": "demo"})
    run_id = run.info.run_id
    tracking.log_recipe(client, run_id, Recipe(name="demo"))
    history = pd.DataFrame(
        {
            "model": ["cvae", "cvae", "vae"],
            "epoch": [0, 1, 0],
            "train_loss": [3.0, 2.0, 4.0],
            "critic_loss": [float("nan"), 0.7, float("nan")],
            "seconds": [1.0, 1.0, 1.0],
        }
    )
    tracking.log_history(client, run_id, history, 1_700_000_000_000)
    tracking.log_scores(client, run_id, {"tau/salient/age [years]": 0.2, "tau/none": float("nan")}, 1)
    client.set_terminated(run_id)

    logged = client.get_run(run_id)
    assert logged.info.run_name == "demo"
    assert logged.data.params["model.salient"] == str(Recipe().model.salient)
    assert logged.data.params["cohort.target"] == "[1, 2, 3]"
    assert logged.data.metrics["cvae/loss_training"] == 2.0
    assert logged.data.metrics["tau/salient/age -years-"] == 0.2
    assert "tau/none" not in logged.data.metrics
    steps = client.get_metric_history(run_id, "cvae/loss_training")
    assert [(point.step, point.value) for point in steps] == [(0, 3.0), (1, 2.0)]
    assert steps[1].timestamp - steps[0].timestamp == 1000
    assert [found.info.run_id for found in tracking.find_runs(client, "abc", finished=True)] == [run_id]
    assert client.get_run(left_over.info.run_id).info.lifecycle_stage == "deleted"
    told = str(logged.data.tags) + str(logged.data.params)
    assert str(store.artifacts.parent) not in told
    assert "/" not in logged.data.tags["mlflow.source.name"]


def test_an_atlas_is_logged_by_its_name_and_not_by_its_place(store):
    recipe = Recipe.model_validate({"analysis": {"atlas": "/home/someone/atlases/own_dseg.nii.gz"}})
    assert tracking._without_folders(recipe.model_dump())["analysis"]["atlas"] == "own_dseg.nii.gz"
    settings = {"analysis.atlas": recipe.analysis.atlas}
    checklist = {"recipe": recipe.model_dump(mode="json"), "stages": {"analyse": {"settings": settings}}}
    kept = tracking._without_places_and_people(checklist)
    assert "someone" not in str(kept)
    assert "own_dseg.nii.gz" in str(kept["stages"])


def test_two_output_dirs_in_one_process_have_a_store_and_a_registry_each(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    for lab in ("one", "two"):
        client = tracking.find_store(tmp_path / lab / "out").client()
        client.create_registered_model("the same name")
        assert (tmp_path / lab / "mlflow.db").is_file()


def test_a_refusing_store_is_a_readable_error(store):
    with pytest.raises(tracking.InputError, match="MLflow store"), tracking.readable_errors(store):
        store.client().get_run("0" * 32)


def test_the_mlflow_folder_holds_configuration_only_and_hides_nothing(monkeypatch):
    folder = ROOT / "mlflow"
    assert (folder / "README.md").is_file()
    assert not list(folder.rglob("*.py"))
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    spec = importlib.util.find_spec("mlflow")
    assert spec is not None
    assert spec.origin is not None
    assert not Path(spec.origin).is_relative_to(folder)
