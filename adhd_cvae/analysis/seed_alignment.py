"""Codes of several trainings brought into one frame, averaged, and how far they agree.

Units of two trainings have no common order, sign or direction: any rotation of a code is as good a code. Each
training's codes are turned onto those of the first one (orthogonal Procrustes, Schönemann 1966,
doi 10.1007/BF02289451). There is no shift and no stretching, so that s = 0, the twin, stays where it is.
"""

from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes

from adhd_cvae.errors import InputError

STABILITY_COLUMNS = ["space", "seed", "other_seed", "split", "r", "n"]


def rotation(
    codes: NDArray[np.floating], onto: NDArray[np.floating], rows: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Find the orthogonal matrix R, (units, units), that brings ``codes @ R`` nearest to `onto`.

    Parameters
    ----------
    codes, onto
        (n, units), the same participants.
    rows
        (n,) the participants it is fitted to: those trained on, so that agreement in others is no matter of fitting.

    Raises
    ------
    InputError
        The codes have different sizes.
    """
    if codes.shape != onto.shape:
        raise InputError(
            f"codes of shapes {codes.shape} and {onto.shape} cannot be aligned; expected one shape."
        )
    return orthogonal_procrustes(codes[rows].astype(float), onto[rows].astype(float))[0]


def agreement(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Correlate two aligned codes, all units together: Σ ab / √(Σ a² Σ b²) around each unit's mean; NaN if constant."""
    a, b = first - first.mean(axis=0), second - second.mean(axis=0)
    size = np.sqrt(np.sum(a**2) * np.sum(b**2))
    return float(np.sum(a * b) / size) if size > 1e-12 else float("nan")


def stability_table(
    space: str,
    members: Mapping[Hashable, NDArray[np.floating]],
    fitted: NDArray[np.bool_],
    asked: Mapping[str, NDArray[np.bool_]],
) -> pd.DataFrame:
    """Compare each two trainings.

    Parameters
    ----------
    members
        Seed to codes, (n, units).
    fitted
        (n,) participants that the rotation is fitted to.
    asked
        Name of a split to (n,) participants that the agreement is of.

    Returns
    -------
    pandas.DataFrame
        `space`, `seed`, `other_seed`, `split`, `r`, `n`.
    """
    rows = []
    for (seed, codes), (other_seed, other) in combinations(members.items(), 2):
        turned = other @ rotation(other, codes, fitted)
        for split, members_of in asked.items():
            n = int(members_of.sum())
            r = agreement(codes[members_of], turned[members_of]) if n > 1 else float("nan")
            rows.append((space, seed, other_seed, split, r, n))
    return pd.DataFrame(rows, columns=STABILITY_COLUMNS)


def aligned(
    members: Sequence[NDArray[np.floating]], fitted: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """Average the members' codes in the frame of the first; return the mean, (n, units), and every rotation."""
    rotations = [rotation(codes, members[0], fitted) for codes in members]
    turned = [codes @ turn for codes, turn in zip(members, rotations, strict=True)]
    return np.mean(turned, axis=0), rotations
