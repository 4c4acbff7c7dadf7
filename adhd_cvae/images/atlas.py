"""Names of places: what an atlas the user brings calls a point in MNI space."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Atlas:
    """Labelled voxels of a template space.

    Attributes
    ----------
    labels
        (x, y, z) whole numbers; 0 is no label.
    affine
        (4, 4) voxel to world coordinates, mm.
    names
        Label to what it is called; a label without a name is called by its number.
    """

    labels: NDArray[np.integer]
    affine: NDArray[np.floating]
    names: Mapping[int, str]

    def name_at(self, point: NDArray[np.floating], near: float) -> str:
        """Name the place at `point`, (3,) mm; "near …" within `near` mm of a label, empty farther off."""
        voxel = np.linalg.solve(self.affine, np.append(point, 1.0))[:3]
        sizes = np.linalg.norm(self.affine[:3, :3], axis=0)
        reach = np.ceil(near / sizes).astype(int)
        lowest = np.maximum(np.rint(voxel).astype(int) - reach, 0)
        highest = np.minimum(np.rint(voxel).astype(int) + reach + 1, self.labels.shape)
        around = np.stack(np.meshgrid(*map(np.arange, lowest, highest), indexing="ij"), axis=-1).reshape(
            -1, 3
        )
        labels = self.labels[tuple(around.T)]
        away = np.linalg.norm((around - voxel) @ self.affine[:3, :3].T, axis=1)
        labelled = np.flatnonzero((labels != 0) & (away <= near))
        if not len(labelled):
            return ""
        nearest = labelled[np.argmin(away[labelled])]
        name = self.names.get(int(labels[nearest]), str(int(labels[nearest])))
        covered = (np.rint(voxel) == around[nearest]).all()
        return name if covered else f"near {name}"
