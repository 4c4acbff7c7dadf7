"""Known effects planted into given maps: gray matter lost in regions, a linear combination of maps prepared once.

A planted map is the given one times 1 − Σ fraction · weights. Resampling and smoothing are linear, so the prepared
planted map is the prepared map minus the fractions of the prepared products of map and weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from adhd_cvae.config.sensitivity import Region, SensitivityConfig
from adhd_cvae.errors import InputError
from adhd_cvae.simulation.participants import SEVERITY

_CUT = 0.01
"""Weight below which nothing is lost, so that all but the surroundings of a centre stays as it was."""
_ROUNDS = 60
"""For each severity, in which losses of regions that overlap are brought into agreement; apart, they lack e⁻⁶⁰ then."""
_TOLERANCE = 0.01
"""Of the effect that is asked for."""
Segmentation = tuple[NDArray[np.integer], NDArray[np.floating]]
"""Labels (x, y, z) and their affine (4, 4)."""


def region_weights(
    config: SensitivityConfig,
    shape: Sequence[int],
    affine: NDArray[np.floating],
    segmentation: Segmentation | None = None,
) -> dict[str, NDArray[np.float32]]:
    """How much of each voxel's gray matter a loss of 1 takes, by severity: (x, y, z) within 0 and 1.

    1 at a centre, less around it and nothing far from it; or 1 in labels of a segmentation, whose nearest voxel counts.
    Where severities overlap by more than 1, each takes its share, so that no fractions take more than there is.

    Parameters
    ----------
    shape, affine
        Grid of the map, its voxels to MNI mm.
    segmentation
        Of `SensitivityConfig.dseg`.

    Raises
    ------
    InputError
        A region names labels, and there is no segmentation, or none of its voxels has one of them.
    """
    voxels = np.moveaxis(np.indices(shape, dtype=np.float32), 0, -1)
    world = voxels @ affine[:3, :3].T.astype(np.float32) + affine[:3, 3].astype(np.float32)
    weights = {
        name: _around_centres(region, world)
        if region.centres
        else _labelled(name, region, world, segmentation)
        for name, region in config.severities.items()
    }
    total: NDArray[np.float32] = np.maximum(np.sum(list(weights.values()), axis=0), np.float32(1))
    return {name: weight / total for name, weight in weights.items()}


def _around_centres(region: Region, world: NDArray[np.float32]) -> NDArray[np.float32]:
    nearest = np.full(world.shape[:3], np.inf, np.float32)
    for centre in np.asarray(region.centres, np.float32):
        np.minimum(nearest, np.square(world - centre).sum(axis=-1), out=nearest)
    weight = np.exp(-nearest / np.float32(2 * region.radius**2))
    return np.where(weight < _CUT, np.float32(0), weight)


def _labelled(
    name: str, region: Region, world: NDArray[np.float32], segmentation: Segmentation | None
) -> NDArray[np.float32]:
    if segmentation is None:
        raise InputError(
            f"sensitivity.severities: {name} names labels, but there is no segmentation. "
            "Name one with --set sensitivity.dseg=FILE, or give centres in MNI mm."
        )
    labels, affine = segmentation
    inside = np.isin(labels, region.labels)
    if not inside.any():
        known = ", ".join(map(str, np.unique(labels[labels != 0])[:30].tolist()))
        raise InputError(
            f"sensitivity.severities: no voxel of the segmentation has the labels {list(region.labels)} of {name}. "
            f"Name some of those that it has: {known}."
        )
    inverse = np.linalg.inv(affine)
    nearest = np.rint(world @ inverse[:3, :3].T + inverse[:3, 3]).astype(np.int64)
    there = ((nearest >= 0) & (nearest < labels.shape)).all(axis=-1)
    weight = np.zeros(world.shape[:3], np.float32)
    weight[there] = inside[tuple(nearest[there].T)]
    return weight


@dataclass(frozen=True)
class Planting:
    """Maps of a cohort, and what a loss takes from each.

    Attributes
    ----------
    names
        Of the severities.
    images
        (n, *shape) float16 prepared maps; may be memory-mapped, as `within`.
    within
        (n, severities, *shape) float16 prepared products of map and weights.
    volumes
        (n, severities) weighted gray matter of each region on the map's own grid, unsmoothed, mm³.
    removed
        (n, severities, severities) what a loss of 1 takes from that, mm³: from each region by each severity, since
        regions may overlap.
    """

    names: tuple[str, ...]
    images: NDArray[np.float16]
    within: NDArray[np.float16]
    volumes: NDArray[np.float64]
    removed: NDArray[np.float64]

    def losses(
        self, cohens_d: float, severities: NDArray[np.float64], rows: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        """Loss at severity 1 by which pseudo-patients lose `cohens_d` standard deviations of their regions on average.

        The standard deviation is that of all `volumes`; the mean is over those who have the severity, of all that they
        lose in its region. Nobody loses more than there is.

        Parameters
        ----------
        severities
            (m, severities), of the pseudo-patients.
        rows
            (m,) which maps theirs are.

        Returns
        -------
        numpy.ndarray
            (severities,); 0 for a severity that nobody has.

        Raises
        ------
        InputError
            All of a region's gray matter is less than that, or regions overlap so much that one takes more than that
            from another.
        """
        spread, removed = self.volumes.std(axis=0, ddof=1), self.removed[rows]
        has, each = severities > 0, range(len(self.names))
        asked = [column for column in each if has[:, column].any()]
        curves = {
            column: _mean_losses(severities[has[:, column], column], removed[has[:, column], column, column])
            for column in asked
        }

        def taken(losses: NDArray[np.float64], *, by_others: bool) -> NDArray[np.float64]:
            """Mean loss of each region, (severities,) mm³."""
            lost = np.einsum("mkj,mj->mkj", removed, lost_fractions(severities, losses))
            if by_others:
                lost[:, each, each] = 0
            return np.array(
                [lost[has[:, column], column].sum(axis=1).mean() if column in asked else 0 for column in each]
            )

        losses = np.zeros(len(self.names))
        for _ in range(_ROUNDS * len(curves)):
            left = cohens_d * spread - taken(losses, by_others=True)
            for column, (bends, means) in curves.items():
                losses[column] += (np.interp(left[column], means, bends) - losses[column]) / len(curves)
        found, most = taken(losses, by_others=False), taken(np.full(len(self.names), np.inf), by_others=False)
        self._check_losses(asked, found / spread, most / spread, cohens_d)
        return losses

    def _check_losses(
        self, asked: Sequence[int], found: NDArray[np.float64], most: NDArray[np.float64], cohens_d: float
    ) -> None:
        """Refuse an effect that the regions do not hold, or that they cannot all have."""
        for column in asked:
            if found[column] < cohens_d * (1 - _TOLERANCE):
                raise InputError(
                    f"{self.names[column]}: a loss of d = {cohens_d:g} is more than its region holds: all of it is d = "
                    f"{most[column]:.2g}. Ask for smaller effects (sensitivity.cohens_d), or for a region with more "
                    "gray matter (sensitivity.severities)."
                )
            if found[column] > cohens_d * (1 + _TOLERANCE):
                raise InputError(
                    f"{self.names[column]}: other severities alone take d = {found[column]:.2g} from its region, more "
                    f"than the d = {cohens_d:g} asked for. Choose regions that overlap less (sensitivity.severities)."
                )

    def planted(self, rows: NDArray[np.integer], fractions: NDArray[np.float64]) -> NDArray[np.float16]:
        """Maps (m, *shape) of rows (m,) that lose fractions (m, severities), 0 to 1; as they are where all are 0.

        Parameters
        ----------
        rows
            (m,); one may come several times.
        """
        maps = np.array(self.images[rows])
        box = self._touched
        for place, (row, lost) in enumerate(zip(rows, fractions, strict=True)):
            if lost.any():
                before = self.images[row][box].astype(np.float32)
                taken = np.tensordot(
                    lost.astype(np.float32), self.within[row][(slice(None), *box)].astype(np.float32), 1
                )
                # Rounding may not turn what is left of a voxel below zero.
                maps[place][box] = np.where(before >= 0, np.maximum(before - taken, 0), before - taken)
        return maps

    @cached_property
    def _touched(self) -> tuple[slice, ...]:
        """Smallest box of the grid outside which nothing is lost."""
        touched = np.zeros(self.within.shape[2:], bool)
        for products in self.within:
            touched |= (products != 0).any(axis=0)
        box = []
        for axis in range(touched.ndim):
            inside = np.flatnonzero(
                touched.any(axis=tuple(other for other in range(touched.ndim) if other != axis))
            )
            box.append(slice(inside[0], inside[-1] + 1) if len(inside) else slice(0))
        return tuple(box)


def _mean_losses(
    severities: NDArray[np.float64], removed: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean loss by the loss at severity 1: a polygon, which bends where somebody has no more to lose."""
    bends = np.append(0, np.sort(1 / severities))
    return bends, (np.minimum(bends[:, None] * severities, 1) * removed).mean(axis=1)


def simulated_severities(
    rng: np.random.Generator, n: int, names: Sequence[str], *, subtypes: bool
) -> NDArray[np.float64]:
    """Draw severities (n, severities) of pseudo-patients, mean 1 among those who have them, as `simulate` does.

    With subtypes everybody has one alone, all of them equally often.
    """
    severities = rng.gamma(*SEVERITY.values(), size=(n, len(names)))
    if subtypes:
        severities *= np.eye(len(names))[rng.permutation(np.arange(n) % len(names))]
    return severities


def lost_fractions(severities: NDArray[np.float64], losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """What (m, severities) take at losses (severities,) from the middle of their regions: at most all of it."""
    with np.errstate(invalid="ignore"):  # of a loss without end nobody without severity has a share
        return np.nan_to_num(np.minimum(severities * losses, 1))
