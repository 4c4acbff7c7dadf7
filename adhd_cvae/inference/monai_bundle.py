"""What a MONAI bundle of a trained model calls; its configuration names these by ``_target_``."""

from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from monai.config.type_definitions import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms.transform import MapTransform

from adhd_cvae.config import ImageConfig
from adhd_cvae.errors import InputError
from adhd_cvae.images.nifti import load_map
from adhd_cvae.images.resampling import grid_affine
from adhd_cvae.inference.out_of_distribution import Reference
from adhd_cvae.inference.prediction import predict
from adhd_cvae.io import write_tsv
from adhd_cvae.models.network import ContrastiveVAE


def write_codes(
    network: ContrastiveVAE, reference: Reference, batches: Iterable[dict[str, Any]], path: str
) -> None:
    """Write a table of codes, one row a map.

    Parameters
    ----------
    batches
        ``{"image": (batch, 1, x, y, z), "name": [batch]}``, as MONAI's `DataLoader` gives them.
    path
        The table: column `image`, then those of `adhd_cvae.inference.prediction.predict`.

    Raises
    ------
    InputError
        There are no maps.
    """
    tables = []
    for batch in batches:
        codes = predict(network, reference, np.asarray(batch["image"])[:, 0])
        codes.insert(0, "image", batch["name"])
        tables.append(codes)
    if not tables:
        raise InputError(
            "no file fits `image`. Give --image the path of a NIfTI map, or a pattern in quotes."
        )
    write_tsv(pd.concat(tables, ignore_index=True), Path(path))


class LoadGrayMatterMapd(MapTransform):
    """Read gray-matter maps onto the common grid, smoothed and checked, as `adhd_cvae.images.nifti.load_map` does.

    Paths become (1, x, y, z) float32 `MetaTensor` with the grid's affine, in gray-matter volume per voxel.

    Parameters
    ----------
    keys
        Entries that hold paths.
    grid
        Grid, smoothing and checks.
    allow_missing_keys
        Whether entries may be absent.
    """

    def __init__(self, keys: KeysCollection, grid: ImageConfig, *, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.grid = grid

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Load.

        Raises
        ------
        adhd_cvae.errors.ImageError
            A file is missing, unreadable or no gray matter in template space.
        """
        loaded = dict(data)
        for key in self.key_iterator(loaded):
            path = Path(loaded[key])
            volume = torch.from_numpy(load_map(path, self.grid).astype(np.float32))[None]
            affine = torch.from_numpy(grid_affine(self.grid))
            loaded[key] = MetaTensor(volume, affine=affine, meta={"filename_or_obj": str(path)})
        return loaded
