"""Stage: image cache and cohort in, checkpoints out."""

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from adhd_cvae.cohort import validate_cohort
from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.files import fingerprint, read_json, read_tsv
from pipelines.paths import OutputPaths
from pipelines.progress import Progress, Tick
from pipelines.record import RunRecord, Stage, settings_of
from pipelines.torchrun import is_torchrun

if TYPE_CHECKING:
    import torch

    from adhd_cvae.training import TrainingResult


def run(
    paths: OutputPaths, recipe: Recipe, progress: Progress, overwrite: bool = False, live: bool = False
) -> None:
    """Train the contrastive model and, where the recipe says so, the plain one; resume by itself.

    With `live`, MLflow shows the losses of every epoch while it is trained. Of processes that `torchrun` started this
    is for the first one; the others call `help_first`.

    Raises
    ------
    InputError
        Nothing was prepared, or OUTPUT_DIR holds a model trained with other settings or participants.
    """
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
            "images": images_fingerprint(paths),
        },
        outputs=(
            "checkpoints/history.tsv",
            *(f"checkpoints/{model}{end}" for model in models for end in _ENDS),
        ),
        clears=("checkpoints",),
        keeps_on_new_inputs=True,
    )
    record = RunRecord.open(paths)

    def work() -> None:
        told: set[tuple[str, str]] = set()
        follow = _followed(paths, recipe, record, stage.settings) if live else nullcontext(lambda row: None)
        with _others_train_too(recipe), progress.bar("Training") as tick, follow as tell:
            tick(0, recipe.training.epochs, "finding the linear start")
            result = _train(paths, recipe, lambda row: _told(row, tell, tick, progress, told))
            facts = _hardware(recipe)
        for text in result.warnings:
            progress.warning(text)
        record.note(**facts, training_warnings=list(result.warnings))

    done = record.perform(stage, recipe, work, progress, overwrite)
    if is_torchrun() and not done:
        with _others_train_too(None):
            pass


def help_first(paths: OutputPaths) -> None:
    """Train together with the first process, which says how; it writes and tells everything."""
    from adhd_cvae import processes

    with processes.together():
        settings = processes.from_first(dict)
        if settings:
            _train(paths, Recipe.model_validate(settings), lambda row: None)


@contextmanager
def _others_train_too(recipe: Recipe | None) -> Iterator[None]:
    """Be the first of several processes and let the others train by this recipe, or go where there is nothing to do."""
    from adhd_cvae import processes

    with processes.together():
        processes.from_first(lambda: {} if recipe is None else recipe.model_dump(mode="json"))
        yield


def _train(paths: OutputPaths, recipe: Recipe, tell: Callable[[dict], None]) -> "TrainingResult":
    from adhd_cvae.dataset import open_images
    from adhd_cvae.training import train

    cohort = validate_cohort(read_tsv(paths.cohort))
    return train(open_images(paths.cache), cohort, recipe, paths.checkpoints, progress=tell)


def _followed(
    paths: OutputPaths, recipe: Recipe, record: RunRecord, settings: dict[str, Any]
) -> AbstractContextManager[Callable[[dict[str, Any]], None]]:
    """Show the losses in MLflow meanwhile."""
    from pipelines import live
    from pipelines.publish import tags, title

    return live.watched(
        paths, title(paths, recipe), settings, tags(recipe, record.content | _hardware(recipe))
    )


def images_fingerprint(paths: OutputPaths) -> str:
    """Tell the cache by what is in it: grid settings and each used file's checksum, not its dates."""
    manifest = read_json(paths.manifest)
    used = [row["sha256"] for row in manifest["maps"] if row["reason"] is None]
    return fingerprint([manifest["settings"], used])


_ENDS = (".safetensors", ".json")
_NAMES = {"cvae": "contrastive model", "vae": "plain model"}


def _told(
    row: dict, follow: Callable[[dict], None], tick: Tick, progress: Progress, told: set[tuple[str, str]]
) -> None:
    """Tell an epoch to the terminal, and to the store unless it is of the last fit, which has no validation."""
    if row.get("refit"):
        name = _NAMES.get(row["model"], row["model"])
        tick(int(row["epoch"]), max(int(row["epochs"]), 1), f"{name}, once more with everyone")
    else:
        follow(row)
        _show(row, tick, progress, told)


def _show(row: dict, tick: Tick, progress: Progress, told: set[tuple[str, str]]) -> None:
    """Tell an epoch: the bar moves each time, a full line comes with the first, every tenth and the last.

    What goes wrong is told when it is first seen; `told` remembers it.
    """
    epoch, epochs = int(row["epoch"]), int(row["epochs"])
    name = _NAMES.get(row["model"], row["model"])
    tick(epoch, epochs, f"{name}, {row['validation_reconstruction']:.0%} unexplained")
    if epoch % 10 == 0 or epoch == epochs:
        when = f"epoch {epoch} of {epochs}" if epoch else "at the start"
        progress.line(f"  {name}, {when}: {in_words(row)}")
    for code, text in row.get("warnings", {}).items():
        if (row["model"], code) not in told:
            told.add((row["model"], code))
            progress.warning(f"epoch {epoch}: {text}")


def in_words(row: dict) -> str:
    """Say an epoch's losses so that a person can follow them."""
    told = (
        ("validation_reconstruction", "{:.0%} of validation maps unexplained"),
        ("reconstruction", "({:.0%} of training maps);"),
        ("kl_salient", "salient code {:.1f} nats,"),
        ("background_salient", "{:.1f} in controls,"),
        ("kl_background", "background code {:.1f};"),
        ("critic_accuracy", "critic right in {:.0%} (50% = independent)"),
    )
    known = ((row.get(column), text) for column, text in told)
    return " ".join(
        text.format(value) for value, text in known if value is not None and value == value
    ).strip(";,")


def _hardware(recipe: Recipe) -> dict[str, object]:
    """Tell what the training ran on: the same bits need the same device type and thread count."""
    import torch

    from adhd_cvae import processes
    from adhd_cvae.learner import choose_device, choose_precision

    device = choose_device(recipe.training.device)
    precision = str(choose_precision(recipe.training.precision, device)).removeprefix("torch.")
    return {
        "device": device.type,
        "precision": precision,
        "processes": processes.count(),
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
