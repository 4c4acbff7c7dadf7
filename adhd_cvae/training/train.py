"""The contrastive VAE and the plain VAE beside it, trained by one recipe."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from adhd_cvae.cohort.folds import check_groups
from adhd_cvae.config import Recipe
from adhd_cvae.io import remove_partial_files, write_tsv
from adhd_cvae.models.reference_background import Reference
from adhd_cvae.training import distributed
from adhd_cvae.training.checkpoint import Checkpoint, training_key
from adhd_cvae.training.sampler import deal_rows
from adhd_cvae.training.selection import earned
from adhd_cvae.training.state import EpochRow
from adhd_cvae.training.trainer import Progress, Trainer


@dataclass(frozen=True)
class TrainingResult:
    """What training leaves besides the files."""

    history: pd.DataFrame
    """One row an epoch and model, of the first validation split."""
    earned: pd.DataFrame
    """What each step of each model gained (`adhd_cvae.training.selection.earned`)."""
    warnings: list[str]
    """In words."""


def train(
    images: np.ndarray,
    cohort: pd.DataFrame,
    recipe: Recipe,
    checkpoint_dir: Path,
    progress: Progress = lambda row: None,
    *,
    fitted: np.ndarray | None = None,
    reference: Reference | None = None,
    lent: np.ndarray | None = None,
) -> TrainingResult:
    """Train the contrastive VAE and, where the recipe says so, the plain VAE it is compared with.

    Parameters
    ----------
    images
        (n, x, y, z) gray-matter maps in the order of `cohort`.
    cohort
        Columns `participant_id`, `group` and the site.
    recipe
        Every part but `analysis`.
    checkpoint_dir
        Receives ``<model>.safetensors`` and ``.json``, ``history.tsv``, ``earned.tsv`` and, until a model is finished,
        its resumable state. A call after an interruption ends with the same bits as an undisturbed one. Of several
        processes (`adhd_cvae.training.distributed`) only the first reads and writes there.
    progress
        Called after every epoch with its row of the history, ``epochs``, and, by short codes, ``warnings``. Epochs of
        the last fit, to all who are trained on, come with ``refit``, a start that could borrow with ``forms``, words.
    fitted
        (n,) bool: who is trained on; everybody where it is not given. Nobody else of the cohort changes a weight.
    reference, lent
        Healthy anatomy from elsewhere, which the linear start borrows where that tells the groups better, and (m, x, y,
        z) maps that it was learnt from, around their sites' means: further controls of the nonlinear step.

    Raises
    ------
    InputError
        A group has too few to train on, the loss is not finite, or the folder belongs to other data or settings.
    """
    trainer = Trainer(
        *(recipe.training, recipe.objective, recipe.augmentation, recipe.image, recipe.model, recipe.seed),
        reference=reference,
        lent=lent,
    )
    distributed.check_device(trainer.device)
    if distributed.is_first():
        remove_partial_files(checkpoint_dir)
    participants = cohort[["participant_id", "group"]].to_numpy()
    trained_on = participants if fitted is None else participants[fitted]
    check_groups(trained_on[:, 1])
    key = training_key(recipe, trained_on.tolist(), _borrowed(trainer))
    splits = deal_rows(cohort, recipe.cohort.site, recipe.training, recipe.seed, fitted=fitted)
    trainers = {"cvae": trainer} | ({"vae": trainer.without_salient()} if recipe.training.vae else {})
    histories: dict[str, list[EpochRow]] = {}
    warnings: list[str] = []
    for name, one in trainers.items():
        found = one.fit(images, splits, Checkpoint(checkpoint_dir / name, key), progress)
        histories[name] = found
        warnings += one.diagnostics.training_warnings(found)
    return _written(histories, warnings, checkpoint_dir)


def _borrowed(trainer: Trainer) -> str:
    """Name what a training borrows: the reference's checksum, and how many lend their maps."""
    of_maps = "" if trainer.lenders is None else f" {len(trainer.lenders.within)} lent"
    return ("" if trainer.reference is None else trainer.reference.checksum) + of_maps


def _written(histories: dict[str, list[EpochRow]], warnings: list[str], folder: Path) -> TrainingResult:
    shown = [row for rows in histories.values() for row in rows if row["split"] == 0]
    table = pd.DataFrame(shown).drop(columns=["split", "held_out"])
    gained = pd.concat([earned(name, rows) for name, rows in histories.items()])
    if distributed.is_first():
        write_tsv(table, folder / "history.tsv")
        write_tsv(gained, folder / "earned.tsv")
    return TrainingResult(table, gained, warnings)
