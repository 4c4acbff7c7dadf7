"""Everybody's codes by models that have not met them, fold by fold, each in the fold's own frame.

A fold's linear model is fitted here, from the others' maps alone; a network that was trained on them takes its place
where there is one. Order, sign and scale of units come from the training participants, and so do the discriminants that
later tell the groups: nothing of those held out enters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from adhd_cvae.analysis.refits import discriminant, with_both
from adhd_cvae.analysis.seed_alignment import rotation
from adhd_cvae.cohort.covariates import site_codes
from adhd_cvae.config import Recipe
from adhd_cvae.images.cache import take_maps
from adhd_cvae.inference.adjustment import (
    ADJUSTMENT,
    Adjustment,
    adjusted,
    fit_adjustment,
    fitted_rows,
    load_adjustment,
)
from adhd_cvae.inference.decoding import EXAMPLES, decode, example_maps, gray_matter_in
from adhd_cvae.inference.embedding import Embedding, embed, in_batches, standardised_voxels
from adhd_cvae.inference.out_of_distribution import residuals
from adhd_cvae.models.initialisation import Start, initial_models
from adhd_cvae.models.linear import fit_linear, fit_pca
from adhd_cvae.models.network import ContrastiveVAE
from adhd_cvae.models.reference_background import Reference
from adhd_cvae.models.weights import load_model
from adhd_cvae.names import BACKGROUND, CONTRASTIVE_PCA, PCA, SALIENT, TARGET, VAE


@dataclass(frozen=True)
class Cohort:
    """Whom the models are fitted to and applied to.

    Attributes
    ----------
    images
        (n, x, y, z) gray-matter maps.
    table
        Their participants: `group`, the site and the covariates.
    site
        Column of the site; None where sites are not told apart.
    reference
        Healthy anatomy from elsewhere that linear models may borrow.
    """

    images: np.ndarray
    table: pd.DataFrame
    site: str | None
    reference: Reference | None = None

    @cached_property
    def is_target(self) -> np.ndarray:
        """(n,) bool."""
        return (self.table["group"] == TARGET).to_numpy()

    @cached_property
    def sites(self) -> np.ndarray | None:
        """(n,) scanning sites, where known."""
        return site_codes(self.table, self.site)


@dataclass(frozen=True)
class FoldModels:
    """The models of one fold.

    Attributes
    ----------
    images
        (n, x, y, z) everybody's maps as the models see them: without what the adjustment takes away.
    adjustment
        Of the maps, fitted to those whom the linear models are fitted to; None where they are as they were.
    contrastive, plain
        The network whose codes count, and the plain one beside it where there is one.
    scores
        (n, axes) everybody's on the principal axes of the training maps, around their mean, standardised by them.
    size
        (n,) squared length of each standardised map around that mean.
    fitted
        Rows that the linear models are fitted to.
    held_out
        (n,) bool.
    start
        What the linear models were fitted from.
    """

    images: np.ndarray
    adjustment: Adjustment | None
    contrastive: ContrastiveVAE
    plain: ContrastiveVAE | None
    scores: np.ndarray
    size: np.ndarray
    fitted: np.ndarray
    held_out: np.ndarray
    start: Start


@dataclass(frozen=True)
class OutOfFold:
    """What the models of a fold make of those held out; rows are theirs.

    Attributes
    ----------
    posteriors
        Space to means and standard deviations, (held, units) each, in the fold's own frame.
    turns
        Space to the rotation (units, units) that brings its codes nearest to those of the registered model, in the
        participants that both were fitted to: for what is asked within one group.
    discriminants
        Each space, and `both` salient and background, to weights (units + 1,) that tell the groups in the training
        participants.
    baselines
        Linear baseline to scores of everybody, (n, units).
    effect
        (held patients, voxels of the registered model) decoded minus twin, gray-matter volume per voxel.
    effect_of_controls
        (voxels,) the same of controls, decoded with their s, mean: what a model draws in anybody it has not met. NaN
        where none are held out.
    residual
        (held,) mean squared residual of each map, in standardised units, decoded from (z, s).
    unexplained, pca_unexplained
        (held,) residual over total sum of squares, controls' s set to zero; the same of as many principal components.
    example_rows, examples
        Of some of the cohort: their rows, and their `example_maps`.
    """

    posteriors: Mapping[str, tuple[np.ndarray, np.ndarray]]
    turns: Mapping[str, np.ndarray]
    discriminants: Mapping[str, np.ndarray]
    baselines: Mapping[str, np.ndarray]
    effect: np.ndarray
    effect_of_controls: np.ndarray
    residual: np.ndarray
    unexplained: np.ndarray
    pca_unexplained: np.ndarray
    example_rows: np.ndarray
    examples: np.ndarray


def fold_models(cohort: Cohort, held_out: np.ndarray, recipe: Recipe, trained: Path | None) -> FoldModels:
    """Fit the linear models to those not `held_out`, (n,) bool; networks in the folder `trained` take their place."""
    config = recipe.model.of_folds()
    units = config.background + config.salient
    plain = config.model_copy(update={"salient": 0, "background": units})
    outside, target = ~held_out, cohort.is_target
    fitted = fitted_rows(cohort.table, outside, recipe)
    sites = None if cohort.sites is None else cohort.sites[fitted]
    adjustment = (
        fit_adjustment(cohort.images, cohort.table, fitted, recipe)
        if trained is None
        else load_adjustment(trained / ADJUSTMENT)
    )
    images = adjusted(cohort.images, adjustment, cohort.table)
    maps = take_maps(images, fitted)
    configs = [config, plain] if recipe.training.vae else [config]
    start = initial_models(configs, recipe.image, maps, target[fitted], recipe.seed, sites, cohort.reference)
    models = start.models
    middle = standardised_voxels(models[0], maps).mean(axis=0)
    scores, size = [], []
    for rows in in_batches(len(images)):
        centred = standardised_voxels(models[0], take_maps(images, rows)) - middle
        scores.append(centred @ start.axes.T)
        size.append(np.square(centred).sum(axis=1))
    if trained is not None:
        names = ("cvae", "vae")[: len(models)]
        models = [load_model(trained / name)[0] for name in names]
    return FoldModels(
        images,
        adjustment,
        models[0].eval(),
        models[1].eval() if len(models) > 1 else None,
        np.concatenate(scores),
        np.concatenate(size),
        fitted,
        held_out,
        start,
    )


def refitted(models: FoldModels, cohort: Cohort) -> dict[str, np.ndarray]:
    """What a fold's linear model is fitted again from: `fold` scores and `fitted` rows; `covariates` of an adjustment.

    Where maps are adjusted the scores are those before, and `covariates` (n, columns) what takes part in it. A
    reference is there as `reference_mean` (scores,), `reference_axes` (axes, scores), `reference_variances` and
    `reference_counts`: of participants, of voxels.
    """
    found = {"fold": models.scores, "fitted": models.fitted}
    if (reference := models.start.reference) is not None:
        found["reference_mean"] = reference.mean.astype(np.float32)
        found["reference_axes"] = reference.axes.astype(np.float32)
        found["reference_variances"] = reference.variances
        found["reference_counts"] = np.array([reference.count, reference.features])
    if (adjustment := models.adjustment) is not None:
        parts = [adjustment.scores(take_maps(cohort.images, rows)) for rows in in_batches(len(cohort.images))]
        found["fold"] = np.concatenate(parts).astype(np.float32)
        found["covariates"] = adjustment.design.of(cohort.table)
    return found


def out_of_fold(
    models: FoldModels,
    cohort: Cohort,
    registered: ContrastiveVAE,
    in_sample: Mapping[str, np.ndarray],
    recipe: Recipe,
) -> OutOfFold:
    """Embed and decode those held out of a fold.

    Parameters
    ----------
    registered
        The model fitted to everybody, in whose voxels effects are given.
    in_sample
        Space to codes of everybody, (n, units), by the models fitted to everybody: the frame of the `turns`.
    """
    codes = embed(models.contrastive, models.images)
    means = {SALIENT: codes.salient_mean, BACKGROUND: codes.background_mean}
    sds = {SALIENT: codes.salient_sd, BACKGROUND: codes.background_sd}
    if models.plain is not None and VAE in in_sample:
        beside = embed(models.plain, models.images)
        means[VAE], sds[VAE] = beside.background_mean, beside.background_sd
    held, outside = models.held_out, ~models.held_out
    patients = outside & cohort.is_target
    turns = {
        space: rotation(found, in_sample[space], patients if space == SALIENT else outside)
        for space, found in means.items()
    }
    known = with_both({space: found[outside].astype(float) for space, found in means.items()})
    discriminants = {space: discriminant(part, cohort.is_target[outside]) for space, part in known.items()}
    mine = Embedding(*(part[held] for part in vars(codes).values()))
    everyone = recipe.objective.salient_of == "everyone"
    unexplained, pca_unexplained = _unexplained(models, cohort, mine, everyone=everyone)
    return OutOfFold(
        {space: (means[space][held], sds[space][held]) for space in means},
        turns,
        discriminants,
        baselines(models, cohort.is_target, recipe),
        *_effects(models, mine, cohort.is_target[held], registered),
        residuals(models.contrastive, take_maps(models.images, np.flatnonzero(held)), mine),
        unexplained,
        pca_unexplained,
        *_examples(models, cohort, mine, registered, everyone=everyone),
    )


def _examples(
    models: FoldModels, cohort: Cohort, codes: Embedding, registered: ContrastiveVAE, *, everyone: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The first of each group among those held out."""
    held = np.flatnonzero(models.held_out)
    is_target = cohort.is_target[held]
    groups = {TARGET: is_target, BACKGROUND: ~is_target}
    places = np.concatenate([np.flatnonzero(groups[group])[:count] for group, count in EXAMPLES.items()])
    some = Embedding(*(part[places] for part in vars(codes).values()))
    maps = take_maps(models.images, held[places])
    decoded = is_target[places] | everyone
    return held[places], example_maps(models.contrastive, maps, some, decoded, registered)


def _effects(
    models: FoldModels, codes: Embedding, is_target: np.ndarray, registered: ContrastiveVAE
) -> tuple[np.ndarray, np.ndarray]:
    """(patients, voxels of the registered model): each patient decoded minus its twin; and the mean of controls."""
    model, salient, background = models.contrastive, codes.salient_mean, codes.background_mean
    parts = [np.zeros((0, registered.voxels), np.float32)]
    for rows in in_batches(len(salient)):
        change = decode(model, background[rows], salient[rows]) - decode(model, background[rows])
        parts.append(gray_matter_in(registered, model, change))
    change = np.concatenate(parts)
    nobody = np.full(registered.voxels, np.nan, np.float32)
    return change[is_target], nobody if is_target.all() else change[~is_target].mean(axis=0)


def _unexplained(
    models: FoldModels, cohort: Cohort, codes: Embedding, *, everyone: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Residual over total sum of squares of each held-out map, and that of as many principal components."""
    model, held = models.contrastive, np.flatnonzero(models.held_out)
    has_salient = cohort.is_target[held] | everyone
    scale, mean = model.voxel_scale.cpu().numpy(), model.voxel_mean.cpu().numpy()
    shares = []
    for rows in in_batches(len(held)):
        observed = standardised_voxels(model, take_maps(models.images, held[rows]))
        salient = codes.salient_mean[rows] * has_salient[rows, None]
        sites = None if cohort.sites is None else cohort.sites[held[rows]]
        decoded = decode(model, codes.background_mean[rows], salient, sites)
        left = observed - (decoded - mean) / scale
        shares.append(np.square(left).sum(axis=1) / np.square(observed).sum(axis=1))
    units = model.config.background + model.config.salient
    taken = np.square(models.scores[held, :units]).sum(axis=1)
    return np.concatenate(shares), 1 - taken / models.size[held]


def baselines(models: FoldModels, is_target: np.ndarray, recipe: Recipe) -> dict[str, np.ndarray]:
    """Scores of everybody by PCA, with as many units as both spaces, and by contrastive PCA, with as many as s."""
    salient, background, settings = recipe.model.salient, recipe.model.background, recipe.model.linear
    known = models.scores[models.fitted].astype(float)
    contrastive = fit_linear(
        CONTRASTIVE_PCA,
        known,
        is_target[models.fitted],
        salient,
        background,
        settings=settings,
        seed=recipe.seed,
    )
    spaces = {PCA: fit_pca(known, salient + background), CONTRASTIVE_PCA: contrastive.salient}
    return {name: space.embed(models.scores) for name, space in spaces.items()}
