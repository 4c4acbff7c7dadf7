"""One method on one simulated cohort: every score as rows of the benchmark's table."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from adhd_cvae.analysis.separation import KnownCohort, Row, recovery_rows, row, score_codes
from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from pipelines.benchmarks.separation_methods import Method, Simulated, brain_voxels, fit, pca_unexplained


def method_rows(
    method: Method, cohort: Simulated, reference: np.ndarray, recipe: Recipe, scratch: Path, *, null: bool
) -> tuple[list[Row], Mapping[str, np.ndarray]]:
    """Fit, then score: rows, and the reference patients' codes by space.

    A method whose training diverges has one row, the metric ``failed``.
    """
    try:
        fitted = fit(method, cohort, reference, recipe, scratch)
    except InputError:
        return [row("failed", 1.0)], {}
    known = _known(cohort)
    permutations = recipe.analysis.permutations
    rows = score_codes(fitted.spaces, known, null=null, permutations=permutations, seed=recipe.seed)
    pca = pca_unexplained(cohort, recipe, fitted.units)
    rows.append(row("unexplained", fitted.unexplained))
    rows.append(row("unexplained_over_pca", fitted.unexplained / pca))
    return [{**one, "seconds": round(fitted.seconds, 3)} for one in rows], fitted.reference


def ceiling_rows(cohort: Simulated, recipe: Recipe) -> list[Row]:
    """Recovery by ridge regression that is told the training patients' true severities, from all voxels."""
    voxels = {"voxels": brain_voxels(cohort, recipe)}
    return recovery_rows(voxels, _known(cohort), permutations=recipe.analysis.permutations, seed=recipe.seed)


def _known(cohort: Simulated) -> KnownCohort:
    return KnownCohort(cohort.table, cohort.factors, cohort.is_target, cohort.is_held_out)
