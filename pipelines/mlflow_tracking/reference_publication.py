"""Publishing healthy anatomy: a run of its own, and a version of its own registered model."""

from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from adhd_cvae.io import fingerprint
from adhd_cvae.models.reference_background import Reference
from adhd_cvae.models.reference_file import load_reference
from pipelines.mlflow_tracking import runs
from pipelines.mlflow_tracking.model_registry import (
    Kind,
    Shown,
    log_model,
    register,
    signature_of,
    version_of,
)
from pipelines.mlflow_tracking.reference_model import ALIAS, NAME
from pipelines.mlflow_tracking.store import find_store, readable_errors
from pipelines.progress import Progress
from pipelines.recipes.loader import flatten

KIND = Kind(
    NAME,
    "Healthy anatomy for others to borrow: mean, spread and principal axes of gray-matter maps, and no participant.",
    Path(__file__).with_name("pyfunc_reference.py"),
)
_TEMPLATE = Path(__file__).with_name("reference_card.md.txt").read_text(encoding="utf-8")
_SCORES = ("explained", "explained_of_others", "membership_auc", "lost_by_parts", "lost_by_merging")
_COUNT = "participants"
"""Tag of a version."""


def publish_reference(folder: Path, progress: Progress) -> str:
    """Log a folder's reference and register it, unless that was done; return the lines a terminal shows.

    Raises
    ------
    InputError
        The store refuses.
    """
    reference, facts = load_reference(folder)
    content = fingerprint([reference.checksum, facts])
    store = find_store(folder)
    with readable_errors(store), progress.bar("Logging to MLflow") as tick:
        tick(0, 2, "opening the store")
        client = store.client()
        name = f"background, {reference.count} participants"
        done = [
            one for one in runs.find_runs(client, runs.CONTENT_TAG, content) if one.info.status == "FINISHED"
        ]
        run, version = (done[0], version_of(client, done[0], KIND)) if done else (None, None)
        if run is None or version is None:
            tags = {
                runs.CONTENT_TAG: content,
                "mlflow.note.content": f"{KIND.description} Terms: {facts.get('terms', 'unknown')}.",
            }
            run = runs.start_run(client, store, name, tags, {runs.CONTENT_TAG: content})
            with runs.ending(client, run):
                _log(client, run.info.run_id, reference, facts)
                _log_curve(client, run.info.run_id, folder)
                tick(1, 2, "model")
                artifacts = {
                    one.replace(".", "_"): folder / one for one in ("reference.safetensors", "reference.json")
                }
                labels = {_COUNT: str(reference.count), "terms": str(facts.get("terms", "unknown"))}
                text = model_card(reference, facts)
                digest, known = reference.checksum[:36], client.get_run(run.info.run_id).data
                shown = Shown(name, known.params, labels, tuple(known.metrics), _dataset(facts), digest)
                logged = log_model(client, run, artifacts, signature_of(["explained"], []), shown, KIND)
                version = register(client, run, logged, text, labels, KIND)
        holder = _promoted(client, version, reference.count)
    return (
        f"MLflow store     {store.shown}\nMLflow run       {name}\n"
        f"Registered model models:/{NAME}/{version} ({NAME}@{ALIAS} is version {holder})"
    )


def model_card(reference: Reference, facts: dict[str, Any]) -> str:
    """Write the card: from what it was learnt, what it holds and what it tells of its members."""
    known: dict[str, Any] = {
        "name": "?",
        "sites": "?",
        "program": "?",
        "space": "?",
        "terms": "unknown",
        **facts,
    }
    made = [known.get("modulation"), known.get("smoothing") and f"smoothed ({known['smoothing']})"]
    ages, auc, others = (known.get(one) for one in ("age", "membership_auc", "explained_of_others"))
    return _TEMPLATE.format(
        known=known,
        count=reference.count,
        axes=len(reference.axes),
        explained=f"{reference.explained:.1%}",
        others="" if others is None else f", and at least {others:.1%} of others'",
        made=", ".join(one for one in made if one) or "modulation unknown",
        image=_grid(known.get("image", {})),
        age=f"{ages[0]:g} to {ages[1]:g} years" if ages else "unknown",
        auc="not measured" if auc is None else f"{auc:.2f}",
    )


def _grid(image: dict[str, Any]) -> str:
    """What of the maps' settings whoever borrows must share, in words."""
    words = {
        "shape": "{} voxels",
        "voxel_size": "of {} mm",
        "centre": "around {} mm",
        "fwhm": "and smoothed by {} mm (FWHM)",
    }
    return " ".join(text.format(image[key]) for key, text in words.items() if key in image) or "unknown"


def _log(client: MlflowClient, run_id: str, reference: Reference, facts: dict[str, Any]) -> None:
    plain = {key: value for key, value in facts.items() if key not in (*_SCORES, "site_names", "affine")}
    shown = {key: "none" if value == "" else value for key, value in flatten(plain).items()}
    client.log_batch(run_id, params=runs.parameters(shown))
    scores = {key: float(facts[key]) for key in _SCORES if key in facts}
    counts = {"participants": float(reference.count), "axes": float(len(reference.axes))}
    for key, value in {**scores, **counts}.items():
        client.log_metric(run_id, f"reference/{key}", value)
    runs.log_dataset(client, run_id, _dataset(facts), reference.checksum, {"background": reference.count})


def _dataset(facts: dict[str, Any]) -> str:
    return str(facts.get("name", "reference"))


def _log_curve(client: MlflowClient, run_id: str, folder: Path) -> None:
    for file, place in (
        (folder / "membership.tsv", "tables"),
        (folder / "figures" / "membership.svg", "figures"),
    ):
        if file.is_file():
            client.log_artifact(run_id, str(file), place)


def _promoted(client: MlflowClient, version: str, count: int) -> str:
    """Give the alias to a version of at least as many participants as its holder has; return who holds it."""
    try:
        holder = client.get_model_version_by_alias(NAME, ALIAS)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        holder = None
    if holder is not None and int(holder.tags.get(_COUNT, 0)) > count:
        return str(holder.version)
    if holder is None or str(holder.version) != version:
        client.set_registered_model_alias(NAME, ALIAS, version)
    return version
