"""Leakage: what a space holds that it should not, and whether the two spaces are independent."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from adhd_cvae.analysis.kernels import ridge_predictions, split_kernels
from adhd_cvae.analysis.permutation import (
    DEFAULTS,
    Inference,
    cell_generator,
    permuted_orders,
    strata_to_permute,
    upper_p_value,
)
from adhd_cvae.analysis.variables import Scale, check_rows, numeric_values

PROBES = ("linear", "rbf")
PROBE_COLUMNS = [
    *("space", "target", "probe", "metric", "score", "null_mean", "null_p95", "p_value", "n", "note"),
]


class _Question(NamedTuple):
    """One target among the participants that know it."""

    features: NDArray[np.float64]
    """(n, units)"""
    outcomes: NDArray[np.float64]
    """(n,) values, or class codes from 0."""
    classes: int
    """Number of classes, 0 for a regression."""
    strata: NDArray[np.int64]
    note: str | None
    usable: bool


def _cross_validated(
    question: _Question, arranged: NDArray[np.float64], probe: str, folds: int, seed: int
) -> NDArray[np.float64]:
    """Cross-validated predictions (n, arrangements), class codes or values, for each arrangement of the outcomes.

    The folds do not look at the outcomes, so that the observed arrangement is one like all others.
    A class is chosen by how far its score exceeds its frequency, relative to that frequency: the Bayes rule
    for balanced accuracy.
    """
    n = len(arranged)
    predicted = np.empty(arranged.shape)
    splitter = KFold(min(folds, n), shuffle=True, random_state=seed)
    for train, test in splitter.split(arranged):
        inside, across = split_kernels(question.features[train], question.features[test], probe)
        if not question.classes:
            predicted[test] = ridge_predictions(inside, across, arranged[train, :, None])[:, :, 0]
            continue
        members = (arranged[train, :, None] == np.arange(question.classes)).astype(np.float64)
        shares = members.mean(axis=0)
        scores = ridge_predictions(inside, across, members)
        excess = np.where(shares > 0, (scores - shares) / np.where(shares > 0, shares, 1.0), -np.inf)
        predicted[test] = excess.argmax(axis=2)
    return predicted


def _balanced_accuracy(
    predicted: NDArray[np.float64], arranged: NDArray[np.float64], classes: int
) -> NDArray[np.float64]:
    """Mean over classes of the share of their members that are predicted right, per arrangement."""
    right = predicted == arranged
    recalls = [
        np.where(arranged == code, right, 0).sum(axis=0) / np.maximum((arranged == code).sum(axis=0), 1)
        for code in range(classes)
    ]
    return np.mean(recalls, axis=0)


def _correlations(predicted: NDArray[np.float64], arranged: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson's r per arrangement; 0 where the prediction does not vary."""
    a = predicted - predicted.mean(axis=0)
    b = arranged - arranged.mean(axis=0)
    norm = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    return np.where(norm > 1e-12, (a * b).sum(axis=0) / np.where(norm > 1e-12, norm, 1.0), 0.0)


def _ask(latents: NDArray, values: pd.Series, scale: Scale, inference: Inference) -> _Question:
    """Collect the participants that know the target; classes with too few members are dropped."""
    sizes = inference.sizes
    features = np.asarray(latents, np.float64)
    numbers = numeric_values(values, scale, str(values.name))
    kept = np.isfinite(numbers) & np.isfinite(features).all(axis=1)
    notes = []
    if scale == "nominal":
        codes, counts = np.unique(numbers[kept], return_counts=True)
        rare = codes[counts < sizes.minimum_class]
        if len(rare):
            dropped = kept & np.isin(numbers, rare)
            labels = sorted(set(map(str, values[dropped])))
            notes.append(
                f"classes with fewer than {sizes.minimum_class} members left out: {', '.join(labels)}"
            )
            kept &= ~dropped
    outcomes = numbers[kept]
    levels, codes = np.unique(outcomes, return_inverse=True)
    if len(outcomes) < sizes.minimum:
        notes.append(f"{len(outcomes)} participants; at least {sizes.minimum} are needed")
    elif len(levels) < 2:
        notes.append("the target is the same for every participant")
    usable = len(outcomes) >= sizes.minimum and len(levels) > 1
    groups, freely = strata_to_permute(codes, inference.codes[kept])
    if freely and usable:
        notes.append(freely)
    nominal = scale == "nominal"
    return _Question(
        features[kept],
        codes.astype(np.float64) if nominal else outcomes,
        len(levels) if nominal else 0,
        groups,
        "; ".join(notes) or None,
        usable,
    )


def _probe(question: _Question, probe: str, permutations: int, folds: int, rng: np.random.Generator) -> dict:
    """Score the observed outcomes and their permutations alike."""
    row = {
        "probe": probe,
        "metric": "balanced_accuracy" if question.classes else "r",
        "n": len(question.outcomes),
        "note": question.note,
    }
    if not question.usable:
        return row
    orders = permuted_orders(rng, question.strata, permutations)
    identity = np.arange(len(question.outcomes), dtype=np.int32)[None]
    arranged = question.outcomes[np.concatenate([identity, orders])].T
    predicted = _cross_validated(question, arranged, probe, folds, int(rng.integers(2**31)))
    if question.classes:
        scores = _balanced_accuracy(predicted, arranged, question.classes)
    else:
        scores = _correlations(predicted, arranged)
    null = scores[1:]
    row["score"] = scores[0]
    if np.all(arranged == arranged[:, :1]):
        return row | {"note": "every permutation leaves the target as it is"}
    summary = {"null_mean": null.mean(), "null_p95": np.percentile(null, 95)}
    return row | summary | {"p_value": upper_p_value(scores[0], null)}


@threadpool_limits.wrap(limits=1)  # ten times faster: the matrices are small
def probe_table(
    spaces: Mapping[str, NDArray],
    targets: pd.DataFrame,
    scales: Mapping[str, Scale],
    inference: Inference,
    *,
    folds: int = DEFAULTS.folds,
    probes: Sequence[str] = PROBES,
) -> pd.DataFrame:
    """Predict each target from each space, cross-validated among these participants.

    The linear probe is kernel ridge with a linear kernel (ridge regression), the other one with a Gaussian
    kernel of median width. Scaling and penalty are learnt inside each training fold.

    Parameters
    ----------
    spaces
        Name: (n, units) posterior means by models that have not met the participant, of one frame.
    targets
        n rows in the same order; missing values are left out.
    scales
        Target: ``ratio`` (score: r) or ``nominal`` (score: balanced accuracy).
    inference
        The outcomes are permuted, each arrangement cross-validated like the observed one; p is one-sided.
    folds
        Of the cross-validation.
    probes
        Which of `PROBES`.

    Returns
    -------
    pandas.DataFrame
        space, target, probe, metric, score, null_mean, null_p95, p_value, n, note
    """
    check_rows(spaces, targets, scales)
    inference = inference.among(np.ones(len(targets), bool))
    rows = []
    for space, latents in spaces.items():
        for target, scale in scales.items():
            question = _ask(latents, pd.Series(targets[target]), scale, inference)
            for probe in probes:
                rng = cell_generator(inference.seed, "probe", space, target, probe)
                row = _probe(question, probe, inference.permutations, folds, rng)
                rows.append({"space": space, "target": target, **row})
    return pd.DataFrame(rows, columns=PROBE_COLUMNS)
