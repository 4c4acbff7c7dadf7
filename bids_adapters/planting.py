"""A cohort's maps times the regions of what may be planted into them: read once, put on the grid as the maps were."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adhd_cvae.config import ImageConfig, SensitivityConfig
from adhd_cvae.errors import ImageError, InputError
from adhd_cvae.images.cache import file_marks, grid_settings, open_images
from adhd_cvae.images.journal import Journalled, Prepared, Progress, in_chunks
from adhd_cvae.images.nifti import halved, read_map
from adhd_cvae.images.resampling import to_grid
from adhd_cvae.io import file_checksum, fingerprint, read_object, remove, replace, write_json
from adhd_cvae.simulation.planting import Planting, Segmentation, region_weights
from bids_adapters.atlas import read_labels

PRODUCTS, FACTS = "within.npy", "within.json"
_PARTIAL, _JOURNAL = ".within.partial.npy", ".within.partial.jsonl"
_AGAIN = "Delete it and run `adhd-cvae sensitivity` again."


def read_segmentation(config: SensitivityConfig) -> Segmentation | None:
    """Read the segmentation whose labels regions name; None where the settings name none.

    Raises
    ------
    InputError
        As `read_labels`.
    """
    how = "Name a NIfTI file of labels in the space of the maps with --set sensitivity.dseg=FILE, or null for none."
    return None if config.dseg is None else read_labels(Path(config.dseg), "sensitivity.dseg", how)


class Regions:
    """Weights of the severities on the grids of maps, most of which share one."""

    def __init__(self, config: SensitivityConfig) -> None:
        self._config, self._segmentation = config, read_segmentation(config)
        self._on_grid = lru_cache(4)(self._weights)

    def on(self, shape: Sequence[int], affine: NDArray[np.floating]) -> NDArray[np.float32]:
        """Weights (severities, x, y, z) on a grid."""
        return self._on_grid(tuple(shape), np.asarray(affine, float).tobytes())

    def _weights(self, shape: tuple[int, ...], affine: bytes) -> NDArray[np.float32]:
        own = np.frombuffer(affine).reshape(4, 4)
        return np.stack(list(region_weights(self._config, shape, own, self._segmentation).values()))


def prepare_planting(
    table: pd.DataFrame,
    bids_dir: Path,
    image: ImageConfig,
    config: SensitivityConfig,
    folder: Path,
    tick: Progress,
) -> Planting:
    """Fill ``within.npy`` and ``within.json`` beside an image cache, and open both.

    An interrupted call goes on where it stopped; a call with the same maps, grid and regions does nothing.

    Parameters
    ----------
    table
        Whose `image`, relative to `bids_dir`, are the maps of the cache, in their order.
    folder
        The image cache, as `prepare_cohort` leaves it.

    Raises
    ------
    InputError
        A map cannot be read any more, no map has gray matter in a region, or as `open_images` and `region_weights`.
    """
    paths = [bids_dir / one for one in table["image"]]
    regions = Regions(config)
    asked = config.model_dump(include={"severities"}, mode="json")
    dseg = file_checksum(Path(config.dseg)) if config.dseg else None
    maps = [file_marks(path) for path in paths]
    key = fingerprint({"grid": grid_settings(image), "maps": maps, "dseg": dseg, **asked})
    if not (read_object(folder / FACTS).get("key") == key and (folder / PRODUCTS).is_file()):
        names = tuple(config.severities)
        shape = (len(paths), len(names), *image.shape)
        journalled = Journalled(folder / _PARTIAL, folder / _JOURNAL, key, shape)

        def chunks(first: int) -> Iterator[list[Prepared]]:
            return in_chunks(paths[first:], lambda path: _products(path, image, regions))

        rows = journalled.fill(chunks, tick)
        remove(folder / FACTS)  # of other regions
        replace(folder / _PARTIAL, folder / PRODUCTS)
        facts = {name: [row[name] for row in rows] for name in ("volumes", "removed")}
        products = file_checksum(folder / PRODUCTS)
        write_json({"key": key, "names": names, "within": products, **facts}, folder / FACTS)
        remove(folder / _JOURNAL)
    return open_planting(folder)


def _products(path: Path, image: ImageConfig, regions: Regions) -> tuple[NDArray[np.float16], dict[str, Any]]:
    """A map's products with the regions (severities, *shape), and what stands of it in the journal."""
    try:
        values, affine = read_map(path)
    except ImageError as error:
        raise InputError(
            f"{error.detail} It was read before; is the dataset being changed? Run `adhd-cvae sensitivity` again."
        ) from None
    voxel = float(abs(np.linalg.det(affine[:3, :3])))
    prepared, volumes, removed = [], [], []
    weights = regions.on(values.shape, affine)
    for weight in weights:
        product = weight * values
        prepared.append(halved(to_grid(product, affine, image, image.fwhm)))
        volumes.append(voxel * float(product.sum(dtype=np.float64)))
        removed.append([voxel * float((other * product).sum(dtype=np.float64)) for other in weights])
    return np.stack(prepared), {"volumes": volumes, "removed": removed}


def open_planting(folder: Path) -> Planting:
    """Open an image cache and what `prepare_planting` wrote beside it, read-only.

    Raises
    ------
    InputError
        It is missing or damaged, no map has gray matter in a region, or as `open_images`.
    """
    images, facts, path = open_images(folder), read_object(folder / FACTS), folder / PRODUCTS
    if not facts or not path.is_file():
        raise InputError(f"{path.name} is not in {folder.name}/. Run `adhd-cvae sensitivity` first.")
    if facts.get("within") != file_checksum(path):
        raise InputError(f"{path.name} is damaged: its checksum is not the one in {FACTS}. {_AGAIN}")
    within = np.load(path, mmap_mode="r")
    if len(within) != len(images):
        raise InputError(
            f"{path.name} holds {len(within)} maps and images.npy {len(images)}; expected the same. {_AGAIN}"
        )
    volumes, removed = (np.asarray(facts[name], dtype=float) for name in ("volumes", "removed"))
    empty = [name for name, most in zip(facts["names"], volumes.max(axis=0), strict=True) if not most > 0]
    if empty:
        raise InputError(
            f"no map has gray matter in the region of {', '.join(empty)}. Choose its centres (MNI mm) or labels within "
            "the brain (sensitivity.severities)."
        )
    return Planting(tuple(facts["names"]), images, within, volumes, removed)
