"""Stage: image cache and cohort in, checkpoints out."""

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch

from adhd_cvae.cohort.table import validate_cohort
from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.io import fingerprint, read_tsv
from pipelines.compute import is_torchrun
from pipelines.mlflow_tracking.environment import mlflow_environment
from pipelines.mlflow_tracking.summary import RunSummary
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.provenance import Provenance, Stage, images_fingerprint, settings_of
from pipelines.output_dir.results import Results
from pipelines.output_dir.run import Run
from pipelines.progress import _told

if TYPE_CHECKING:
    from adhd_cvae.training.trainer import TrainingResult


@mlflow_environment()
def run(run: Run, *, live: bool = False) -> None:
    """Train the contrastive model and, where the recipe says so, the plain one; resume by itself.

    With `live`, MLflow shows the losses of every epoch while it is trained. Of processes that `torchrun` started this
    is for the first one; the others call `help_first`.

    Raises
    ------
    InputError
        Nothing was prepared, or OUTPUT_DIR holds a model trained with other settings or participants.
    """
    paths, recipe, progress = run.paths, run.recipe, run.progress
    for needed in (paths.cohort, paths.images):
        if not needed.is_file():
            raise InputError(
                f"{needed} is missing: nothing was prepared here. "
                f"Run `adhd-cvae prepare BIDS_DIR {paths.folder}` first."
            )
    cohort = validate_cohort(read_tsv(paths.cohort))
    models = ("cvae", "vae") if recipe.training.vae else ("cvae",)
    stage = Stage(
        name="train",
        settings=settings_of(
            recipe,
            "seed",
            "image",
            "augmentation",
            "model",
            "objective",
            "training",
            without=("training.device",),
        ),
        inputs={
            "participants": fingerprint(cohort[["participant_id", "group", "split"]].to_numpy().tolist()),
            "images": images_fingerprint(paths.manifest),
        },
        outputs=(
            "checkpoints/history.tsv",
            *(f"checkpoints/{model}{end}" for model in models for end in _ENDS),
        ),
        clears=("checkpoints",),
        keeps_on_new_inputs=True,
    )
    record = Provenance.open(paths)

    def work() -> None:
        told: set[tuple[str, str]] = set()
        follow = _followed(paths, recipe, stage.settings) if live else nullcontext(lambda row: None)
        with _others_train_too(recipe), progress.bar("Training") as tick, follow as tell:
            tick(0, recipe.training.epochs, "finding the linear start")
            result = _train(paths, recipe, lambda row: _told(row, tell, tick, progress, told))
            facts = _hardware(recipe)
        for text in result.warnings:
            progress.warning(text)
        record.note(**facts, training_warnings=list(result.warnings))

    done = record.perform(stage, recipe, work, progress, run.overwrite)
    if is_torchrun() and not done:
        with _others_train_too(None):
            pass


def help_first(paths: OutputPaths) -> None:
    """Train together with the first process, which says how; it writes and tells everything."""
    from adhd_cvae.training import distributed

    with distributed.together():
        settings = distributed.from_first(dict)
        if settings:
            _train(paths, Recipe.model_validate(settings), lambda row: None)


@contextmanager
def _others_train_too(recipe: Recipe | None) -> Iterator[None]:
    """Be the first of several processes and let the others train by this recipe, or go where there is nothing to do."""
    from adhd_cvae.training import distributed

    with distributed.together():
        distributed.from_first(lambda: {} if recipe is None else recipe.model_dump(mode="json"))
        yield


def _train(paths: OutputPaths, recipe: Recipe, tell: Callable[[dict], None]) -> "TrainingResult":
    from adhd_cvae.images.cache import open_images
    from adhd_cvae.training.trainer import train

    cohort = validate_cohort(read_tsv(paths.cohort))
    return train(open_images(paths.cache), cohort, recipe, paths.checkpoints, progress=tell)


def _followed(
    paths: OutputPaths, recipe: Recipe, settings: dict[str, Any]
) -> AbstractContextManager[Callable[[dict[str, Any]], None]]:
    """Show the losses in MLflow meanwhile."""
    from pipelines.mlflow_tracking import streaming

    return streaming.followed(RunSummary(Results(paths.folder), recipe), settings, _hardware(recipe))


_ENDS = (".safetensors", ".json")


def _hardware(recipe: Recipe) -> dict[str, object]:
    """Tell what the training ran on: the same bits need the same device type and thread count."""
    import torch

    from adhd_cvae.training import distributed
    from adhd_cvae.training.state import choose_device, choose_precision

    device = choose_device(recipe.training.device)
    precision = str(choose_precision(recipe.training.precision, device)).removeprefix("torch.")
    return {
        "device": device.type,
        "precision": precision,
        "processes": distributed.count(),
        "torch_threads": torch.get_num_threads(),
        "peak_memory_mb": _peak_memory_mb(device),
    }


def _peak_memory_mb(device: "torch.device") -> float:
    """Give the most memory this process has held, MB of 10⁶ bytes: on the GPU where it trained there."""
    import torch

    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 1e6, 1)
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)
