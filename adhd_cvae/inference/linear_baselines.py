"""Codes of the linear baselines for the same participants."""

import numpy as np
import pandas as pd

from adhd_cvae.cohort.folds import sampled_rows
from adhd_cvae.images.cache import take_maps
from adhd_cvae.inference.embedding import in_batches, standardised_voxels
from adhd_cvae.models.linear import LinearSpace, fit_linear, fit_pca
from adhd_cvae.models.network import ContrastiveVAE
from adhd_cvae.names import CONTRASTIVE_PCA, PCA, TARGET, TRAIN, unit_name


def rows_to_fit(cohort: pd.DataFrame, most: int, seed: int) -> np.ndarray:
    """Rows of the training split that a linear model is fitted to: all, or `most` of them."""
    training, target = (
        (cohort[column] == value).to_numpy() for column, value in (("split", TRAIN), ("group", TARGET))
    )
    return sampled_rows(np.flatnonzero(training & target), np.flatnonzero(training & ~target), most, seed)


def _linear_codes(model: ContrastiveVAE, images: np.ndarray, *spaces: LinearSpace) -> list[np.ndarray]:
    """Codes of every map in each space, some maps at a time."""
    codes: list[list[np.ndarray]] = [[] for _ in spaces]
    for rows in in_batches(len(images)):
        voxels = standardised_voxels(model, take_maps(images, rows))
        for found, space in zip(codes, spaces, strict=True):
            found.append(space.embed(voxels))
    return [np.concatenate(found) for found in codes]


def baseline_scores(
    model: ContrastiveVAE, images: np.ndarray, cohort: pd.DataFrame, seed: int
) -> pd.DataFrame:
    """Scores of PCA and contrastive PCA fitted on the training split, beside the identity columns.

    Columns `participant_id`, `group`, `split`, ``pca_00…`` (as many as both spaces have) and ``cpca_00…`` (as many as
    the salient space has).
    """
    settings = model.config.linear
    fitted = rows_to_fit(cohort, settings.most_participants, seed)
    voxels = standardised_voxels(model, take_maps(images, fitted))
    target = (cohort["group"] == TARGET).to_numpy()[fitted]
    salient, background = model.config.salient, model.config.background
    spaces = fit_linear(CONTRASTIVE_PCA, voxels, target, salient, background, settings=settings, seed=seed)
    contrastive, principal = _linear_codes(
        model, images, spaces.salient, fit_pca(voxels, salient + background)
    )
    scores = {
        unit_name(space, unit): column
        for space, codes in ((PCA, principal), (CONTRASTIVE_PCA, contrastive))
        for unit, column in enumerate(codes.T)
    }
    identity = cohort[["participant_id", "group", "split"]].reset_index(drop=True)
    return pd.concat([identity, pd.DataFrame(scores).astype(float)], axis=1)
