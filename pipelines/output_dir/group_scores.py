"""What the comparison of the groups rests on: scores by codes, linear models that can be fitted again, covariates."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from adhd_cvae.analysis.group_measures import Groups
from adhd_cvae.analysis.refits import Adjusting, Fold, Refit, applied, discriminant, with_both
from adhd_cvae.analysis.separation import Separation
from adhd_cvae.cohort.covariates import constant_columns
from adhd_cvae.config import CohortConfig
from adhd_cvae.models.reference_background import Borrowed
from pipelines.output_dir.analysis_inputs import AnalysisInputs
from pipelines.output_dir.run import Run
from pipelines.output_dir.tables import FOLD_SCORES


def asked_of_groups(run: Run, inputs: AnalysisInputs) -> Separation:
    """Gather them; without ``cache/fold-scores.npz`` nothing can be fitted again."""
    site = run.recipe.cohort.site
    sites = inputs.cohort[site].astype(str).to_numpy() if site in inputs.cohort else None
    folds = np.zeros(len(inputs.cohort), int) if inputs.folds is None else inputs.folds
    is_known = len(np.unique(folds)) > 1
    covariates = constant_columns(inputs.cohort, site, run.recipe.cohort)[0][:, : None if is_known else 0]
    groups = Groups(inputs.is_patient, folds, sites, covariates)
    refit = None
    if run.paths.fold_scores.is_file() and inputs.discriminants:
        refit = Refit(_folds(run, folds, sites), sites, run.recipe.model.of_folds(), run.recipe.seed)
    observed = _observed(inputs, groups) if is_known else {}
    codes = with_both(inputs.in_sample or inputs.spaces) if not observed or inputs.in_sample else {}
    in_sample = {
        space: applied(discriminant(values, groups.is_target), values) for space, values in codes.items()
    }
    return Separation(groups, observed, in_sample, refit, inputs.linear_folds)


def _folds(run: Run, folds: NDArray, sites: NDArray | None) -> list[Fold]:
    arrays = FOLD_SCORES.read(run.paths.fold_scores)
    found = []
    for number in np.unique(folds):
        end = f"_{number}"
        own = {name.removesuffix(end): values for name, values in arrays.items() if name.endswith(end)}
        found.append(fold_of(own, folds == number, sites, run.recipe.cohort))
    return found


def fold_of(
    arrays: Mapping[str, NDArray], held_out: NDArray[np.bool_], sites: NDArray | None, settings: CohortConfig
) -> Fold:
    """What a fold's linear model can be fitted again from, of the arrays of `inference.out_of_fold.refitted`."""
    adjusting, reference = None, None
    if "covariates" in arrays:
        adjusting = Adjusting(
            np.full(len(held_out), "") if sites is None else sites,
            *(arrays["covariates"], settings.smallest_site, settings.combat_block),
            harmonise=sites is not None and settings.harmonise == "combat",
            residualised=settings.residualise,
        )
    if "reference_axes" in arrays:
        mean, axes, variances, counts = (
            arrays[f"reference_{name}"] for name in ("mean", "axes", "variances", "counts")
        )
        reference = Borrowed(mean, axes, variances, *map(int, counts))
    return Fold(arrays["fold"], arrays["fitted"], held_out, adjusting, reference)


def _observed(inputs: AnalysisInputs, groups: Groups) -> dict[str, NDArray[np.float64]]:
    """Scores by the codes out of fold: by each fold's own discriminant, else by one of the other folds' codes."""
    found: dict[str, NDArray[np.float64]] = {}
    for space, values in with_both(inputs.own).items():
        scores = np.full(len(values), np.nan)
        for place, number in enumerate(np.unique(groups.fold)):
            held = groups.fold == number
            if space in inputs.discriminants:
                weights = inputs.discriminants[space][place]
            elif inputs.discriminants:
                continue
            else:
                weights = discriminant(values[~held], groups.is_target[~held])
            scores[held] = applied(weights, values[held])
        if np.isfinite(scores).any():
            found[space] = scores
    return found
