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
from adhd_cvae.errors import InputError, named
from adhd_cvae.images.nifti import load_map
from adhd_cvae.images.resampling import grid_affine
from adhd_cvae.inference.adjustment import Adjustment, is_known
from adhd_cvae.inference.out_of_distribution import Reference
from adhd_cvae.inference.prediction import predict, predict_adjusted
from adhd_cvae.io import read_tsv, write_tsv
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
    found = [
        (batch["name"], predict(network, reference, np.asarray(batch["image"])[:, 0])) for batch in batches
    ]
    if not found:
        raise InputError(
            "no file fits `image`. Give --image the path of a NIfTI map, or a pattern in quotes."
        )
    _write(found, path)


def write_adjusted_codes(
    network: tuple[ContrastiveVAE, Reference],
    adjustment: Adjustment | None,
    table: pd.DataFrame,
    batches: Iterable[dict[str, Any]],
    path: str,
    new_site: str,
) -> None:
    """Write a table of codes by a model that takes sites or covariates from maps before it sees them.

    Parameters
    ----------
    table
        As `read_maps` gives it.
    batches
        As of `write_codes`, with ``"row": (batch,)``, where each map stands in `table`.
    new_site
        ``average`` takes a site that the model has not met for the average one; anything else refuses it.

    Raises
    ------
    InputError
        A site or a covariate is missing, or a site is new: before any map is read.
    """
    if adjustment is None:
        raise InputError(
            "models/adjustment.json is missing, without which codes are others. Export the bundle again."
        )
    average = new_site == "average"
    is_known(adjustment, table, average=average)
    adjustment.design.of(table)
    found = []
    for batch in batches:
        rows = pd.DataFrame(table.iloc[np.asarray(batch["row"])])
        maps = np.asarray(batch["image"], np.float16)[
            :, 0
        ]  # as `load_map` gives them and the stages adjust them
        found.append((batch["name"], predict_adjusted(network, maps, adjustment, rows, average=average)))
    _write(found, path)


def read_maps(path: str, folder: str) -> pd.DataFrame:
    """Read which maps there are and what is known of them: tab-separated, `image` a path from `folder`.

    Raises
    ------
    InputError
        There is no such table, no `image` in it, or nobody.
    """
    try:
        table = read_tsv(Path(path))
    except (OSError, ValueError) as error:
        raise InputError(f"--table {path} cannot be read ({str(error).splitlines()[0]}).") from None
    if "image" not in table or not len(table):
        raise InputError(
            f"--table {path} has {len(table)} rows and the columns {named(list(table))}. Give it a column `image`, the "
            "path of each map from --dataset_dir, and beside it what docs/README.md names."
        )
    return table.assign(image=[str(Path(folder) / name) for name in table["image"]])


def _write(found: list[tuple[list[str], pd.DataFrame]], path: str) -> None:
    for names, codes in found:
        codes.insert(0, "image", names)
    write_tsv(pd.concat([codes for _, codes in found], ignore_index=True), Path(path))


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
