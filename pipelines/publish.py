"""Stage: results in, report.html, MLflow run and registered model out."""

import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.files import fingerprint, read_tsv
from pipelines.paths import OutputPaths
from pipelines.progress import Progress, Tick
from pipelines.record import RunRecord, checksums

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from pipelines.promotion import Standing


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


def run(
    paths: OutputPaths,
    recipe: Recipe,
    progress: Progress,
    overwrite: bool = False,
    promote: bool = False,
    name: str | None = None,
    register: bool = True,
) -> Published:
    """Write the report, then log the run and register the model; results already published stay one run.

    The model becomes the champion by the rule of `pipelines.promotion`. `name` is the run's, by default `title`.

    Raises
    ------
    InputError
        There are no results yet, the MLflow store refuses, or promotion was asked for and is refused.
    """
    if not paths.latents.is_file() or not paths.analysis.is_dir():
        raise InputError(
            f"{paths.folder} holds no results to publish. Run `adhd-cvae analyse {paths.folder}` first."
        )
    from pipelines.reporting.report import write_report

    with progress.bar("Writing the report") as tick:
        tick(0, 1, "")
        write_report(paths.folder)
        tick(1, 1, "")
    started = time.monotonic()
    published = _log(paths, recipe, progress, name or title(paths, recipe), register)
    RunRecord.open(paths).note(
        published={
            "run_id": published.run_id,
            "run_name": published.run_name,
            "model": published.model,
            "seconds": round(time.monotonic() - started, 2),
        }
    )
    return _settle(paths, published, promote)


def _settle(paths: OutputPaths, published: Published, promote: bool) -> Published:
    """Decide who is champion."""
    from pipelines import promotion, tracking

    if published.version is None:
        if promote:
            raise InputError(f"{paths.folder} holds no trained model, so there is nothing to promote.")
        return published
    store = tracking.find_store(paths.folder)
    with tracking.readable_errors(store):
        standing = promotion.settle(store.client(), published.version, promote)
    return replace(published, standing=standing)


def _log(paths: OutputPaths, recipe: Recipe, progress: Progress, name: str, register: bool) -> Published:
    """Log everything unless the store holds a finished run of the same content."""
    from pipelines import live, registry, tracking

    store = tracking.find_store(paths.folder)
    content = content_fingerprint(paths, recipe)
    training = live.token(paths)
    live.wait_for_last_attempt()
    with tracking.readable_errors(store), progress.bar("Logging to MLflow") as tick:
        tick(0, 4, "opening the store")
        client = store.client()
        for run in tracking.find_runs(client, tracking.CONTENT_TAG, content):
            if run.info.status == "FINISHED":
                version = registry.version_of(client, run)
                return Published(store.shown, run.info.run_name or name, run.info.run_id, version)
        own = {**tags(recipe, RunRecord.open(paths).content), tracking.CONTENT_TAG: content}
        unless = {tracking.CONTENT_TAG: content, **({tracking.TRAINING_TAG: training} if training else {})}
        run = tracking.start_run(client, store, name, own, unless)
        with tracking.ending(client, run):
            _log_results(paths, recipe, client, run, tick)
            tick(3, 4, "model")
            version = registry.version_of(client, run)
            if version is None and register:
                version = _register(paths, recipe, client, run)
        tick(4, 4, "")
    return Published(store.shown, name, run.info.run_id, version)


def _log_results(paths: OutputPaths, recipe: Recipe, client: "MlflowClient", run: "Run", tick: Tick) -> None:
    """Log settings, losses, scores, dataset, tables and figures."""
    from pipelines import metrics, tracking

    record, cohort, run_id = RunRecord.open(paths).content, read_tsv(paths.cohort), run.info.run_id
    now = int(time.time() * 1000)
    tick(1, 4, "settings and losses")
    tracking.log_recipe(client, run_id, recipe)
    if paths.history.is_file():
        metrics.log_history(client, run_id, read_tsv(paths.history), now)
    metrics.log_scores(client, run_id, scores(paths, record), now)
    digest = fingerprint(checksums(paths, paths.cohort, paths.manifest))
    tracking.log_dataset(client, run_id, record.get("dataset", "cohort"), digest, _profile(cohort))
    tick(2, 4, "tables and figures")
    tracking.log_files(client, run_id, paths)


def content_fingerprint(paths: OutputPaths, recipe: Recipe) -> str:
    """Name a set of results by its content: recipe, latents, weights and tables."""
    tables = sorted(paths.analysis.glob("*.tsv"))
    weights = paths.cvae.with_suffix(".safetensors")
    files = (paths.cohort, paths.latents, paths.draws, weights, paths.reference, *tables)
    files += (paths.stability, paths.seed_scores)
    return fingerprint({"recipe": recipe.model_dump(mode="json"), "files": checksums(paths, *files)})


def scores(paths: OutputPaths, record: dict) -> dict[str, float]:
    """Collect what a person compares runs by: metric name to value."""
    found: dict[str, float] = {}
    for table, prefix, keys, value in (
        ("recovery", "recovery", ("factor", "space", "split", "metric"), "score"),
        ("rsa", "tau", ("space", "variable"), "tau"),
        ("silhouette", "silhouette", ("space", "variable"), "silhouette"),
        ("probes", "leakage", ("space", "target", "probe", "metric"), "score"),
    ):
        rows = read_tsv(paths.table(table)).to_dict("records") if paths.table(table).is_file() else []
        for row in rows:
            found["/".join([prefix, *(str(row[key]) for key in keys)])] = float(row[value])
    found |= promotion_numbers(paths)
    if paths.distances.is_file():
        distances = read_tsv(paths.distances)
        for split in distances["split"].unique():
            flags = distances.loc[distances["split"] == split, "out_of_distribution"]
            found[f"out_of_distribution/{split}"] = float(flags.mean())
    if paths.history.is_file():
        trained = read_tsv(paths.history).query("epoch > 0")
        medians = pd.DataFrame(trained.groupby("model", as_index=False)["seconds"].median())
        for row in medians.to_dict("records"):
            found[f"seconds/epoch/{row['model']}"] = float(row["seconds"])
    if paths.stability.is_file():
        pairs = read_tsv(paths.stability)
        means = pd.DataFrame(pairs.groupby(["space", "split"], as_index=False)["r"].mean())
        for row in means.to_dict("records"):
            found[f"stability/{row['space']}/{row['split']}"] = float(row["r"])
    if "peak_memory_mb" in record:
        found["memory/peak_mb"] = record["peak_memory_mb"]
    for stage, facts in record.get("stages", {}).items():
        if "seconds" in facts:
            found[f"seconds/{stage}"] = facts["seconds"]
    return found


def promotion_numbers(paths: OutputPaths) -> dict[str, float]:
    """Numbers that two versions of the model are compared by, where there is a model."""
    from pipelines.promotion import promotion_scores

    if not paths.decoded.is_file() or not paths.table("probes").is_file():
        return {}
    with np.load(paths.decoded, allow_pickle=False) as decoded:
        errors = pd.DataFrame(
            {name: decoded[name] for name in ("participant_id", "reconstruction_error") if name in decoded}
        )
    splits = read_tsv(paths.cohort)[["participant_id", "split"]]
    return promotion_scores(splits.merge(errors, on="participant_id"), read_tsv(paths.table("probes")))


def title(paths: OutputPaths, recipe: Recipe, seeds: str | None = None) -> str:
    """Name a run so that a stranger can tell it from its neighbours; what differs first, since the UI cuts names."""
    which = seeds or f"seed {recipe.seed}"
    return f"{recipe.objective.name} {which}, {recipe.name}, {len(read_tsv(paths.cohort))} participants"


def tags(recipe: Recipe, record: dict) -> dict[str, str]:
    """Say what a person filters runs by."""
    from pipelines.tracking import git_commit

    commit = git_commit()
    return {
        "recipe": recipe.name,
        "objective": recipe.objective.name,
        "seed": str(recipe.seed),
        "dataset": str(record.get("dataset", "cohort")),
        "device": str(record.get("device", "unknown")),
        **({"mlflow.source.git.commit": commit} if commit else {}),
    }


def _profile(cohort: pd.DataFrame) -> dict[str, int]:
    counts = Counter(
        f"{group} {split}" for group, split in zip(cohort["group"], cohort["split"], strict=True)
    )
    return {"participants": len(cohort), **counts}


def _register(paths: OutputPaths, recipe: Recipe, client: "MlflowClient", run: "Run") -> str | None:
    """Register the contrastive model where there is one; return its version."""
    from pipelines import registry
    from pipelines.card import model_card

    weights = paths.cvae.with_suffix(".safetensors")
    if not weights.is_file():
        return None
    if not paths.reference.is_file():
        raise InputError(
            f"{paths.reference} is missing: these latents were made by an earlier version. Delete "
            f"{paths.latents} and run `adhd-cvae embed {paths.folder}` again."
        )
    from adhd_cvae.prediction import column_names

    latents = list(read_tsv(paths.latents))
    salient, background = (sum(name.startswith(prefix) for name in latents) for prefix in ("s_", "z_"))
    artifacts = {"weights": weights, "config": paths.cvae.with_suffix(".json"), "reference": paths.reference}
    record = RunRecord.open(paths).content
    card = model_card(recipe, record, read_tsv(paths.cohort), scores(paths, record))
    columns = column_names(salient, background)
    return registry.register(client, run, artifacts, columns, card, tags(recipe, record))
