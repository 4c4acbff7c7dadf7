"""Whether a reference of healthy anatomy tells who is in it. Numpy and scikit-learn alone.

Principal axes hold what their own participants vary in better than what others do: of a member they leave less. That is
asked of participants held out in turn, all of it from the Gram matrix, so no feature is read again.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from adhd_cvae.config import ReferenceConfig

_LEAST = 1e-6


class Membership(NamedTuple):
    """What so many axes tell.

    Attributes
    ----------
    auc
        Area under the curve of telling members from others by the share of a map that the axes leave; 0.5 is a coin.
    explained
        Share of the variance of others that the axes hold: what the axes are for.
    explained_members
        The same of members.
    """

    axes: int
    auc: float
    explained: float
    explained_members: float


def membership_curve(
    gram: NDArray[np.float64],
    config: ReferenceConfig,
    seed: int,
    tick: Callable[[int, int], None] = lambda done, total: None,
) -> list[Membership]:
    """Ask it for each number of axes in `config.membership_axes` that there are.

    Parameters
    ----------
    gram
        (n, n) inner products of participants, each around the mean of its site, whether a member or not: who asks is
        taken to know the site's mean. Participants alone at their site say nothing.
    """
    gram = gram[np.ix_(heard := np.flatnonzero(np.diag(gram) > _LEAST * np.trace(gram) / len(gram)), heard)]
    held = np.random.default_rng(seed).permutation(len(gram)) % config.membership_folds
    folds = []
    for fold in range(config.membership_folds):
        folds.append(_left(gram, held == fold, config.membership_axes))
        tick(fold + 1, config.membership_folds)
    found = []
    for number, axes in enumerate(config.membership_axes):
        asked = [fold[number] for fold in folds if number < len(fold)]
        if len(asked) == len(folds):
            found.append(Membership(axes, *np.mean(asked, axis=0).tolist()))
    return found


def shareable_axes(curve: list[Membership], limit: float) -> int:
    """Most axes of the curve up to which nowhere more than `limit` is told; 0 where the first tells more."""
    beyond = [one.auc > limit for one in curve]
    kept = curve[: beyond.index(True)] if any(beyond) else curve
    return kept[-1].axes if kept else 0


def _left(
    gram: NDArray, others: NDArray[np.bool_], numbers: tuple[int, ...]
) -> list[tuple[float, float, float]]:
    """AUC and explained variance of others and of members, for each number of axes that the members have."""
    members = np.flatnonzero(~others)
    lengths, vectors = np.linalg.eigh(gram[np.ix_(members, members)])
    keep = np.flatnonzero(lengths > lengths[-1] * _LEAST)[::-1][: max(numbers)]
    scores = gram[:, members] @ (vectors[:, keep] / np.sqrt(lengths[keep]))
    taken, whole = np.cumsum(np.square(scores), axis=1), np.diag(gram)
    found = []
    for number in (one for one in numbers if one <= len(keep)):
        held = taken[:, number - 1]
        auc = float(roc_auc_score(~others, held / whole))
        shares = (float(held[rows].sum() / whole[rows].sum()) for rows in (others, ~others))
        found.append((auc, *shares))
    return found
