"""Maps beside each other: what a map alone cannot show. A scale that is not the others', one brain under two names."""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from adhd_cvae.config import ImageConfig


def octant_sums(images: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
    """Sum each eighth of every volume: all that most comparisons need of it, in one pass over the maps.

    Parameters
    ----------
    images
        Volumes (x, y, z) by their number, on the common grid.
    """
    return {number: _octants(_volume(values)) for number, values in images.items()}


def scale_factors(octants: Mapping[int, np.ndarray], image: ImageConfig) -> dict[int, float]:
    """Find maps on another scale than most, as a lost ``scl_slope`` leaves them.

    Parameters
    ----------
    octants
        As `octant_sums` gives them.

    Returns
    -------
    dict
        Number of a map to how many times the median map's gray matter it holds, where that is beyond
        `image.check.largest_scale`. Of two scales that are equally frequent the smaller one is taken for right.
    """
    if not octants or (most := image.check.largest_scale) is None:
        return {}
    totals = {number: float(np.abs(sums).sum()) for number, sums in octants.items()}
    usual = float(np.quantile(list(totals.values()), 0.5, method="lower"))
    factors = {number: total / usual for number, total in totals.items()}
    return {number: factor for number, factor in factors.items() if not 1 / most <= factor <= most}


def same_brains(
    images: Mapping[int, np.ndarray], octants: Mapping[int, np.ndarray], image: ImageConfig
) -> dict[int, list[int]]:
    """Find maps that are one brain: equal voxel for voxel, but for rounding.

    Storage order, compression and data type of the files do not matter: all are on the common grid. Sums of octants
    are compared first, so that few pairs are compared voxel by voxel.

    Parameters
    ----------
    images, octants
        As in `octant_sums`.

    Returns
    -------
    dict
        Number of each such map to those of its copies.
    """
    near = image.check.same_brain
    numbers = np.array(list(octants), dtype=int)
    if len(numbers) < 2:
        return {}
    sums = np.stack(list(octants.values()))
    totals = np.abs(sums).sum(axis=1)
    order = np.argsort(totals, kind="stable")
    numbers, sums, totals = numbers[order], sums[order], totals[order]
    copies: dict[int, list[int]] = defaultdict(list)
    for at, number in enumerate(numbers):
        end = int(np.searchsorted(totals, totals[at] * (1 + near), side="right"))
        away = np.abs(sums[at + 1 : end] - sums[at]).max(axis=1, initial=0)
        for other in numbers[at + 1 : end][away <= near * totals[at]]:
            one, two = _volume(images[int(number)]), _volume(images[int(other)])
            if np.abs(one - two).max() <= near * np.abs(one).max():
                copies[int(number)].append(int(other))
                copies[int(other)].append(int(number))
    return {number: sorted(others) for number, others in sorted(copies.items())}


def _volume(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float32)


def _octants(volume: np.ndarray) -> np.ndarray:
    """Sum of each eighth of a volume."""
    starts = [[0, max(1, size // 2)] if size > 1 else [0] for size in volume.shape]
    for axis, indices in enumerate(starts):
        volume = np.add.reduceat(volume, indices, axis=axis)
    return volume.ravel()
