"""MLflow runs: started, found, filled and ended."""

import json
import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Param, Run
from mlflow.exceptions import MlflowException

from adhd_cvae.errors import InputError
from pipelines.mlflow_tracking.metrics import log_scores
from pipelines.mlflow_tracking.privacy import public_checklist
from pipelines.mlflow_tracking.store import EXPERIMENT, Store, find_store, readable_errors
from pipelines.output_dir.results import Results
from pipelines.output_dir.tables import ANALYSIS
from pipelines.recipes.differences import NAME, compared

RECIPE = "recipe.yaml"
"""Artifact with every setting."""
PARENT_TAG = "mlflow.parentRunId"
CONTENT_TAG = "adhd_cvae.content"
"""Which results a run holds."""
TRAINING_TAG = "adhd_cvae.training"
"""Which training a run follows."""
_NOTE = Path(__file__).with_name("experiment.md").read_text(encoding="utf-8")
_SHOWN_AS = {"mlflow.experimentKind": "custom_model_development", "mlflow.note.content": _NOTE}
"""Makes the UI open on runs and losses instead of language-model traces, and explain them."""
_IN_TRAINING = "?workflowType=machine_learning"
"""Ends an address of the UI: its mode for training, which is not its default."""
_LONGEST_PARAMETER = 6000
"""MLflow cuts longer ones."""


def start_run(
    client: MlflowClient, store: Store, name: str, tags: dict[str, str], unless: dict[str, str] | None = None
) -> Run:
    """Make a run, or go on with the one that bears a tag of `unless`, so that nothing is there twice.

    It is a child of the run that MLFLOW_RUN_ID names, as `mlflow run`, or whoever sweeps over settings, sets it.
    """
    own = {"mlflow.source.name": "adhd-cvae", "mlflow.source.type": "LOCAL", **tags}
    if parent := os.environ.get("MLFLOW_RUN_ID"):
        own[PARENT_TAG] = parent
    experiment = _experiment(client, store)
    for tag, value in (unless or {}).items():
        for run in find_runs(client, tag, value):
            if run.data.tags.get(CONTENT_TAG) in (None, tags.get(CONTENT_TAG)):
                client.update_run(run.info.run_id, status="RUNNING", name=name)
                for key, text in own.items():
                    client.set_tag(run.info.run_id, key, text)
                return run
    return client.create_run(experiment, run_name=name, tags=own)


@contextmanager
def ending(client: MlflowClient, run: Run) -> Iterator[None]:
    """End the run with the block: finished, failed, or killed where it was interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        client.set_terminated(run.info.run_id, "KILLED")
        raise
    except BaseException:
        client.set_terminated(run.info.run_id, "FAILED")
        raise
    client.set_terminated(run.info.run_id)


def nest(output_dir: Path, parent: str, children: list[str], seeds: list[int]) -> None:
    """Show the runs `children` of single seeds below `parent`, that of their average, in the store of `output_dir`."""
    store = find_store(output_dir)
    with readable_errors(store):
        client = store.client()
        client.set_tag(parent, "seed", ", ".join(map(str, seeds)))
        for child in children:
            client.set_tag(child, PARENT_TAG, parent)


def find_runs(client: MlflowClient, tag: str, value: str) -> list[Run]:
    """List the runs that bear a tag."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return []
    return list(client.search_runs([experiment.experiment_id], f"tags.`{tag}` = '{value}'"))


def log_settings(client: MlflowClient, run_id: str, settings: dict[str, Any]) -> None:
    """Log the settings one would compare as flat parameters, and all of a recipe as ``recipe.yaml``."""
    client.log_batch(run_id, params=parameters(compared(settings)))
    client.log_text(run_id, yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), RECIPE)


def parameters(settings: dict[str, Any]) -> list[Param]:
    """Turn flat settings into parameters, but for those too long for MLflow."""
    # Beside `objective.name`, "name" alone would say nothing.
    settings = {"recipe" if key == NAME else key: value for key, value in settings.items()}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in settings.items()}
    return [Param(key, text) for key, text in texts.items() if len(text) <= _LONGEST_PARAMETER]


def log_dataset(client: MlflowClient, run_id: str, name: str, digest: str, profile: dict[str, Any]) -> None:
    """Log which data the run saw: a name, a digest and counts, never where it lies on the disk."""
    dataset = Dataset(
        name=name,
        digest=digest[:36],
        source_type="local",
        source=json.dumps({"dataset": name}),
        profile=json.dumps(profile),
    )
    inputs = [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])]
    try:
        client.log_inputs(run_id, inputs)
    except MlflowException as error:
        if error.error_code != "BAD_REQUEST":  # the database's "not unique": another process was faster
            raise
        client.log_inputs(run_id, inputs)


def log_files(client: MlflowClient, run_id: str, results: Results) -> None:
    """Keep tables, pictures, report and reproducibility checklist with the run; nothing that names a participant."""
    paths = results.paths
    nobody = [paths.table(name) for name, table in ANALYSIS.items() if "participant_id" not in table.columns]
    for table in (*sorted(nobody), paths.stability, paths.seed_scores):
        if table.is_file():
            client.log_artifact(run_id, str(table), "tables")
    if paths.figures.is_dir():
        client.log_artifacts(run_id, str(paths.figures), "figures")
    for file in (paths.report, paths.history):
        if file.is_file():
            client.log_artifact(run_id, str(file))
    client.log_dict(run_id, public_checklist(results), "run.json")


def log_folds(
    client: MlflowClient, parent: Run, scores: dict[int, dict[str, float]], tags: dict[str, str]
) -> None:
    """Show what each fold's models do for those they have not met as children of the results' run."""
    now = int(time.time() * 1000)
    for fold, values in scores.items():
        content = f"{tags[CONTENT_TAG]}/fold-{fold}"
        own = {**tags, CONTENT_TAG: content, PARENT_TAG: parent.info.run_id, "fold": str(fold)}
        found = find_runs(client, CONTENT_TAG, content)
        run = (
            found[0]
            if found
            else client.create_run(parent.info.experiment_id, run_name=f"fold {fold}", tags=own)
        )
        log_scores(client, run.info.run_id, values, now)
        client.set_terminated(run.info.run_id)


def run_page(store: Store, run: Run, folder: Path) -> str:
    """Say where a run can be looked at: the address of a server, or what serves the store of a folder, and there."""
    page = f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}{_IN_TRAINING}"
    if store.uri.startswith("http"):
        return f"{store.shown.rstrip('/')}/{page}"
    return f"adhd-cvae ui {shlex.quote(str(folder))}, then http://127.0.0.1:5000/{page}"


def experiment_page(store: Store) -> str:
    """Name the UI's page of our runs, in the UI's mode for training, which is not its default; empty where none is."""
    with readable_errors(store):
        found = store.client().get_experiment_by_name(EXPERIMENT)
    return f"#/experiments/{found.experiment_id}/runs{_IN_TRAINING}" if found else ""


def _experiment(client: MlflowClient, store: Store) -> str:
    """Find or make the experiment, its artifacts in a stated place and not in the current folder."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        location = store.artifacts.as_uri() if store.artifacts is not None else None
        try:
            return client.create_experiment(EXPERIMENT, artifact_location=location, tags=_SHOWN_AS)
        except MlflowException:  # another process was faster
            found = client.get_experiment_by_name(EXPERIMENT)
            if found is None:
                raise
    if found.lifecycle_stage != "active":
        raise InputError(
            f"the MLflow experiment '{EXPERIMENT}' of {store.shown} was deleted. Restore it with "
            f"`mlflow experiments restore -x {found.experiment_id}`, or use another store."
        )
    return found.experiment_id
