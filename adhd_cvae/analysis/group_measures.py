"""How far scores tell two groups apart, with an interval: pairs in order, balanced accuracy, beyond covariates.

Scores of different folds have no common scale, so that a patient is compared with the controls of the same fold alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adhd_cvae.analysis.permutation import Inference, cell_generator

AUC, ACCURACY, BEYOND = "auc", "balanced_accuracy", "auc_beyond_covariates"


@dataclass(frozen=True)
class Groups:
    """Who is compared with whom.

    Attributes
    ----------
    is_target
        (n,) bool.
    fold
        (n,) who is held out together.
    sites
        (n,) scanning sites, where known.
    covariates
        (n, k) numbers without gaps: site indicators, age, sex ...; k may be 0.
    """

    is_target: NDArray[np.bool_]
    fold: NDArray
    sites: NDArray | None
    covariates: NDArray[np.float64]

    def beyond_covariates(
        self, scores: NDArray[np.float64], is_target: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Scores, alike in spread in every fold, less what covariates say of them beside the group: (n,)."""
        left, known = scores.copy(), np.isfinite(scores)
        for fold in np.unique(self.fold[known]):
            rows = known & (self.fold == fold)
            left[rows] = (left[rows] - left[rows].mean()) / max(left[rows].std(), 1e-12)
        design = np.column_stack([np.ones(len(scores)), is_target, self.covariates])[known]
        weights = np.linalg.pinv(design) @ left[known]
        left[known] -= design[:, 2:] @ weights[2:]
        return left

    def at(self, site: str, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores at a site, NaN elsewhere."""
        return scores if self.sites is None else np.where(self.sites.astype(str) == site, scores, np.nan)

    def covariate_scores(self, is_target: NDArray[np.bool_], ridge: float) -> NDArray[np.float64]:
        """Ridge regression of the group on covariates, fitted to the other folds: (n,)."""
        scores = np.full(len(is_target), np.nan)
        for fold in np.unique(self.fold):
            held_out = self.fold == fold
            fitted, y = self.covariates[~held_out], is_target[~held_out].astype(float)
            spread = np.where(fitted.std(axis=0) > 0, fitted.std(axis=0), 1)
            design = (self.covariates - fitted.mean(axis=0)) / spread
            x = design[~held_out]
            weights = np.linalg.solve(x.T @ x + ridge * len(x) * np.eye(x.shape[1]), x.T @ (y - y.mean()))
            scores[held_out] = design[held_out] @ weights
        return scores


def pairwise_auc(scores: NDArray[np.floating], is_target: NDArray[np.bool_], block: NDArray) -> float:
    """Share of pairs of a patient and a control of one block whose scores are in order, ties half; NaN without a pair.

    Parameters
    ----------
    scores
        (n,), NaN where there is none.
    block
        (n,) label within which participants are compared.
    """
    pairs = [_ordered(*both) for both in _by_block(scores, is_target, block)]
    count = sum(one.size for one in pairs)
    return float(sum(one.sum() for one in pairs) / count) if count else float("nan")


def _by_block(
    scores: NDArray, is_target: NDArray[np.bool_], block: NDArray
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Scores of patients and of controls, block by block."""
    known = np.isfinite(scores)
    rows = [known & (block == label) for label in np.unique(block)]
    return [(scores[one & is_target], scores[one & ~is_target]) for one in rows]


def _ordered(patients: NDArray, controls: NDArray) -> NDArray[np.float64]:
    """(patients, controls): 1 where a patient's score is the larger, 0.5 where they are equal."""
    more, least = patients[:, None] > controls, patients[:, None] >= controls
    return (more.astype(float) + least) / 2


def balanced_accuracy(scores: NDArray[np.floating], is_target: NDArray[np.bool_], block: NDArray) -> float:
    """Mean share of both groups on their own side of 0; NaN without one of them."""
    sides = _by_block(scores, is_target, block)
    patients, controls = (np.concatenate(one) for one in zip(*sides, strict=True))
    if not len(patients) or not len(controls):
        return float("nan")
    return float(((patients > 0).mean() + (controls <= 0).mean()) / 2)


def interval(
    measure: str, scores: NDArray, groups: Groups, inference: Inference, names: Sequence[str]
) -> dict[str, float]:
    """95 % interval over participants, resampled within fold and group; models stay.

    None with few of a group, and where resampling changes nothing, as with one pair in each fold.
    """
    rng = cell_generator(inference.seed, "separation", *names)
    parts = [both for both in _by_block(scores, groups.is_target, groups.fold) if all(map(len, both))]
    counts = [sum(len(both[which]) for both in parts) for which in range(2)]
    if min(counts) < inference.sizes.minimum_class or not inference.bootstraps:
        return {}
    right, count = np.zeros((2, inference.bootstraps)), np.zeros(2)
    for patients, controls in parts:
        resampled = [
            rng.multinomial(len(one), np.full(len(one), 1 / len(one)), inference.bootstraps).astype(float)
            for one in (patients, controls)
        ]
        if measure == ACCURACY:
            right += resampled[0] @ (patients > 0), resampled[1] @ (controls <= 0)
            count += len(patients), len(controls)
        else:
            pairs = _ordered(patients, controls)
            right += np.einsum("bi,ij,bj->b", resampled[0], pairs, resampled[1], optimize=True)
            count += pairs.size
    low, high = np.percentile((right / count[:, None]).mean(axis=0), [2.5, 97.5])
    return {"ci_low": float(low), "ci_high": float(high)} if low < high else {}


def permutation_strata(groups: Groups, strata: NDArray[np.int64]) -> tuple[NDArray[np.int64], str | None]:
    """Levels within which groups are permuted: within stratum and fold, so that folds keep their proportions.

    Where most participants would then have nobody to change with, within the stratum alone, and a note.
    """
    _, both = np.unique(np.column_stack([strata, _codes(groups.fold)]), axis=0, return_inverse=True)

    def movable(levels: NDArray[np.int64]) -> int:
        shares = [groups.is_target[levels == level] for level in np.unique(levels)]
        return sum(len(one) for one in shares if 0 < one.sum() < len(one))

    if 2 * movable(both) >= movable(strata):
        return both.reshape(-1), None
    return strata, "permuted within strata across folds: too few participants of a stratum in a fold"


def _codes(labels: NDArray) -> NDArray[np.int64]:
    return np.unique(labels.astype(str), return_inverse=True)[1].reshape(-1)


Measure = Callable[[NDArray[np.float64], NDArray[np.bool_]], float]


def measures(groups: Groups, *, beyond: bool) -> dict[tuple[str, str | None], Measure]:
    """Name of a measure, and the site it is of, to what computes it from scores and groups."""
    found: dict[tuple[str, str | None], Measure] = {
        (AUC, None): lambda scores, y: pairwise_auc(scores, y, groups.fold),
        (ACCURACY, None): lambda scores, y: balanced_accuracy(scores, y, groups.fold),
    }
    if beyond and groups.covariates.shape[1]:
        found[BEYOND, None] = lambda scores, y: pairwise_auc(
            groups.beyond_covariates(scores, y), y, groups.fold
        )
    for site in () if groups.sites is None else np.unique(groups.sites.astype(str)):
        found[AUC, site] = lambda scores, y, site=site: pairwise_auc(groups.at(site, scores), y, groups.fold)
    return found
