"""What estimators take: features, maps as arrays, paths of NIfTI files, or a table of paths."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from adhd_cvae.config import ImageConfig
from adhd_cvae.errors import InputError
from adhd_cvae.images.cache import open_images, prepare_images, resampled
from adhd_cvae.images.nifti import check_array

Maps = ArrayLike | Sequence[Path | str] | pd.DataFrame
"""(n, x, y, z) on the model's grid, n paths, or a table of n rows whose column `image` has them."""


class Features(NamedTuple):
    """Features (n, features), and whether they are voxels of flattened maps."""

    values: Any
    of_maps: bool


def features_of(X: Maps, image: ImageConfig) -> Features:
    """Voxels of maps (n, x, y, z) and of files, which are brought onto the grid; anything else as it is.

    Raises
    ------
    InputError
        A line for each file that cannot be used.
    """
    paths = paths_of(X)
    maps = X if paths is None else _read(paths, image)
    shape = getattr(maps, "shape", ())
    return (
        Features(np.asarray(maps).reshape(shape[0], -1), of_maps=True)
        if len(shape) == 4
        else Features(X, of_maps=False)
    )


def maps_of(X: Maps, image: ImageConfig, cache: Path | None = None) -> NDArray[np.float16]:
    """Maps (n, *image.shape) as models see them; a memory-mapped cache (`open_images`) is taken as it is.

    Parameters
    ----------
    cache
        Folder of a cache for the files, which are then compared with each other, as `prepare` does.

    Raises
    ------
    InputError
        It is neither maps on the grid nor files; or a line for each map that cannot be used.
    """
    paths = paths_of(X)
    if paths is not None and cache is not None:
        errors = prepare_images(paths, image, cache, lambda done, total: None)
        _refuse([error.detail for error in errors if error is not None])
        return open_images(cache)
    if paths is not None:
        return _read(paths, image)
    shape = tuple(getattr(X, "shape", ()))
    if len(shape) != 4 or shape[1:] != image.shape or not shape[0]:
        raise InputError(
            f"maps have the shape {shape or type(X).__name__}, expected (n, {', '.join(map(str, image.shape))}) as of "
            "image.shape, paths of NIfTI files, which are brought onto that grid, or a table with a column `image`."
        )
    if isinstance(X, np.memmap):
        return X
    return np.stack([check_array(one, image, f"map {number}") for number, one in enumerate(np.asarray(X))])


def paths_of(X: Maps) -> list[Path] | None:
    """Paths of maps, where it names files; else None."""
    column = X["image"] if isinstance(X, pd.DataFrame) and "image" in X else X
    if not isinstance(column, (Sequence, np.ndarray, pd.Series)) or getattr(column, "ndim", 1) != 1:
        return None
    named = list(column)
    return (
        [Path(one) for one in named] if named and all(isinstance(one, (str, Path)) for one in named) else None
    )


def sites_of(sites: ArrayLike | None, count: int) -> NDArray[np.str_] | None:
    """Scanning sites (count,) as text; None where they are not known.

    Raises
    ------
    InputError
        There are more or fewer.
    """
    if sites is None:
        return None
    names = np.asarray(sites).astype(str)
    if names.shape != (count,):
        raise InputError(
            f"sites has the shape {names.shape}, expected a site for each of {count} participants."
        )
    return names


def _read(paths: list[Path], image: ImageConfig) -> NDArray[np.float16]:
    prepared = [one for chunk in resampled(paths, image) for one in chunk]
    _refuse([row["detail"] for volume, row in prepared if volume is None])
    return np.stack([volume for volume, _ in prepared if volume is not None])


def _refuse(problems: list[str]) -> None:
    if problems:
        raise InputError(*problems, f"{len(problems)} maps cannot be used: leave them out, or mend them.")
