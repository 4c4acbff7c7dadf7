"""Stage: results in, report.html, MLflow run and registered model out."""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.io import fingerprint, read_tsv
from adhd_cvae.names import BACKGROUND, SALIENT, column_names, units_in
from pipelines.mlflow_tracking.summary import _profile, content_fingerprint, scores, tags, title
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.provenance import Provenance, checksums
from pipelines.output_dir.run import Run
from pipelines.progress import Tick

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as StoredRun

    from pipelines.mlflow_tracking.promotion import Standing


@dataclass(frozen=True)
class Published:
    """Where the results can be looked at and the model be loaded from.

    Attributes
    ----------
    version
        Of the registered model; None where there is no trained model.
    standing
        Who is champion now.
    """

    store: str
    run_name: str
    run_id: str
    version: str | None = None
    standing: "Standing | None" = None

    @property
    def model(self) -> str | None:
        """The URI that loads this version."""
        return None if self.version is None else f"models:/adhd-cvae/{self.version}"

    def __str__(self) -> str:
        """Say it in lines for a terminal."""
        return f"MLflow store     {self.store}\nMLflow run       {self.run_name}\nRegistered model {self._model()}"

    def _model(self) -> str:
        if self.standing is None:
            return "none (no trained model in this OUTPUT_DIR)"
        if self.standing.champion == self.version:
            note = f"\n                 {self.standing.note}" if self.standing.note else ""
            return f"{self.model} (models:/adhd-cvae@champion){note}"
        return f"{self.model} (champion stays version {self.standing.champion}; `publish --promote` compares them)"


def run(run: Run, *, promote: bool = False, name: str | None = None, register: bool = True) -> Published:
    """Write the report, then log the run and register the model; results already published stay one run.

    The model becomes the champion by the rule of `pipelines.mlflow_tracking.promotion`. `name` is the run's, by
    default `title`.

    Raises
    ------
    InputError
        There are no results yet, the MLflow store refuses, or promotion was asked for and is refused.
    """
    paths, recipe, progress = run.paths, run.recipe, run.progress
    if not paths.latents.is_file() or not paths.analysis.is_dir():
        raise InputError(
            f"{paths.folder} holds no results to publish. Run `adhd-cvae analyse {paths.folder}` first."
        )
    from pipelines.output_dir.results import Results
    from pipelines.report.page import write_report

    with progress.bar("Writing the report") as tick:
        tick(0, 1, "")
        write_report(Results(paths.folder))
        tick(1, 1, "")
    started = time.monotonic()
    published = _log(run, name or title(paths, recipe), register=register)
    Provenance.open(paths).note(
        published={
            "run_id": published.run_id,
            "run_name": published.run_name,
            "model": published.model,
            "seconds": round(time.monotonic() - started, 2),
        }
    )
    return _settle(paths, published, promote=promote)


def _settle(paths: OutputPaths, published: Published, *, promote: bool) -> Published:
    """Decide who is champion."""
    from pipelines.mlflow_tracking import promotion
    from pipelines.mlflow_tracking import store as tracking

    if published.version is None:
        if promote:
            raise InputError(f"{paths.folder} holds no trained model, so there is nothing to promote.")
        return published
    store = tracking.find_store(paths.folder)
    with tracking.readable_errors(store):
        standing = promotion.settle(store.client(), published.version, promote)
    return replace(published, standing=standing)


def _log(run: Run, name: str, *, register: bool) -> Published:
    """Log everything unless the store holds a finished run of the same content."""
    from pipelines.mlflow_tracking import model_registry, runs, streaming
    from pipelines.mlflow_tracking import store as tracking

    paths, recipe, progress = run.paths, run.recipe, run.progress
    store = tracking.find_store(paths.folder)
    content = content_fingerprint(paths, recipe)
    training = streaming.token(paths)
    streaming.wait_for_last_attempt()
    with tracking.readable_errors(store), progress.bar("Logging to MLflow") as tick:
        tick(0, 4, "opening the store")
        client = store.client()
        for stored in runs.find_runs(client, runs.CONTENT_TAG, content):
            if stored.info.status == "FINISHED":
                version = model_registry.version_of(client, stored)
                return Published(store.shown, stored.info.run_name or name, stored.info.run_id, version)
        own = {**tags(recipe, Provenance.open(paths).content), runs.CONTENT_TAG: content}
        unless = {runs.CONTENT_TAG: content, **({runs.TRAINING_TAG: training} if training else {})}
        stored = runs.start_run(client, store, name, own, unless)
        with runs.ending(client, stored):
            _log_results(paths, recipe, client, stored, tick)
            tick(3, 4, "model")
            version = model_registry.version_of(client, stored)
            if version is None and register:
                version = _register(paths, recipe, client, stored)
        tick(4, 4, "")
    return Published(store.shown, name, stored.info.run_id, version)


def _log_results(
    paths: OutputPaths, recipe: Recipe, client: "MlflowClient", run: "StoredRun", tick: Tick
) -> None:
    """Log settings, losses, scores, dataset, tables and figures."""
    from pipelines.mlflow_tracking import metrics, runs

    record, cohort, run_id = Provenance.open(paths).content, read_tsv(paths.cohort), run.info.run_id
    now = int(time.time() * 1000)
    tick(1, 4, "settings and losses")
    runs.log_recipe(client, run_id, recipe)
    if paths.history.is_file():
        metrics.log_history(client, run_id, read_tsv(paths.history), now)
    metrics.log_scores(client, run_id, scores(paths, record), now)
    digest = fingerprint(checksums(paths, paths.cohort, paths.manifest))
    runs.log_dataset(client, run_id, record.get("dataset", "cohort"), digest, _profile(cohort))
    tick(2, 4, "tables and figures")
    runs.log_files(client, run_id, paths)


def _register(paths: OutputPaths, recipe: Recipe, client: "MlflowClient", run: "StoredRun") -> str | None:
    """Register the contrastive model where there is one; return its version."""
    from pipelines.mlflow_tracking import model_registry
    from pipelines.mlflow_tracking.model_card import model_card

    weights = paths.cvae.with_suffix(".safetensors")
    if not weights.is_file():
        return None
    if not paths.reference.is_file():
        raise InputError(
            f"{paths.reference} is missing: these latents were made by an earlier version. Delete "
            f"{paths.latents} and run `adhd-cvae embed {paths.folder}` again."
        )
    latents = list(read_tsv(paths.latents))
    salient, background = (len(units_in(latents, space)) for space in (SALIENT, BACKGROUND))
    artifacts = {"weights": weights, "config": paths.cvae.with_suffix(".json"), "reference": paths.reference}
    record = Provenance.open(paths).content
    card = model_card(recipe, record, read_tsv(paths.cohort), scores(paths, record))
    columns = column_names(salient, background)
    return model_registry.register(client, run, artifacts, columns, card, tags(recipe, record))
