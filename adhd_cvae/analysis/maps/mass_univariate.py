"""A variable against every voxel of a map, corrected for all of them by permutation.

Every map is a vector over the voxels of the brain mask until `to_volume` puts it back on the grid.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adhd_cvae.analysis.permutation import Inference, permuted_orders, stratum_codes
from adhd_cvae.errors import InputError
from adhd_cvae.names import ALPHA

_ARRANGEMENTS, _VALUES = 128, 2**23
"""Rearrangements, and values of the maps, that are in memory at once."""
_ROUNDING = 1e-5
"""Of a correlation in single precision: within it of another one counts as reaching it."""


def to_volume(values: NDArray[np.floating], mask: NDArray, outside: float = 0.0) -> NDArray[np.float32]:
    """Put (voxels,) values back on the mask's grid, `outside` elsewhere.

    Raises
    ------
    InputError
        There are not as many values as voxels in the mask.
    """
    inside = np.asarray(mask).astype(bool)
    if np.shape(values) != (int(inside.sum()),):
        raise InputError(
            f"A map has shape {np.shape(values)}, the mask {int(inside.sum())} voxels. Decode again."
        )
    volume = np.full(inside.shape, outside, np.float32)
    volume[inside] = values
    return volume


@dataclass(frozen=True)
class VoxelTest:
    """What a variable has to do with each voxel; arrays are (voxels,), empty where there is no test.

    Attributes
    ----------
    n
        Participants.
    note
        Why there is no test.
    r
        Partial correlation.
    slope
        Change of the voxel for one unit of the variable.
    t
        Of the variable in the linear model.
    p
        Two-sided, corrected for all voxels by the largest statistic. Voxels that do not vary have t = 0 and p = 1.
    """

    n: int
    note: str | None = None
    r: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    slope: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    t: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    p: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def volumes(self, mask: NDArray) -> dict[str, NDArray[np.float32]]:
        """Give the maps `t`, `p` (1 outside the mask) and `log10_p` (-log10 of it); none where there is no test."""
        if not len(self.p):
            return {}
        return {
            "t": to_volume(self.t, mask),
            "p": to_volume(self.p, mask, outside=1.0),
            "log10_p": to_volume(np.abs(np.log10(self.p)), mask),
        }

    def row(self, name: str, statistic: str, covariates: str) -> dict[str, Any]:
        """Give its row of the table: how many voxels pass, the statistic farthest from 0, the least p."""
        row: dict[str, Any] = {"map": name, "statistic": statistic, "n": self.n}
        row |= {"covariates": covariates, "note": self.note}
        if not len(self.p):
            return row
        values = self.r if statistic == "r" else self.t
        row |= {"voxels": len(self.p), "significant": int((self.p < ALPHA).sum())}
        return row | {"largest": float(values[np.abs(values).argmax()]), "p_value": float(self.p.min())}


def covariate_columns(values: pd.Series | NDArray, *, nominal: bool) -> NDArray[np.float64]:
    """Give the (n, columns) of a design that hold a variable constant.

    Parameters
    ----------
    values
        (n,).
    nominal
        An indicator for each level, missing being a level of its own; else the numbers themselves.
    """
    if not nominal:
        return np.asarray(values, np.float64)[:, None]
    codes = stratum_codes(values, len(values))
    return np.eye(int(codes.max(initial=-1)) + 1)[codes]


def held_constant(
    strata: NDArray[np.int64], covariates: NDArray[np.floating] | None = None
) -> NDArray[np.float64]:
    """Orthonormal basis, (n, rank), of what is held constant: the strata's means and the covariates."""
    columns = covariate_columns(strata, nominal=True)
    if covariates is not None:
        columns = np.column_stack([columns, covariates])
    # Each to unit length, or an age in days would drown a share in rounding errors.
    columns /= np.maximum(np.linalg.norm(columns, axis=0), np.finfo(float).tiny)
    vectors, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return vectors[:, sizes > 1e-9 * sizes[0]]


def freed(values: NDArray[np.floating], held: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is left of (n, ...) values once the `held` directions are taken out."""
    return values - held @ (held.T @ values)


def max_t(
    variable: NDArray, blocks: Iterable[NDArray], held: NDArray[np.float64], inference: Inference
) -> VoxelTest | None:
    """Regress each voxel on a variable, and correct p by each arrangement's largest |t|.

    The variable, freed of what is held constant, is permuted within strata and freed again (Smith's scheme in Winkler
    et al. 2014, doi 10.1016/j.neuroimage.2014.01.060): exact where the strata alone are held constant. It keeps the
    level where covariates follow the group and sites differ in spread, as permuting the variable itself (Draper and
    Stoneman) does not, and needs one product of matrices where Freedman and Lane's needs one more a covariate. |t|
    rises with |r|: the largest |r| is that of the largest |t| (Nichols & Holmes 2002, doi 10.1002/hbm.1058).

    Parameters
    ----------
    held
        (n, rank), of `held_constant`.
    inference
        After `Inference.among`.

    Returns
    -------
    VoxelTest or None
        None where nothing is left of the variable.
    """
    n, left = len(variable), freed(np.asarray(variable, np.float64), held)
    degrees, size = n - held.shape[1] - 1, float(np.linalg.norm(left))
    if degrees < 1 or size <= 1e-9 * float(np.linalg.norm(variable)):
        return None
    largest, arranged = _arrangements(left, held, inference)
    found: list[tuple[NDArray, NDArray]] = []
    for part in (part for block in blocks for part in _parts(block)):
        values = np.asarray(part, np.float64)
        rest = freed(values, held)
        spread = np.linalg.norm(rest, axis=0)
        # What is left of a voxel is more than rounding error, or it cannot be tested.
        spread[spread <= 1e-6 * np.sqrt(n) * np.abs(values).max(axis=0, initial=0.0)] = 0
        rest = np.divide(rest, spread, out=np.zeros_like(rest), where=spread > 0)
        found.append((left @ rest / size, spread))
        rest = rest.astype(np.float32)
        for start in range(0, len(arranged), _ARRANGEMENTS):
            some = slice(start, start + _ARRANGEMENTS)
            np.maximum(largest[some], np.abs(arranged[some] @ rest).max(axis=1, initial=0), out=largest[some])
    r, spread = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    reached = len(largest) - np.searchsorted(np.sort(largest), np.abs(r) - _ROUNDING)
    t = r * np.sqrt(degrees / np.maximum(1 - r**2, np.finfo(float).eps))
    return VoxelTest(n, None, r, r * spread / size, t, (1 + reached) / (1 + len(largest)))


def _arrangements(
    left: NDArray[np.float64], held: NDArray[np.float64], inference: Inference
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rearrange what is left of a variable: least value each statistic has, and (permutations, n) of length 1."""
    orders = permuted_orders(np.random.default_rng(inference.seed), inference.codes, inference.permutations)
    arranged = np.empty(orders.shape, np.float32)
    least = np.zeros(len(orders), np.float32)
    for start in range(0, len(orders), _ARRANGEMENTS):
        some = slice(start, start + _ARRANGEMENTS)
        part = freed(left[orders[some]].T, held)
        sizes = np.linalg.norm(part, axis=0)
        # An arrangement that the covariates swallow tells nothing: it counts as reaching everything.
        least[some] = sizes <= 1e-9 * np.linalg.norm(left)
        arranged[some] = (part / np.maximum(sizes, np.finfo(float).tiny)).T
    return least, arranged


def _parts(block: NDArray) -> Iterator[NDArray]:
    """Parts of a block that are small enough to have in double precision."""
    voxels = max(1, _VALUES // max(1, len(block)))
    return (block[:, start : start + voxels] for start in range(0, block.shape[1], voxels))
