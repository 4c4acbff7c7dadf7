"""Runs to be compared: of a store, by id or name, or an OUTPUT_DIR; read alike, and without any participant."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import yaml
from mlflow import MlflowClient
from mlflow.entities import Dataset, Run
from mlflow.exceptions import MlflowException

from adhd_cvae.errors import InputError
from adhd_cvae.io import copy, read_json
from pipelines.mlflow_tracking.runs import EXPERIMENT, RECIPE
from pipelines.mlflow_tracking.store import Store, find_store, readable_errors
from pipelines.mlflow_tracking.summary import RunSummary
from pipelines.output_dir.made_with import made_with
from pipelines.output_dir.provenance import Provenance, recipe_of
from pipelines.output_dir.results import FoundRun, Results
from pipelines.recipes.loader import flatten
from pipelines.recipes.renamed import recipe_of_today

_OF_0_1 = "recipe.json"
"""Where version 0.1 put every setting."""
_SHOWN = 5


@contextmanager
def found_runs(asked: Sequence[str]) -> Iterator[list[FoundRun]]:
    """Find runs, and have their files while the block runs.

    Parameters
    ----------
    asked
        Each an OUTPUT_DIR, or id or name of a run in the store of ``MLFLOW_TRACKING_URI``; without that in the one
        beside the first OUTPUT_DIR, or of the current folder.

    Raises
    ------
    InputError
        One is not there, not finished, of no results, or its name is that of several.
    """
    folders = [Path(one) for one in asked if Path(one).is_dir()]
    store = find_store(folders[0] if folders else Path("adhd-cvae"))
    with TemporaryDirectory() as scratch, readable_errors(store):
        yield [
            _of_folder(Path(one)) if Path(one).is_dir() else _of_store(store, one, Path(mkdtemp(dir=scratch)))
            for one in asked
        ]


def _of_folder(folder: Path) -> FoundRun:
    results = Results(folder)
    if not results.paths.analysis.is_dir() or results.cohort is None:
        raise InputError(f"{folder} holds no results to compare. Run `adhd-cvae analyse {folder}` first.")
    recipe = made_with(Provenance.open(results.paths), recipe_of(results.paths, None, None))
    summary = RunSummary(results, recipe)
    name, place = summary.title(), folder.resolve().name
    facts = (summary.dataset, summary.digest, summary.profile, summary.scores)
    return FoundRun(name, place, flatten(summary.settings), *facts, results)


def _of_store(store: Store, text: str, scratch: Path) -> FoundRun:
    if store.database is not None and not store.database.is_file():
        raise InputError(
            f"{text} is no folder, and there is no MLflow store at {store.database} to look for a run of that name. "
            "Set MLFLOW_TRACKING_URI, or name OUTPUT_DIRs."
        )
    client = store.client()
    run = _run_called(client, store, text)
    if run.info.status != "FINISHED":
        raise InputError(f"run {text} of {store.shown} is {run.info.status}, not FINISHED. Publish it first.")
    top = {file.path for file in client.list_artifacts(run.info.run_id)}
    if "tables" not in top or not {RECIPE, _OF_0_1} & top:
        raise InputError(
            f"run {text} of {store.shown} holds no results of a cohort. Expected one that `adhd-cvae publish` made, "
            "not of a single fold, of sensitivity or of a background."
        )
    results, settings = _downloaded(client, run.info.run_id, top, scratch)
    logged = run.inputs.dataset_inputs if run.inputs else []
    data = logged[0].dataset if logged else Dataset("cohort", "unknown", "", "")
    facts = (data.name, data.digest, json.loads(data.profile or "{}"), dict(run.data.metrics))
    return FoundRun(run.info.run_name or run.info.run_id, run.info.run_id, settings, *facts, results)


def _run_called(client: MlflowClient, store: Store, text: str) -> Run:
    """The run of an id, or the only one of a name."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    ids = [] if experiment is None else [experiment.experiment_id]
    quoted = text.replace("'", "")
    named = [one for one in client.search_runs(ids, f"attributes.run_name = '{quoted}'")] if ids else []
    if len(named) == 1:
        return named[0]
    if named:
        listed = ", ".join(one.info.run_id for one in named[:_SHOWN])
        raise InputError(f"{len(named)} runs of {store.shown} are called '{text}'. Give an id: {listed}.")
    try:
        return client.get_run(text)
    except MlflowException:
        raise InputError(
            f"'{text}' is neither a folder nor id or name of a run in {store.shown}. `adhd-cvae ui` shows both; "
            "MLFLOW_TRACKING_URI names another store."
        ) from None


def _downloaded(
    client: MlflowClient, run_id: str, top: set[str], scratch: Path
) -> tuple[Results, dict[str, Any]]:
    """A run's tables and figures where an OUTPUT_DIR has them, and its settings."""
    results = Results(scratch / "results")
    for name, folder in (("tables", results.paths.analysis), ("figures", results.paths.figures)):
        if name in top:
            for file in Path(client.download_artifacts(run_id, name, str(scratch))).iterdir():
                copy(file, folder / file.name)
    if RECIPE in top:
        text = Path(client.download_artifacts(run_id, RECIPE, str(scratch))).read_text(encoding="utf-8")
        settings = yaml.safe_load(text)
    else:
        settings = read_json(Path(client.download_artifacts(run_id, _OF_0_1, str(scratch))))
    return results, flatten(recipe_of_today(settings))
