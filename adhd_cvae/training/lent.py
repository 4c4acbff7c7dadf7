"""Maps of healthy participants elsewhere as further controls of the steps that see maps, and of nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from adhd_cvae.images.cache import take_maps
from adhd_cvae.training.sampler import Rows

_AT_ONCE = 64
"""Own maps that are in memory while their mean is taken."""


@dataclass(frozen=True)
class Lent:
    """What a dataset lends.

    Attributes
    ----------
    within
        (m, x, y, z) maps around the mean of their site: what scanners differ in is no anatomy.
    share
        How many of them an epoch sees, as a share of the fitted controls.
    """

    within: np.ndarray
    share: float
    _means: dict[bytes, np.ndarray] = field(default_factory=dict, compare=False)
    """Of the fitted controls of each split: every epoch asks for the same one."""

    def beside(
        self, maps: np.ndarray, rows: Rows, seed: tuple[int, ...]
    ) -> tuple[Callable[[np.ndarray], np.ndarray], Rows]:
        """Add those of an epoch, drawn by `seed`, to the fitted controls.

        Returns
        -------
        callable
            Gives the maps of rows; those of lent maps follow the cohort's, and lie around the mean of its fitted
            controls.
        Rows
            With them among the fitted controls, at a site of their own, and nowhere else.
        """
        count, own = len(self.within), len(maps)
        most = min(count, round(self.share * len(rows.background)))
        taken = own + np.random.default_rng([*seed, 1]).choice(count, most, replace=False)
        sites = None if rows.sites is None else np.append(rows.sites.astype(str), np.full(count, "lent"))
        more = replace(
            rows,
            fitted=np.append(rows.fitted, taken),
            is_target=np.append(rows.is_target, np.zeros(count, bool)),
            sites=sites,
        )
        split = rows.background.tobytes()
        if split not in self._means:
            self._means[split] = _mean(maps, rows.background)
        mean = self._means[split]

        def take(asked: np.ndarray) -> np.ndarray:
            found = np.empty((len(asked), *maps.shape[1:]), maps.dtype)
            is_own = asked < own
            found[is_own] = take_maps(maps, asked[is_own])
            found[~is_own] = take_maps(self.within, asked[~is_own] - own) + mean
            return found

        return take, more


def _mean(maps: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Mean map (x, y, z) float32 of some rows."""
    parts = np.array_split(rows, len(rows) // _AT_ONCE + 1)
    return np.sum([take_maps(maps, part).sum(axis=0, dtype=np.float32) for part in parts], axis=0) / len(rows)
