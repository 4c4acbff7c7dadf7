"""Seeded faults that the campaign must notice, and the question that notices what no p-value does."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from adhd_cvae.analysis.group_measures import Groups
from adhd_cvae.analysis.separation import Scores, Separation
from adhd_cvae.config import Recipe, SeparationConfig
from adhd_cvae.inference import out_of_fold
from adhd_cvae.inference.out_of_fold import Cohort, FoldModels
from pipelines.output_dir import group_scores
from pipelines.output_dir.analysis_inputs import AnalysisInputs
from pipelines.output_dir.folds import read_folds
from pipelines.output_dir.run import Run
from pipelines.output_dir.tables import COHORT

_FOLD_MODELS = out_of_fold.fold_models
_SCORES = Separation.scores


def _over_everybody(cohort: Cohort, held_out: np.ndarray, recipe: Recipe, trained: Path | None) -> FoldModels:
    """Standardise maps before they are dealt into folds."""
    images = np.asarray(cohort.images, np.float32)
    mean, spread = images.mean(axis=0), images.std(axis=0)
    scaled = mean + (images - mean) * (spread.mean() / np.maximum(spread, 1e-3))
    return _FOLD_MODELS(replace(cohort, images=scaled), held_out, recipe, trained)


def _aligned(inputs: AnalysisInputs, groups: Groups) -> dict[str, np.ndarray]:
    """Compare the groups by the first unit after turning each fold's codes onto the model of everybody."""
    return {space: values[:, 0].astype(float) for space, values in inputs.spaces.items()}


def _as_observed(separation: Separation, is_target: np.ndarray, settings: SeparationConfig) -> Scores:
    """Take codes as they were found, and refitted models for permutations alone."""
    return {**_SCORES(separation, is_target, settings), **separation.observed}


Faults = Mapping[str, Sequence[tuple[Any, str, Any]]]
FAULTS: Faults = {
    "standardise": [(out_of_fold, "fold_models", _over_everybody)],
    "align": [(group_scores, "_observed", _aligned), (Separation, "scores", _as_observed)],
}
"""What each puts in, and in place of what."""


@contextmanager
def seeded(fault: str | None, faults: Faults = FAULTS) -> Iterator[None]:
    """Work with one of the faults, or none."""
    with ExitStack() as stack:
        for owner, name, wrong in faults[fault] if fault else ():
            stack.enter_context(patch.object(owner, name, wrong))
        yield


def codes_moved(run: Run) -> float:
    """Share of the others' codes that differ once a held-out participant of the first fold has another map.

    Standardising over everybody knows no groups: every permutation has the same maps, and p-values stay right. It is
    a leak all the same.
    """
    table, images = COHORT.read(run.paths.cohort), np.load(run.paths.images)
    held_out = read_folds(table, run.paths) == 0
    row = int(np.flatnonzero(held_out)[0])
    others = np.delete(np.arange(len(table)), row)
    changed = images.copy()
    changed[row] *= 1.5
    found = []
    for maps in (images, changed):
        cohort = Cohort(maps, table, "site")
        found.append(out_of_fold.fold_models(cohort, held_out, run.recipe, None).scores[others])
    return float((found[0] != found[1]).mean())
