"""Publishing what a cohort could have shown: a run of its own, below that of the cohort."""

import time
from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from adhd_cvae.io import fingerprint
from adhd_cvae.names import rows_of
from pipelines.mlflow_tracking import metrics, runs
from pipelines.mlflow_tracking.reference_model import shown_name
from pipelines.mlflow_tracking.store import find_store, readable_errors
from pipelines.output_dir.results import Results, SensitivityFacts
from pipelines.output_dir.tables import headlines
from pipelines.progress import Progress

_NOTE = "Known effects planted in the controls of a cohort, and nothing planted: what would have been found."


def publish_sensitivity(results: Results, progress: Progress) -> str:
    """Log ``sensitivity/``, unless that was done, as a child of the cohort's run; return the lines a terminal shows.

    Raises
    ------
    InputError
        The store refuses.
    """
    facts, paths = results.sensitivity, results.paths
    if facts is None:
        return ""
    store, tables = find_store(paths.folder), (paths.power, paths.smallest, paths.false_positives)
    content = fingerprint([facts, results.provenance.checksums(*tables)])
    name = f"sensitivity, {facts['n']} participants"
    with readable_errors(store), progress.bar("Logging to MLflow") as tick:
        tick(0, 1, "opening the store")
        client = store.client()
        tags = {runs.CONTENT_TAG: content, "mlflow.note.content": _NOTE, **_below(client, results)}
        done = [
            run for run in runs.find_runs(client, runs.CONTENT_TAG, content) if run.info.status == "FINISHED"
        ]
        if done:
            for tag, value in tags.items():
                client.set_tag(done[0].info.run_id, tag, value)
        else:
            run = runs.start_run(client, store, name, tags, {runs.CONTENT_TAG: content})
            with runs.ending(client, run):
                _fill(client, run.info.run_id, results, facts)
        tick(1, 1)
    return f"MLflow store     {store.shown}\nMLflow run       {name}"


def _below(client: MlflowClient, results: Results) -> dict[str, str]:
    """Tag that makes it a child of the cohort's run; none where that was not published, or in another store."""
    parent = results.run.get("published", {}).get("run_id")
    try:
        known = client.get_run(parent).info.lifecycle_stage == "active" if parent else False
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        known = False
    return {runs.PARENT_TAG: str(parent)} if known else {}


def _fill(client: MlflowClient, run_id: str, results: Results, facts: SensitivityFacts) -> None:
    public = {**facts, "references": [shown_name(one) for one in facts["references"]]}
    client.log_batch(run_id, params=runs.parameters({**_asked(results), **_flat(public)}))
    metrics.log_scores(client, run_id, _scores(results), int(time.time() * 1000))
    paths = results.paths
    for table in (paths.power, paths.smallest, paths.false_positives):
        if table.is_file():
            client.log_artifact(run_id, str(table), "tables")
    if paths.sensitivity_figures.is_dir():
        client.log_artifacts(run_id, str(paths.sensitivity_figures), "figures")
    client.log_dict(run_id, public, paths.sensitivity_facts.name)


def _flat(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts as parameters; what is listed in one line, and no notes."""
    listed = {key: ", ".join(map(str, one)) for key, one in facts.items() if isinstance(one, list)}
    return {key: listed.get(key, one) or "none" for key, one in facts.items() if key != "notes"}


def _asked(results: Results) -> dict[str, Any]:
    """Effects, sizes and number of cohorts, as far as there are any."""
    made = [] if results.power is None else rows_of(results.power)
    made, found = [row for row in made if row["extrapolated"] != 1], {}
    if made:
        found["cohens_d"] = sorted({row["cohens_d"] for row in made})
        found["sizes"] = sorted({int(row["n"]) for row in made})
        found["cohorts"] = int(max(row["cohorts"] for row in made))
    if results.false_positives is not None:
        found["null_cohorts"] = int(max(results.false_positives["cohorts"]))
    return found


def _scores(results: Results) -> dict[str, float]:
    """Shares and smallest effects of the headline measures, and shares of what is found where nothing is."""
    found = {
        f"power/{_headline(row)}/n{int(row['n'])}/d{row['cohens_d']:g}": float(row["significant"])
        for row in headlines(results.power)
    }
    found |= {
        f"smallest_d/{_headline(row)}/n{int(row['n'])}": float(row["cohens_d"])
        for row in headlines(results.smallest)
    }
    table = results.false_positives
    return found | {
        f"false_positives/{row['test']}{_lent(row)}": float(row["below"])
        for row in ([] if table is None else rows_of(table))
    }


def _headline(row: dict[str, Any]) -> str:
    """Start of a metric's name: measure, its effect where there are several, and whether a background was lent."""
    effect = "" if row["effect"] == "all" else f"/{row['effect']}"
    return f"{row['measure']}{effect}{_lent(row)}"


def _lent(row: dict[str, Any]) -> str:
    return "/with_reference" if row["borrowed"] > 0 else ""
