"""The contrastive VAE and the plain VAE beside it, trained by one recipe."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from adhd_cvae.config import Recipe
from adhd_cvae.io import remove_partial_files, write_tsv
from adhd_cvae.training import distributed
from adhd_cvae.training.checkpoint import Checkpoint, training_key
from adhd_cvae.training.sampler import check_groups, deal_rows
from adhd_cvae.training.state import EpochRow
from adhd_cvae.training.trainer import Progress, Trainer


@dataclass(frozen=True)
class TrainingResult:
    """What training leaves besides the files: one row an epoch and model, and warnings in words."""

    history: pd.DataFrame
    warnings: list[str]


def train(
    images: np.ndarray,
    cohort: pd.DataFrame,
    recipe: Recipe,
    checkpoint_dir: Path,
    progress: Progress = lambda row: None,
) -> TrainingResult:
    """Train the contrastive VAE and, where the recipe says so, the plain VAE it is compared with.

    Parameters
    ----------
    images
        (n, x, y, z) gray-matter maps in the order of `cohort`.
    cohort
        Columns `participant_id`, `group`, `split` and the site; only ``train`` rows are used.
    recipe
        Every part but `analysis`.
    checkpoint_dir
        Receives ``<model>.safetensors`` and ``.json``, ``history.tsv`` and, until a model is finished, its
        resumable state. A call after an interruption ends with the same bits as an undisturbed one. Of several
        processes (`adhd_cvae.training.distributed`) only the first reads and writes there.
    progress
        Called after every epoch with its row of the history, ``epochs``, and what is wrong in that epoch as
        ``warnings``, by a short code. Epochs of the last fit, to all of the training split, come with ``refit``.

    Raises
    ------
    InputError
        The loss is not finite, or the folder belongs to other data or settings.
    """
    trainer = Trainer(
        recipe.training, recipe.objective, recipe.augmentation, recipe.image, recipe.model, recipe.seed
    )
    distributed.check_device(trainer.device)
    if distributed.is_first():
        remove_partial_files(checkpoint_dir)
    check_groups(cohort)
    participants = cohort[["participant_id", "group", "split"]].to_numpy().tolist()
    key = training_key(recipe, participants)
    rows = deal_rows(cohort, recipe.cohort.site, recipe.training, recipe.seed)
    trainers = {"cvae": trainer} | ({"vae": trainer.without_salient()} if recipe.training.vae else {})
    history: list[EpochRow] = []
    warnings: list[str] = []
    for name, one in trainers.items():
        found = one.fit(images, rows, Checkpoint(checkpoint_dir / name, key), progress)
        history += found
        warnings += one.diagnostics.training_warnings(pd.DataFrame(found))
    table = pd.DataFrame(history)
    if distributed.is_first():
        write_tsv(table, checkpoint_dir / "history.tsv")
    return TrainingResult(table, warnings)
