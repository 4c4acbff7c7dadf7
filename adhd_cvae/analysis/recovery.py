"""Recovery of planted factors: how well the latents predict, out of sample, what was put into the images."""

from collections.abc import Mapping, Sized
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from adhd_cvae.analysis.permutation import DEFAULTS
from adhd_cvae.analysis.variables import Row
from adhd_cvae.errors import InputError
from adhd_cvae.names import OUT_OF_FOLD, SUBTYPE

_PENALTIES = np.logspace(-2, 4, 13)
"""What ridge regression chooses from, for latents of unit variance."""
RECOVERY_COLUMNS = ["factor", "space", "split", "metric", "score", "n", "note"]


class Scoring(NamedTuple):
    """How predictions are scored out of sample."""

    folds: int = DEFAULTS.folds
    shuffles: int = DEFAULTS.fold_shuffles
    """Of the folds, over which a score is averaged."""
    seed: int = 0
    """Of the first shuffle."""
    minimum: int = DEFAULTS.sizes.minimum
    """Patients below which there is no score."""


class _Patients(NamedTuple):
    """Patients with finite latents and a known factor."""

    latents: NDArray[np.float64]
    factor: NDArray[np.float64]

    def obstacle(self, minimum: int) -> str | None:
        if len(self.factor) < minimum:
            return f"{len(self.factor)} patients; at least {minimum} are needed"
        if not np.ptp(self.factor) > 0:
            return "the factor is the same for every patient"
        return None


def ridge() -> Pipeline:
    """Z-scored latents, then ridge regression that chooses its penalty inside the data it is fitted to."""
    return make_pipeline(StandardScaler(), RidgeCV(alphas=_PENALTIES))


def correlation(predicted: NDArray[np.floating], observed: NDArray[np.floating]) -> float:
    """Pearson's r; 0 where the prediction does not vary and so says nothing."""
    if not np.ptp(predicted) > 1e-12 * max(1.0, float(np.abs(predicted).max())):
        return 0.0
    return float(np.corrcoef(predicted, observed)[0, 1])


def explained_share(predicted: NDArray[np.floating], observed: NDArray[np.floating]) -> float:
    """R²: 1 less the residual over the total sum of squares; negative where the mean predicts better."""
    residual = np.sum((observed - predicted) ** 2)
    return float(1 - residual / np.sum((observed - observed.mean()) ** 2))


def _cross_validated(patients: _Patients, scoring: Scoring) -> dict[str, float]:
    """Score cross-validated predictions by r and R², each averaged over repeated shuffles of the folds."""
    scores = []
    for shuffle in range(scoring.shuffles):
        folds = KFold(scoring.folds, shuffle=True, random_state=scoring.seed + shuffle)
        predicted = np.asarray(cross_val_predict(ridge(), patients.latents, patients.factor, cv=folds))
        scores.append((correlation(predicted, patients.factor), explained_share(predicted, patients.factor)))
    r, r2 = np.mean(scores, axis=0)
    return {"r": float(r), "r2": float(r2)}


def _rows(patients: _Patients, split: str, scoring: Scoring) -> list[Row]:
    obstacle = patients.obstacle(scoring.minimum)
    scores = {"r": np.nan, "r2": np.nan} if obstacle else _cross_validated(patients, scoring)
    n = len(patients.factor)
    return [
        {"split": split, "metric": metric, "score": score, "n": n, "note": obstacle}
        for metric, score in scores.items()
    ]


def _check_lengths(given: Mapping[str, Sized], n: int) -> None:
    problems = [
        f"'{name}' has {len(values)} participants, the truth {n}. Give all in the same order."
        for name, values in given.items()
        if len(values) != n
    ]
    if problems:
        raise InputError(*problems)


@threadpool_limits.wrap(limits=1)  # the matrices are small
def recovery_table(
    spaces: Mapping[str, NDArray],
    is_target: pd.Series | NDArray,
    truth: pd.DataFrame,
    scoring: Scoring,
    *,
    split: str = OUT_OF_FOLD,
) -> pd.DataFrame:
    """Predict every planted factor from every space, within patients.

    Parameters
    ----------
    spaces
        Name: (n, units), the latents and, beside them, any linear baseline's scores, of one frame.
    is_target
        (n,) True for patients; the others are left out.
    truth
        n rows in the same order; every numeric column but `subtype` is a factor.
    scoring
        Folds and their shuffles.
    split
        What the codes are: of models that have not met the participant, or not known.

    Returns
    -------
    pandas.DataFrame
        factor, space, split, metric, score, n, note. Metrics: `r` and `r2` of cross-validated ridge predictions.

    Raises
    ------
    InputError
        A space or group has another number of participants than the truth.
    """
    _check_lengths({**spaces, "is_target": is_target}, len(truth))
    patients = np.asarray(is_target).astype(bool)
    rows = []
    for factor in truth.select_dtypes("number").columns.drop(SUBTYPE, errors="ignore"):
        values = truth[factor].to_numpy(np.float64)
        for space, latents in spaces.items():
            latents = np.asarray(latents, np.float64)
            known = patients & np.isfinite(values) & np.isfinite(latents).all(axis=1)
            some = _Patients(latents[known], values[known])
            rows += [{"factor": factor, "space": space, **row} for row in _rows(some, split, scoring)]
    return pd.DataFrame(rows, columns=RECOVERY_COLUMNS)
