"""Publishing results: one MLflow run of them, their model registered, and the champion chosen."""

import re
import time
from dataclasses import dataclass, replace

from mlflow import MlflowClient
from mlflow.entities import Run

from adhd_cvae.errors import InputError
from adhd_cvae.names import BACKGROUND, KNOWN_SITE, SALIENT, column_names, units_in
from pipelines.mlflow_tracking import metrics, model_registry, promotion, runs, streaming
from pipelines.mlflow_tracking.model_card import model_card
from pipelines.mlflow_tracking.store import find_store, readable_errors
from pipelines.mlflow_tracking.summary import RunSummary, fold_scores
from pipelines.progress import Progress, Tick

_SORTED_BY = re.compile(
    r"separation/(salient|background)|out_of_fold/[^/]*|recovery/.*/salient/out_of_fold/r"
)
"""Metrics that the page of models shows, without the ends of their intervals."""


@dataclass(frozen=True)
class Published:
    """Where the results can be looked at and the model be loaded from.

    Attributes
    ----------
    version
        Of the registered model; None where there is no trained model.
    champion
        The champion now; None where there is no trained model.
    page
        Where the run can be looked at.
    """

    store: str
    run_name: str
    run_id: str
    version: str | None = None
    champion: promotion.Champion | None = None
    page: str = ""

    @property
    def model(self) -> str | None:
        """The URI that loads this version."""
        return None if self.version is None else f"models:/{model_registry.NAME}/{self.version}"

    def __str__(self) -> str:
        """Lines for a terminal."""
        return (
            f"MLflow store     {self.store}\nMLflow run       {self.run_name}\n"
            f"Look at it       {self.page}\nRegistered model {self._model()}"
        )

    def _model(self) -> str:
        if self.champion is None:
            return "none (no trained model in this OUTPUT_DIR)"
        if self.champion.version == self.version:
            note = f"\n                 {self.champion.note}" if self.champion.note else ""
            return f"{self.model} (models:/{model_registry.NAME}@{model_registry.ALIAS}){note}"
        return f"{self.model} (champion stays version {self.champion.version}; `publish --promote` compares them)"


def log_results(summary: RunSummary, name: str, progress: Progress, *, register: bool = True) -> Published:
    """Log everything as a run of this name, unless the store holds a finished run of the same content.

    Raises
    ------
    InputError
        The store refuses.
    """
    paths = summary.results.paths
    store, training = find_store(paths.folder), streaming.training_id(paths.checkpoints)
    streaming.wait_for_last_attempt()
    with readable_errors(store), progress.bar("Logging to MLflow") as tick:
        tick(0, 4, "opening the store")
        client = store.client()
        for run in runs.find_runs(client, runs.CONTENT_TAG, summary.content):
            if run.info.status == "FINISHED":
                version = model_registry.version_of(client, run)
                page = runs.run_page(store, run, paths.folder)
                return Published(store.shown, run.info.run_name or name, run.info.run_id, version, page=page)
        unless = {runs.CONTENT_TAG: summary.content, **({runs.TRAINING_TAG: training} if training else {})}
        tags = {**summary.tags(), runs.CONTENT_TAG: summary.content, **_note(summary)}
        run = runs.start_run(client, store, name, tags, unless)
        with runs.ending(client, run):
            _fill(client, run, summary, tick)
            tick(3, 4, "model")
            version = model_registry.version_of(client, run)
            if version is None and register:
                version = _register(client, run, summary)
        tick(4, 4)
    page = runs.run_page(store, run, paths.folder)
    return Published(store.shown, name, run.info.run_id, version, page=page)


def choose_champion(summary: RunSummary, published: Published, *, promote: bool) -> Published:
    """Make the version just published the champion where there is none, or where `promote` asks and it is better.

    Raises
    ------
    InputError
        It was asked for and refused, or there is no model.
    """
    folder = summary.results.paths.folder
    if published.version is None:
        if promote:
            raise InputError(f"{folder} holds no trained model, so there is nothing to promote.")
        return published
    store = find_store(folder)
    with readable_errors(store):
        champion = promotion.choose_champion(store.client(), published.version, promote=promote)
    return replace(published, champion=champion)


def _note(summary: RunSummary) -> dict[str, str]:
    """The run's description in the UI."""
    return {"mlflow.note.content": "\n\n".join(summary.answer)} if summary.answer else {}


def _fill(client: MlflowClient, run: Run, summary: RunSummary, tick: Tick) -> None:
    """Log settings, losses, scores, dataset, tables and figures; folds as children."""
    results, now, run_id = summary.results, int(time.time() * 1000), run.info.run_id
    tick(1, 4, "settings and losses")
    runs.log_settings(client, run_id, summary.settings)
    if results.history is not None:
        metrics.log_history(client, run_id, results.history, now)
    metrics.log_scores(client, run_id, summary.scores, now)
    runs.log_dataset(client, run_id, summary.dataset, summary.digest, summary.profile)
    tick(2, 4, "tables and figures")
    runs.log_files(client, run_id, results)
    runs.log_folds(client, run, fold_scores(results), {**summary.tags(), runs.CONTENT_TAG: summary.content})


def _register(client: MlflowClient, run: Run, summary: RunSummary) -> str | None:
    """Register the contrastive model where there is one; return its version."""
    from adhd_cvae.inference.adjustment import load_adjustment

    paths, latents = summary.results.paths, summary.results.latents
    weights = paths.cvae.with_suffix(".safetensors")
    if latents is None or not weights.is_file():
        return None
    if not paths.reference.is_file():
        raise InputError(
            f"{paths.reference} is missing: these latents were made by an earlier version. Delete "
            f"{paths.latents} and run `adhd-cvae embed {paths.folder}` again."
        )
    artifacts = {"weights": weights, "config": paths.cvae.with_suffix(".json"), "reference": paths.reference}
    *numbers, flag = column_names(*(len(units_in(latents, space)) for space in (SALIENT, BACKGROUND)))
    flags, needed = [flag], ()
    if (adjustment := load_adjustment(paths.adjustment)) is not None:
        artifacts |= {"adjustment": paths.adjustment.with_suffix(".safetensors")}
        artifacts |= {"adjustment_config": paths.adjustment.with_suffix(".json")}
        flags += [KNOWN_SITE] if adjustment.site is not None else []
        needed = adjustment.needed
    signature = model_registry.signature_of(numbers, flags, needed)
    logged = model_registry.log_model(client, run, artifacts, signature, _shown(client, run, summary))
    return model_registry.register(client, run, logged, model_card(summary), summary.tags())


def _shown(client: MlflowClient, run: Run, summary: RunSummary) -> model_registry.Shown:
    """How the model appears on the page of models: the run's name and parameters, and what models are sorted by."""
    known = client.get_run(run.info.run_id)
    tags = {name: text for name, text in summary.tags().items() if not name.startswith("mlflow.")}
    metrics = tuple(name for name in sorted(known.data.metrics) if _SORTED_BY.fullmatch(name))
    name = known.info.run_name or summary.title()
    return model_registry.Shown(name, known.data.params, tags, metrics, summary.dataset, summary.digest)
