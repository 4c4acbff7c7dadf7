"""Stage: image cache, cohort and folds in, checkpoints out: of everybody, and of those outside of each fold."""

import resource
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from adhd_cvae.cohort.covariates import adjusting_columns
from adhd_cvae.config import Recipe, TrainingConfig
from adhd_cvae.errors import InputError
from adhd_cvae.io import file_checksum, fingerprint, read_object
from adhd_cvae.training.device import choose_device
from pipelines.compute import is_torchrun
from pipelines.mlflow_tracking.environment import mlflow_environment
from pipelines.mlflow_tracking.summary import RunSummary
from pipelines.output_dir.folds import read_folds
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.provenance import Provenance, Stage, images_fingerprint, settings_of
from pipelines.output_dir.results import Results
from pipelines.output_dir.run import Run, of_borrowed
from pipelines.output_dir.tables import COHORT
from pipelines.progress import Progress, Silent, Tick

Row = Mapping[str, Any]
"""An epoch of the history, with ``epochs`` and what goes wrong in it as ``warnings``."""
SETTINGS = ("seed", "image", "augmentation", "model", "objective", "training")
"""Sections of the recipe that the weights depend on, but for the device."""
MODEL_LABELS = {"cvae": "contrastive model", "vae": "plain model"}
LOSSES_IN_WORDS = (
    ("validation_reconstruction", "{:.0%} of validation maps unexplained"),
    ("reconstruction", "({:.0%} of training maps);"),
    ("kl_salient", "salient code {:.1f} nats,"),
    ("salient_of_background", "{:.1f} in controls,"),
    ("kl_background", "background code {:.1f};"),
    ("critic_accuracy", "critic right in {:.0%} (50% = independent)"),
)
"""Column of the history to what a line says of it."""


@mlflow_environment()
def run(run: Run, *, live: bool = False) -> None:
    """Train the contrastive model and, where the recipe says so, the plain one; resume by itself.

    They are fitted to everybody. Then, with `training.fold_models` the same, each fold's: to those outside of it.

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
    cohort = COHORT.read(paths.cohort)
    choose_device(recipe.training.device)
    folds = _folds(run, cohort)
    stage, models = _stage(run, cohort, folds), _models(recipe)
    provenance = Provenance.open(paths)

    def work() -> None:
        following = _followed(run, stage.settings) if live else nullcontext(lambda row: None)
        settings = recipe.model_dump(mode="json")
        with _others_train_too(settings), progress.bar("Training") as tick, following as follow:
            tick(0, recipe.training.epochs, "finding the linear start")
            warnings = _train(run, EpochLines(progress, tick, follow, models, len(_numbers(folds))).of_fold)
            facts = _hardware(recipe.training)
        for text in warnings:
            progress.warning(text)
        provenance.note(**facts, training_warnings=warnings)

    done = provenance.perform(stage, run, work)
    if is_torchrun() and not done:
        with _others_train_too({}):
            pass


def _stage(run: Run, cohort: pd.DataFrame, folds: np.ndarray | None) -> Stage:
    paths, recipe = run.paths, run.recipe
    weights = [
        f"checkpoints/{one}{ending}" for one in _models(recipe) for ending in (".safetensors", ".json")
    ]
    of_folds = [paths.fold_checkpoints(number).relative_to(paths.folder) for number in _numbers(folds)]
    return Stage(
        name="train",
        settings=settings_of(recipe, *SETTINGS, *recipe.cohort.adjusting, without=("training.device",)),
        inputs={
            "participants": fingerprint(
                cohort[["participant_id", "group", *adjusting_columns(cohort, recipe.cohort)]]
                .to_numpy()
                .tolist()
            ),
            "images": images_fingerprint(paths.manifest),
            **({} if folds is None else {"folds": fingerprint(folds.tolist())}),
            **of_borrowed(run.borrowed()),
            **({} if run.lent() is None else {"lent maps": file_checksum(paths.lent)}),
        },
        outputs=(
            *("checkpoints/history.tsv", "checkpoints/earned.tsv", *weights),
            *(
                f"checkpoints/{paths.adjustment.name}{ending}"
                for ending in (".safetensors", ".json")
                if recipe.cohort.adjusts
            ),
            *(folder.as_posix() for folder in of_folds),
        ),
        clears=("checkpoints",),
        keeps_on_new_inputs=True,
    )


def _models(recipe: Recipe) -> tuple[str, ...]:
    return ("cvae", "vae") if recipe.training.vae else ("cvae",)


def help_first(paths: OutputPaths) -> None:
    """Train together with the first process, which says how; it writes and shows everything."""
    from adhd_cvae.training import distributed

    with distributed.together():
        settings = distributed.from_first(dict)
        if settings:
            _train(Run(paths, Recipe.model_validate(settings), Silent()), lambda fold: lambda row: None)


@contextmanager
def _others_train_too(settings: dict[str, Any]) -> Iterator[None]:
    """Be the first of several processes; the others train by these settings, or end where there are none."""
    from adhd_cvae.training import distributed

    with distributed.together():
        distributed.from_first(lambda: settings)
        yield


def _folds(run: Run, cohort: pd.DataFrame) -> np.ndarray | None:
    """Each participant's fold, where folds are trained here; else `embed` fits their linear models."""
    return read_folds(cohort, run.paths) if run.recipe.training.fold_models == "same" else None


def _numbers(folds: np.ndarray | None) -> list[int]:
    return [] if folds is None else np.unique(folds).tolist()


def _train(run: Run, show: Callable[[int], Callable[[Row], None]]) -> list[str]:
    """Train on everybody, then on those outside of each fold; what is finished stays. Give the warnings in words."""
    from adhd_cvae.images.cache import open_images
    from adhd_cvae.training.train import train

    paths, recipe = run.paths, run.recipe
    images, cohort = open_images(paths.cache), COHORT.read(paths.cohort)
    folds = _folds(run, cohort)
    everybody = np.ones(len(cohort), bool)
    source, lenders = _tiv_source(paths), {"reference": run.borrowed(), "lent": run.lent()}
    maps = _adjusted(images, cohort, recipe, (paths.checkpoints, source), everybody)
    warnings = train(maps, cohort, recipe, paths.checkpoints, show(0), **lenders).warnings
    of_folds: dict[str, list[str]] = {}
    for place, number in enumerate(_numbers(folds), start=1):
        folder, outside = paths.fold_checkpoints(number), folds != number
        maps = _adjusted(images, cohort, recipe, (folder, source), outside)
        result = train(maps, cohort, recipe, folder, show(place), fitted=outside, **lenders)
        for text in result.warnings:
            of_folds.setdefault(text, []).append(str(number))
    return [*warnings, *(f"fold {', '.join(numbers)}: {text}" for text, numbers in of_folds.items())]


def _tiv_source(paths: OutputPaths) -> str | None:
    """What head sizes were read from, where the cohort has them."""
    sidecar = paths.cohort.with_suffix(".json")
    return read_object(sidecar).get("tiv", {}).get("Source") if sidecar.is_file() else None


def _adjusted(
    images: np.ndarray,
    cohort: pd.DataFrame,
    recipe: Recipe,
    kept: tuple[Path, str | None],
    outside: np.ndarray,
) -> np.ndarray:
    """Take from everybody's maps what the recipe asks for, by those `outside` of a fold.

    How it is done is `kept` in a folder, with what head sizes were read from.
    """
    from adhd_cvae.inference.adjustment import (
        ADJUSTMENT,
        adjusted,
        fit_adjustment,
        fitted_rows,
        save_adjustment,
    )
    from adhd_cvae.training import distributed

    found = fit_adjustment(images, cohort, fitted_rows(cohort, outside, recipe), recipe)
    if found is not None and distributed.is_first():
        folder, source = kept
        source = source if "tiv" in found.design.names else None
        save_adjustment(replace(found, tiv_source=source), folder / ADJUSTMENT)
    return adjusted(images, found, cohort)


def _followed(run: Run, settings: dict[str, Any]) -> AbstractContextManager[Callable[[Row], None]]:
    """Show the losses in MLflow meanwhile."""
    from pipelines.mlflow_tracking import streaming

    summary = RunSummary(Results(run.paths.folder), run.recipe)
    return streaming.followed(summary, settings, _hardware(run.recipe.training))


class EpochLines:
    """Shows each epoch: the bar moves every time, a line comes with the first, every tenth and the last.

    The bar counts all epochs there can be, of every fold; where a step ends early it leaps. What goes wrong is shown
    when it is first seen. Of models fitted to everybody, `follow` is called with each row of the first validation
    split; folds only move the bar.
    """

    def __init__(
        self,
        progress: Progress,
        tick: Tick,
        follow: Callable[[Row], None],
        models: Sequence[str],
        folds: int = 0,
    ) -> None:
        self._progress, self._tick, self._follow, self._models = progress, tick, follow, models
        self._folds = folds
        self._warned: set[tuple[str, str]] = set()

    def of_fold(self, fold: int) -> Callable[[Row], None]:
        """What shows the epochs of a fold's models, counted from 1; 0: of those fitted to everybody."""
        return partial(self, fold=fold)

    def __call__(self, row: Row, fold: int = 0) -> None:
        """Show one epoch."""
        epoch, epochs, split = int(row["epoch"]), int(row["epochs"]), int(row.get("split", 0))
        splits, again = int(row.get("splits", 1)), bool(row.get("refit"))
        name = MODEL_LABELS.get(row["model"]) or str(row["model"])
        rounds = splits + bool(row.get("held_out", again))
        one, of_fold = len(self._models) * rounds, f"fold {fold} of {self._folds}, " if fold else ""
        before = fold * one + self._models.index(row["model"]) * rounds + (splits if again else split)
        place = before * epochs + epoch, max((1 + self._folds) * one * epochs, 1)
        if row.get("forms") and not split:
            self._progress.line(f"  {of_fold}{name}, {row['forms']}")
        if again:
            self._tick(*place, f"{of_fold}{name}, once more with everyone")
            return
        if split == 0 and not fold:
            self._follow(row)
        name += f", split {split + 1} of {splits}" if splits > 1 else ""
        name += f", {row['step']}" if epoch else ""
        self._tick(*place, f"{of_fold}{name}, {row['validation_reconstruction']:.0%} unexplained")
        if not fold and (epoch % 10 == 0 or epoch == epochs):
            when = f"epoch {epoch} of {epochs}" if epoch else "at the start"
            self._progress.line(f"  {name}, {when}: {in_words(row)}")
        for code, text in row.get("warnings", {}).items():
            if (row["model"], code) not in self._warned:
                self._warned.add((row["model"], code))
                self._progress.warning(f"{of_fold}epoch {epoch}: {text}")


def in_words(row: Row) -> str:
    """Put an epoch's losses so that a reader can follow them."""
    known = ((row.get(column), text) for column, text in LOSSES_IN_WORDS)
    return " ".join(
        text.format(value) for value, text in known if value is not None and value == value
    ).strip(";,")


def _hardware(training: TrainingConfig) -> dict[str, object]:
    """What the training runs on: the same bits need the same device type and thread count."""
    from adhd_cvae.training import distributed
    from adhd_cvae.training.device import choose_precision

    device = choose_device(training.device)
    precision = str(choose_precision(training.precision, device)).removeprefix("torch.")
    return {
        "device": device.type,
        "precision": precision,
        "processes": distributed.count(),
        "torch_threads": torch.get_num_threads(),
        "peak_memory_mb": _peak_memory_mb(device),
    }


def _peak_memory_mb(device: torch.device) -> float:
    """Give the most memory this process has held, MB of 10⁶ bytes: on the GPU where it trained there."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 1e6, 1)
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)
