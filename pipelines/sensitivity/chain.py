"""One cohort in memory through what `run … group` does up to its tables: folds, linear models, tests of the groups."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from adhd_cvae.analysis.group_measures import AUC, BEYOND, Groups
from adhd_cvae.analysis.kernels import ridge_predictions, split_kernels
from adhd_cvae.analysis.maps.group_maps import group_test
from adhd_cvae.analysis.permutation import (
    Inference,
    cell_generator,
    permuted_orders,
    stratum_codes,
    upper_p_value,
)
from adhd_cvae.analysis.recovery import correlation
from adhd_cvae.analysis.refits import BOTH, Fold, Refit
from adhd_cvae.analysis.separation import Separation, separation_table
from adhd_cvae.cohort.covariates import constant_columns
from adhd_cvae.cohort.folds import deal_folds
from adhd_cvae.config import Recipe
from adhd_cvae.inference.out_of_fold import Cohort, fold_models, refitted
from adhd_cvae.models.reference_background import Reference
from adhd_cvae.names import ALPHA, BACKGROUND, SALIENT, rows_of
from pipelines.output_dir.group_scores import fold_of

ALL = "all"
"""Effects that a measure does not tell apart."""
MAPS, DICE, R = "maps", "dice", "r"
Row = dict[str, Any]


class Planted(NamedTuple):
    """A cohort and what is known of it.

    Attributes
    ----------
    images
        (n, x, y, z) maps on the recipe's grid.
    table
        Their participants: `participant_id`, `group`, the site and the covariates.
    severities
        (n, effects), 0 in controls; columns by name.
    regions
        (x, y, z) bool: voxels in which something was planted.
    """

    images: NDArray[np.float16]
    table: pd.DataFrame
    severities: pd.DataFrame
    regions: NDArray[np.bool_]


@threadpool_limits.wrap(limits=1)  # a cohort keeps to its core
def measured(
    planted: Planted, recipe: Recipe, reference: Reference | None, *, beyond_covariates: bool
) -> pd.DataFrame:
    """What the chain finds: `effect`, `space`, `measure`, `value`, `p_value` of each headline; `n`, `patients`.

    Patients told from controls `beyond_covariates` takes as many refits again.
    """
    cohort = Cohort(planted.images, planted.table, recipe.cohort.site, reference)
    asked, settings = recipe.analysis, recipe.cohort
    folds = deal_folds(
        *(planted.table, settings.folds, recipe.seed, settings.site),
        groups=settings.fold_groups,
        minimum=settings.minimum_group,
    ).to_numpy()
    refit = Refit(
        [_fold(cohort, folds == number, recipe) for number in np.unique(folds)],
        *(cohort.sites, recipe.model.of_folds(), recipe.seed),
    )
    covariates, _ = constant_columns(planted.table, settings.site, settings)
    strata = None if asked.permute_within is None else pd.Series(planted.table[asked.permute_within])
    inference = Inference(recipe.sensitivity.permutations, 0, recipe.seed, strata, asked.sizes)
    known = covariates if beyond_covariates else covariates[:, :0]
    groups = Groups(cohort.is_target, folds, cohort.sites, known)
    separation = Separation(groups, {}, {}, refit, is_linear=True, supervised=False)
    table = separation_table(separation, inference, asked.separation, recipe.sensitivity.refits)
    rows = [
        *_separated(table),
        *_recovered(planted, cohort.is_target, folds, refit, inference),
        _mapped(planted, cohort.is_target, covariates, inference, recipe.image.mask_threshold),
    ]
    return pd.DataFrame(rows).assign(n=len(folds), patients=np.count_nonzero(cohort.is_target))


def _fold(cohort: Cohort, held_out: NDArray[np.bool_], recipe: Recipe) -> Fold:
    """A fold's linear model, as `embed` fits it."""
    arrays = refitted(fold_models(cohort, held_out, recipe, None), cohort)
    return fold_of(arrays, held_out, cohort.sites, recipe.cohort)


def _separated(table: pd.DataFrame) -> list[Row]:
    """Patients told from controls by codes, everybody together; covariates may tell who stands for whom, and do."""
    asked = table["measure"].isin([AUC, BEYOND]) & table["space"].isin([SALIENT, BACKGROUND, BOTH])
    rows = rows_of(pd.DataFrame(table[table["site"].isna() & asked]))
    return [
        {"effect": ALL, **{name: row[name] for name in ("space", "measure", "value", "p_value")}}
        for row in rows
    ]


def _recovered(
    planted: Planted, is_target: NDArray[np.bool_], folds: NDArray, refit: Refit, inference: Inference
) -> list[Row]:
    """Severities of patients who are held out, predicted by ridge regression from s of the fold's other patients.

    Permuted among patients within strata, of which s knows nothing.
    """
    patients = np.flatnonzero(is_target)
    strata = stratum_codes(inference.strata, len(is_target))[patients]
    rng = cell_generator(inference.seed, "sensitivity")
    orders = np.vstack([np.arange(len(patients)), permuted_orders(rng, strata, inference.permutations)])
    truth = planted.severities.to_numpy(float)[patients]
    values = np.stack([one[orders].T for one in truth.T])  # (effects, patients, arrangements)
    predicted = np.zeros_like(values)
    for fold, number in zip(refit.folds, np.unique(folds), strict=True):
        held = folds[patients] == number
        codes = refit.codes(fold, is_target[fold.fitted])[SALIENT][patients]
        known = np.isin(patients, fold.fitted)
        kernels = split_kernels(codes[known], codes[held], "linear")
        for place, outcomes in enumerate(values):
            found = ridge_predictions(*kernels, outcomes[known][:, :, None])[:, :, 0]
            # Around their mean: that of the others is the larger, the smaller the severities of who is held out.
            predicted[place, held] = found - outcomes[known].mean(axis=0)
    rows = []
    for name, expected, found in zip(planted.severities.columns, values, predicted, strict=True):
        r = np.array([correlation(*both) for both in zip(found.T, expected.T, strict=True)])
        p_value = upper_p_value(r[0], r[1:])
        rows.append({"effect": name, "space": SALIENT, "measure": R, "value": r[0], "p_value": p_value})
    return rows


def _mapped(
    planted: Planted,
    is_target: NDArray[np.bool_],
    covariates: NDArray[np.float64],
    inference: Inference,
    threshold: float,
) -> Row:
    """Voxel by voxel: the least corrected p, and the overlap of what is significant with what was planted."""
    mask = planted.images.mean(axis=0, dtype=np.float32) > threshold
    blocks = (planted.images[:, plane][:, inside] for plane, inside in enumerate(mask) if inside.any())
    test = group_test(blocks, is_target, covariates, inference)
    row: Row = {"effect": ALL, "space": MAPS, "measure": DICE, "value": np.nan, "p_value": np.nan}
    if not len(test.p):
        return row
    found, asked = test.p < ALPHA, planted.regions[mask]
    dice = 2 * (found & asked).sum() / max(found.sum() + asked.sum(), 1)
    return row | {"value": float(dice), "p_value": float(test.p.min())}
