"""Healthy anatomy that somebody else learnt, from a folder or a registry. Imports no MLflow where a folder is named."""

import tempfile
from pathlib import Path
from typing import Any

from adhd_cvae.errors import InputError
from adhd_cvae.models.reference_background import Reference
from adhd_cvae.models.reference_file import load_reference
from pipelines.mlflow_tracking.environment import mlflow_environment

NAME = "adhd-cvae-background"
ALIAS = "champion"


def shown_name(source: str) -> str:
    """Name a source without where it lies."""
    return source if source.startswith("models:/") else Path(source).name


def open_reference(source: str, beside: Path) -> tuple[Reference, dict[str, Any]]:
    """Read a reference and from what it was learnt; of a registered one its arrays and JSON, and no code is run.

    Parameters
    ----------
    source
        A folder of `adhd-cvae background` or `ReferenceBackground.save`, or ``models:/adhd-cvae-background@…``.
    beside
        The OUTPUT_DIR of the asking: the registry is that of MLFLOW_TRACKING_URI, else the one beside this folder.

    Raises
    ------
    InputError
        There is none, it is damaged, or the registered model is another one.
    """
    if not source.startswith("models:/"):
        return load_reference(Path(source))
    with tempfile.TemporaryDirectory() as scratch, mlflow_environment():
        folder = _downloaded(source, beside, Path(scratch)) / "artifacts"
        if not (folder / "reference.json").is_file():
            raise InputError(
                f"{source} is no reference of healthy anatomy. Expected what `adhd-cvae background` registered, "
                f"for example models:/{NAME}@{ALIAS}."
            )
        return load_reference(folder)


def _downloaded(uri: str, beside: Path, scratch: Path) -> Path:
    """Copy a registered model's files: MLflow writes into the folder that it loads a model from."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    from pipelines.mlflow_tracking.store import find_store, readable_errors

    store = find_store(beside)
    if store.database is not None and not store.database.is_file():
        raise InputError(
            f"there is no MLflow store at {store.database}, so no {uri}. Set MLFLOW_TRACKING_URI to the store that "
            "holds it (sqlite:////path/mlflow.db or http://server), or name the reference's folder."
        )
    with readable_errors(store):
        store.client()
    try:
        return Path(download_artifacts(artifact_uri=uri, dst_path=str(scratch)))
    except (MlflowException, OSError) as error:
        first_line = str(error).splitlines()[0]
        raise InputError(
            f"{uri} cannot be loaded from {store.shown}: {first_line} Expected for example models:/{NAME}@{ALIAS}, "
            "or the folder of a reference."
        ) from error
