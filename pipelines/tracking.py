"""MLflow: where the store is, one named run per set of results, one registered model."""

import json
import logging
import math
import os
import re
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import pandas as pd
from mlflow import MlflowClient, set_registry_uri, set_tracking_uri
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run
from mlflow.exceptions import MlflowException

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.files import read_json, read_tsv
from pipelines.paths import OutputPaths
from pipelines.settings import flatten

# MLflow warns of the type hints of its own classes when they are first used; nobody here can change them.
warnings.filterwarnings("ignore", message=".*type hint", category=UserWarning)

EXPERIMENT = "adhd-cvae"
CONTENT_TAG = "adhd_cvae.content"
_SHOWN_AS = {"mlflow.experimentKind": "custom_model_development"}
"""Makes the UI open on runs and losses instead of language-model traces."""
_LONGEST_PARAMETER = 6000
"""MLflow cuts longer ones."""
EPOCH_METRICS = {
    "train_loss": "loss_training",
    "validation_loss": "loss_validation",
    "reconstruction": "unexplained_training",
    "validation_reconstruction": "unexplained_validation",
    "kl_salient": "kl_salient",
    "kl_background": "kl_background",
    "total_correlation": "total_correlation",
    "background_salient": "salient_of_controls",
    "background_spread": "salient_spread_of_controls",
    "mmd_background": "mmd_background",
    "mmd_salient": "mmd_salient",
    "hsic": "hsic",
    "classification": "classification",
    "active_salient": "active_units_salient",
    "active_background": "active_units_background",
    "critic_loss": "critic_loss",
    "critic_accuracy": "critic_accuracy",
    "seconds": "seconds_per_epoch",
}
"""Column of history.tsv to the metric's name in MLflow, after ``cvae/`` or ``vae/``."""


@dataclass(frozen=True)
class Store:
    """A tracking store.

    Attributes
    ----------
    uri
        What MLflow calls the tracking URI.
    artifacts
        Folder of artifacts, stated explicitly for sqlite; None where a server decides.
    """

    uri: str
    artifacts: Path | None

    @property
    def database(self) -> Path | None:
        """The sqlite file; None for a server."""
        return Path(self.uri.removeprefix("sqlite:///")) if self.uri.startswith("sqlite:///") else None

    def client(self) -> MlflowClient:
        """Connect, making an sqlite store where there is none yet."""
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        if self.database is not None:
            self.database.parent.mkdir(parents=True, exist_ok=True)
        registry = os.environ.get("MLFLOW_REGISTRY_URI", self.uri)
        # `models:/` addresses are resolved in the process's own store, whatever store the client was given.
        with _environment_kept():
            set_tracking_uri(self.uri)
            set_registry_uri(registry)
        return MlflowClient(self.uri, registry_uri=registry)


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Undo what MLflow sets in the environment: this store is not the user's choice for the next OUTPUT_DIR."""
    names = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def find_store(output_dir: Path) -> Store:
    """Locate the store: ``MLFLOW_TRACKING_URI``, else sqlite in the folder that holds `output_dir`."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        uri = f"sqlite:///{output_dir.resolve().parent / 'mlflow.db'}"
    if uri.startswith("sqlite:///"):
        database = Path(uri.removeprefix("sqlite:///")).resolve()
        return Store(f"sqlite:///{database}", database.parent / "mlflow-artifacts")
    return Store(uri, None)


@contextmanager
def readable_errors(store: Store) -> Iterator[None]:
    """Turn what MLflow raises into one line that names the store."""
    try:
        yield
    except MlflowException as error:
        first_line = str(error).splitlines()[0]
        raise InputError(
            f"the MLflow store {store.uri} refuses: {first_line} Set MLFLOW_TRACKING_URI to another one, or "
            "make this one writable, and call publish again; nothing else is lost."
        ) from error


def start_run(client: MlflowClient, store: Store, name: str, content: str, tags: dict[str, str]) -> Run:
    """Start the one run that holds `content`, putting aside what an interrupted attempt left."""
    experiment = _experiment(client, store)
    for left_over in find_runs(client, content):
        client.delete_run(left_over.info.run_id)
    own = {"mlflow.source.name": "adhd-cvae publish", "mlflow.source.type": "LOCAL", CONTENT_TAG: content}
    return client.create_run(experiment, run_name=name, tags={**tags, **own})


@contextmanager
def ending(client: MlflowClient, run: Run) -> Iterator[None]:
    """End the run with the block: finished, failed, or killed where a person interrupted it."""
    try:
        yield
    except KeyboardInterrupt:
        client.set_terminated(run.info.run_id, "KILLED")
        raise
    except BaseException:
        client.set_terminated(run.info.run_id, "FAILED")
        raise
    client.set_terminated(run.info.run_id)


def find_runs(client: MlflowClient, content: str, finished: bool | None = False) -> list[Run]:
    """List the runs that hold `content`, finished or interrupted."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return []
    runs = client.search_runs([experiment.experiment_id], f"tags.`{CONTENT_TAG}` = '{content}'")
    return [run for run in runs if (run.info.status == "FINISHED") == finished]


def log_recipe(client: MlflowClient, run_id: str, recipe: Recipe) -> None:
    """Log every setting as a flat parameter; values too long for MLflow are in recipe.json alone."""
    plain = _without_folders(recipe.model_dump(mode="json"))
    params = []
    for key, value in flatten(plain).items():
        text = value if isinstance(value, str) else json.dumps(value)
        if len(text) <= _LONGEST_PARAMETER:
            params.append(Param(key, text))
    client.log_batch(run_id, params=params)
    client.log_dict(run_id, plain, "recipe.json")


def log_history(client: MlflowClient, run_id: str, history: pd.DataFrame, ended_ms: int) -> None:
    """Log the losses of every epoch, under the time they were reached counting back from `ended_ms`."""
    seconds = history["seconds"].fillna(0).to_numpy(dtype=float)
    remaining = seconds[::-1].cumsum()[::-1] - seconds
    metrics = [
        Metric(f"{row['model']}/{name}", float(row[column]), int(ended_ms - 1000 * left), int(row["epoch"]))
        for row, left in zip(history.to_dict("records"), remaining, strict=True)
        for column, name in EPOCH_METRICS.items()
        if not math.isnan(row.get(column, math.nan))
    ]
    _log_metrics(client, run_id, metrics)


def log_scores(client: MlflowClient, run_id: str, scores: dict[str, float], time_ms: int) -> None:
    """Log final scores; names are made fit for MLflow, missing values are left out."""
    metrics = [
        Metric(metric_name(name), value, time_ms, 0)
        for name, value in scores.items()
        if not math.isnan(value)
    ]
    _log_metrics(client, run_id, metrics)


def metric_name(text: str) -> str:
    """Replace what MLflow forbids in a metric's name by ``-``."""
    return re.sub(r"[^\w\-./ :]", "-", text)


def log_dataset(client: MlflowClient, run_id: str, name: str, digest: str, profile: dict[str, Any]) -> None:
    """Log which data the run saw: a name, a digest and counts, never where it lies on the disk."""
    dataset = Dataset(
        name=name,
        digest=digest[:36],
        source_type="local",
        source=json.dumps({"dataset": name}),
        profile=json.dumps(profile),
    )
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def log_files(client: MlflowClient, run_id: str, paths: OutputPaths) -> None:
    """Keep tables, pictures, report and reproducibility checklist with the run; nothing that names a participant."""
    for table in sorted(paths.analysis.glob("*.tsv")):
        if "participant_id" not in read_tsv(table):
            client.log_artifact(run_id, str(table), "tables")
    if paths.figures.is_dir():
        client.log_artifacts(run_id, str(paths.figures), "figures")
    for file in (paths.report, paths.history):
        if file.is_file():
            client.log_artifact(run_id, str(file))
    client.log_dict(run_id, _without_places_and_people(read_json(paths.run_record)), "run.json")


def _without_places_and_people(checklist: dict[str, Any]) -> dict[str, Any]:
    """Leave out where the data lie, even relative, and who was picked: nobody's business but the lab's."""
    kept = {key: value for key, value in checklist.items() if key != "bids_dir"}
    kept["recipe"] = _without_folders(kept.get("recipe", {}))
    analysed = kept.get("stages", {}).get("analyse", {}).get("settings", {})
    if atlas := analysed.get("analysis.atlas"):
        analysed["analysis.atlas"] = Path(atlas).name
    prepared = kept.get("stages", {}).get("prepare", {}).get("settings", {})
    prepared.pop("BIDS_DIR", None)
    prepared.pop("--participant-label", None)
    return kept


def _without_folders(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe that names the atlas' file, not where it lies."""
    analysis = recipe.get("analysis", {})
    atlas = analysis.get("atlas")
    return recipe if atlas is None else {**recipe, "analysis": {**analysis, "atlas": Path(atlas).name}}


def git_commit() -> str | None:
    """Name the commit this software runs from; None where it is an installed package."""
    here = Path(__file__)
    tracked = ["git", "-C", str(here.parent), "ls-files", "--error-unmatch", here.name]
    commit = ["git", "-C", str(here.parent), "rev-parse", "HEAD"]
    try:
        subprocess.run(tracked, check=True, capture_output=True)
        return subprocess.run(commit, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


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
            f"the MLflow experiment '{EXPERIMENT}' of {store.uri} was deleted. Restore it with "
            f"`mlflow experiments restore -x {found.experiment_id}`, or use another store."
        )
    return found.experiment_id


def _log_metrics(client: MlflowClient, run_id: str, metrics: list[Metric]) -> None:
    for start in range(0, len(metrics), 1000):  # the most MLflow takes at once
        client.log_batch(run_id, metrics=metrics[start : start + 1000])
