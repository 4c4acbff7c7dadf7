"""The registered model: packed without pickle and without a path of this machine, found again by name."""

import json
import re
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import yaml
from mlflow import MlflowClient, pyfunc
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Metric, Run
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import AnyType
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

from adhd_cvae.errors import InputError
from adhd_cvae.names import KNOWN_SITE
from pipelines.mlflow_tracking.metrics import send
from pipelines.mlflow_tracking.store import Store, readable_errors

NAME = "adhd-cvae"
ALIAS = "champion"
CODE = Path(__file__).with_name("pyfunc_model.py")
REQUIREMENTS = (
    "jaxtyping", "joblib", "mlflow", "monai", "nibabel", "nilearn", "numpy", "pandas", "pydantic", "safetensors",
    "scikit-learn", "scipy", "threadpoolctl", "torch",
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """What versions of one registered name have in common.

    Attributes
    ----------
    code
        The file that MLflow runs when it loads one; it may import `adhd_cvae` alone.
    """

    name: str
    description: str
    code: Path


@dataclass(frozen=True)
class Shown:
    """How a model appears on the page of models.

    Attributes
    ----------
    metrics
        Names of its run's metrics.
    dataset, digest
        Of the data they were measured on.
    """

    name: str
    params: dict[str, str]
    tags: dict[str, str]
    metrics: tuple[str, ...]
    dataset: str
    digest: str

    def metric(self, point: Metric, model_id: str, run_id: str) -> Metric:
        """A value of the run, of the model on the data."""
        where = {"model_id": model_id, "dataset_name": self.dataset, "dataset_digest": self.digest}
        return Metric(point.key, point.value, point.timestamp, point.step, run_id=run_id, **where)


PATIENTS = Kind(NAME, "Salient (s) and background (z) anatomy of gray-matter maps.", CODE)


def register(
    client: MlflowClient,
    run: Run,
    logged: LoggedModel,
    model_card: str,
    tags: dict[str, str],
    kind: Kind = PATIENTS,
) -> str:
    """Make a logged model a new version, beside its run; return the version.

    Parameters
    ----------
    model_card
        Markdown: kept with the run and shown with the version.
    tags
        What tells the version from others in the list of them.
    """
    outputs = client.get_run(run.info.run_id).outputs
    if logged.model_id not in {one.model_id for one in (outputs.model_outputs if outputs else [])}:
        client.log_outputs(run.info.run_id, [LoggedModelOutput(logged.model_id, step=0)])
    try:
        client.create_registered_model(kind.name, description=kind.description)
    except MlflowException:  # it is there
        client.get_registered_model(kind.name)
    client.log_text(run.info.run_id, model_card, "model_card.md")
    made = client.create_model_version(
        kind.name,
        source=f"models:/{logged.model_id}",
        run_id=run.info.run_id,
        model_id=logged.model_id,
        description=model_card,
        tags={name: text for name, text in tags.items() if not name.startswith("mlflow.")},
    )
    versions = json.dumps([{"name": kind.name, "version": str(made.version)}])
    client.set_logged_model_tags(logged.model_id, {MLFLOW_MODEL_VERSIONS: versions})  # what the UI links to
    return str(made.version)


def log_model(
    client: MlflowClient,
    run: Run,
    artifacts: dict[str, Path],
    signature: ModelSignature,
    shown: Shown,
    kind: Kind = PATIENTS,
) -> LoggedModel:
    """Pack the model and log it beside its run, unless a killed call did, with what the page of models sorts by.

    Parameters
    ----------
    artifacts
        Name to file: ``weights`` and ``config``, of the same stem, ``reference``, and of a model that takes sites or
        covariates from maps ``adjustment`` and ``adjustment_config``, of the same stem.
    signature
        As `signature_of` gives it.
    """
    run_id = run.info.run_id
    logged = _left_by_a_kill(client, run)
    if logged is None:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "model"
            _pack(folder, artifacts, signature, kind.code)
            name = re.sub(r"[/:%\"']", "-", shown.name).replace(".", "·")  # what MLflow forbids
            made = client.create_logged_model(
                run.info.experiment_id, name=name, source_run_id=run_id, params=shown.params, tags=shown.tags
            )
            client.log_model_artifacts(made.model_id, str(folder))
        logged = client.finalize_logged_model(made.model_id, LoggedModelStatus.READY)
    send(
        client,
        run_id,
        [shown.metric(point, logged.model_id, run_id) for point in _points(client, run_id, shown)],
    )
    return logged


def _points(client: MlflowClient, run_id: str, shown: Shown) -> Iterator[Metric]:
    """The run's values of the metrics shown, as they stand there: logged again for the model, they stay one value."""
    for name in shown.metrics:
        yield from client.get_metric_history(run_id, name)[-1:]


def _left_by_a_kill(client: MlflowClient, run: Run) -> LoggedModel | None:
    """Find what an earlier call logged for this run and did not come to register; what is not whole goes."""
    of_run = f"source_run_id = '{run.info.run_id}'"
    found = client.search_logged_models([run.info.experiment_id], filter_string=of_run)
    whole = [model for model in found if model.status == LoggedModelStatus.READY]
    for model in found:
        if model not in whole[:1]:
            client.delete_logged_model(model.model_id)
    return whole[0] if whole else None


def version_of(client: MlflowClient, run: Run, kind: Kind = PATIENTS) -> str | None:
    """Find the version registered from `run`, if any."""
    versions = client.search_model_versions(f"name = '{kind.name}'")
    return next((str(found.version) for found in versions if found.run_id == run.info.run_id), None)


def load_registered(uri: str, store: Store) -> pyfunc.PyFuncModel:
    """Load a model such as ``models:/adhd-cvae@champion`` from `store`.

    Raises
    ------
    InputError
        The store has no such model.
    """
    if store.database is not None and not store.database.is_file() and uri.startswith("models:"):
        raise InputError(
            f"there is no MLflow store at {store.database}, so no {uri}. Set MLFLOW_TRACKING_URI to the "
            "store that holds the model (sqlite:////path/mlflow.db or http://server)."
        )
    with readable_errors(store):
        store.client()
    try:
        with _type_hints_unmentioned():
            return pyfunc.load_model(uri)
    except (MlflowException, OSError) as error:
        first_line = str(error).splitlines()[0]
        raise InputError(
            f"{uri} cannot be loaded from {store.shown}: {first_line} Expected a URI such as "
            f"models:/{NAME}@{ALIAS} or models:/{NAME}/1, or a folder that holds an MLmodel file."
        ) from error


def resolved(uri: str, store: Store) -> str:
    """Name the version that an alias stands for now; of a model in a folder only the folder's name."""
    if not uri.startswith("models:/"):
        return Path(uri).name
    name, _, alias = uri.removeprefix("models:/").partition("@")
    if not alias:
        return uri
    return f"models:/{name}/{store.client().get_model_version_by_alias(name, alias).version}"


def requirements() -> list[str]:
    """Pin what the model needs to the versions installed here (a CUDA or CPU build is left open)."""
    return [f"{name}=={re.sub(r'[+].*', '', version(name))}" for name in REQUIREMENTS]


@contextmanager
def _type_hints_unmentioned() -> Iterator[None]:
    """Pass over MLflow's warnings of the type hints of its own classes; nobody here can change them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*type hint", category=UserWarning)
        yield


def signature_of(numbers: Sequence[str], flags: Sequence[str], needed: Sequence[str] = ()) -> ModelSignature:
    """What a model takes and gives.

    Parameters
    ----------
    numbers, flags
        Columns of the output.
    needed
        Columns of the input beside the map: site and covariates, of any type.
    """
    # Arrays are any type: MLflow would copy typed ones number by number, all of them at once.
    inputs = [ColSpec("string", "image", required=False), ColSpec(AnyType(), "array", required=False)]
    outputs = [*(ColSpec("double", name) for name in numbers), *(ColSpec("boolean", name) for name in flags)]
    found = ModelSignature(
        inputs=Schema([*inputs, *(ColSpec(AnyType(), name) for name in needed)]), outputs=Schema([*outputs])
    )
    if KNOWN_SITE in flags:
        found.params = ParamSchema([ParamSpec("new_site", DataType.string, "refuse")])
    return found


def _example(signature: ModelSignature) -> pd.DataFrame:
    """One row that says how input looks."""
    needed = [name for name in signature.inputs.input_names() if name not in ("image", "array")]
    example = {"image": ["sub-01_space-MNI152NLin2009aSym_label-GM_probseg.nii.gz"]}
    return pd.DataFrame(example | {str(name): ["1"] for name in needed})


@_type_hints_unmentioned()
def _pack(folder: Path, artifacts: dict[str, Path], signature: ModelSignature, code: Path) -> None:
    package = find_spec("adhd_cvae")
    if package is None or package.origin is None:
        raise InputError("the package adhd_cvae cannot be found, so the model cannot carry its code.")
    pyfunc.save_model(
        str(folder),
        python_model=str(code),
        artifacts={
            name: path.resolve().as_uri() for name, path in artifacts.items()
        },  # of a plain path % is read
        code_paths=[str(Path(package.origin).parent)],
        pip_requirements=requirements(),
        signature=signature,
        input_example=_example(signature),
    )
    _forget_paths(folder)


def _forget_paths(folder: Path) -> None:
    """Take out of MLmodel where the files lay when packed; loading needs only the relative paths."""
    description = folder / "MLmodel"
    content = yaml.safe_load(description.read_text(encoding="utf-8"))
    flavour = content["flavors"]["python_function"]
    for artifact in flavour["artifacts"].values():
        artifact["uri"] = artifact["path"]
    flavour["model_code_path"] = Path(flavour["model_code_path"]).name
    description.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    for cache in folder.rglob("__pycache__"):
        for compiled in cache.iterdir():
            compiled.unlink()
        cache.rmdir()
