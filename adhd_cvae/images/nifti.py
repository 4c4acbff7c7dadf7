"""Gray-matter maps in: one file read, checked and put on the common grid."""

import gzip
import io
import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from nibabel.arrayproxy import ArrayProxy
from nibabel.spatialimages import SpatialImage
from nibabel.volumeutils import apply_read_scaling

from adhd_cvae.config import ImageConfig
from adhd_cvae.errors import ImageError, InputError
from adhd_cvae.images.header import check_sides, checked_shape, image_errors, read_header
from adhd_cvae.images.quality import check_map
from adhd_cvae.images.resampling import to_grid
from adhd_cvae.io import atomic_path

_SLACK = 2**20
"""Bytes that a file may hold besides its header and voxels."""
_ROUNDING = np.float32(0.75)
"""Sums of it and little are float32 with the step of the smallest float16, 2⁻²⁴."""


def read_map(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a NIfTI map as (x, y, z) float32 and its affine; NaN, which marks "outside the brain", becomes 0.

    Raises
    ------
    ImageError
        ``missing``, ``not_fetched``, ``unreadable``, ``not_3d``, ``too_large``, ``not_real``, ``not_finite``,
        ``bad_affine``, ``mirrored_header``, ``empty`` or ``constant``.
    """
    with image_errors(path):
        values, affine = _read(path)
    with np.errstate(all="ignore"):
        voxel = float(abs(np.linalg.det(affine[:3, :3])))  # mm³
    if not np.isfinite(affine).all() or not 1e-6 < voxel < np.inf:
        raise ImageError(
            "bad_affine", f"{path.name} does not say where its voxels lie (affine not invertible)."
        )
    low, high = (float(extreme.reduce(values, axis=None)) for extreme in (np.fmin, np.fmax))  # without NaN
    if np.isinf(low) or np.isinf(high):
        raise ImageError("not_finite", f"{path.name} holds infinite values.")
    if np.isnan(low) or low == high == 0:
        raise ImageError("empty", f"{path.name} is zero everywhere.")
    if low == high and not np.isnan(values).any():
        raise ImageError("constant", f"{path.name} is {low:g} everywhere.")
    if low >= 0:  # as volumes are: one pass instead of two
        return np.fmax(values, np.float32(0)), affine
    return np.where(np.isnan(values), np.float32(0), values), affine


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Values, which may still lie in the file, and affine; the header first: nothing senseless is read."""
    header = read_header(path)
    if header is None:
        file = nib.load(path)
        if not isinstance(file, SpatialImage) or file.affine is None:
            raise ImageError("unreadable", f"{path.name} is a {type(file).__name__}, not an image in space.")
        whole, kind, affine, stored = file.shape, file.get_data_dtype(), file.affine, file.dataobj
    else:
        stored = ArrayProxy(path, header)
        check_sides(header, path)
        with np.errstate(all="ignore"):  # an affine that is not finite is refused
            whole, kind, affine = stored.shape, stored.dtype, header.get_best_affine()
    shape = checked_shape(whole, kind, path)
    with np.errstate(over="ignore", invalid="ignore"):  # what becomes infinite is refused
        if header is not None and isinstance(stored, ArrayProxy):
            needed = stored.offset + math.prod(shape) * kind.itemsize
            if path.suffix == ".gz":
                stored = _decompressed(path, stored, needed + _SLACK)
            elif path.stat().st_size < needed:  # before nibabel takes memory for them
                raise ImageError("unreadable", f"{path.name} is cut short: it ends before its last voxel.")
        values = np.asarray(stored, dtype=np.float32)
    return values.reshape(shape, order="F"), np.asarray(affine, dtype=float)


def _decompressed(path: Path, voxels: ArrayProxy, most: int) -> np.ndarray:
    """Voxels of a compressed file, scaled as its header says; nibabel would decompress piece by piece and copy."""
    with path.open("rb") as file:
        content = _decompress(file.read(min(path.stat().st_size, most + 1)), most)
    if len(content) > most:
        raise ImageError("too_large", f"{path.name} holds more than the {voxels.shape} voxels of its header.")
    values = np.ndarray(voxels.shape, voxels.dtype, content, voxels.offset, order="F")
    return apply_read_scaling(values, voxels.slope, voxels.inter)


def _decompress(compressed: bytes, most: int) -> bytes:
    """Decompress in one go, which takes half the time of a stream, but never far more than `most` bytes."""
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    content = member.decompress(compressed, most + 1)
    if len(content) > most or (member.eof and not member.unused_data):
        return content
    # Several members in a row (as bgzip writes them), or one cut short, which this says.
    return gzip.GzipFile(fileobj=io.BytesIO(compressed)).read(most + 1)


def load_map(path: Path, image: ImageConfig) -> np.ndarray:
    """Read a gray-matter map onto the common grid, smoothed, and check that it is one.

    Resampled linearly in world space, so orientation, voxel size and origin do not matter.

    Returns
    -------
    numpy.ndarray
        `image.shape` float16, gray-matter volume per voxel of the file's own grid.

    Raises
    ------
    ImageError
        As `read_map` and `check_map`.
    """
    values, affine = read_map(path)
    volume = to_grid(values, affine, image, image.fwhm)
    check_map(volume, image, path.name)
    return halved(volume)


def check_array(values: np.ndarray, image: ImageConfig, name: str) -> np.ndarray:
    """Take a map that is on the common grid and smoothed already, as `load_map` gives it; return it likewise.

    Raises
    ------
    ImageError
        ``unexpected_shape``, ``not_finite``, or as `check_map`.
    """
    if values.shape != image.shape:
        raise ImageError("unexpected_shape", f"{name} has shape {values.shape}; expected {image.shape}.")
    volume = values.astype(np.float32)
    if not np.isfinite(volume).all():
        raise ImageError("not_finite", f"{name} holds values that are not finite.")
    check_map(volume, image, name)
    return halved(volume)


def maps_of_rows(table: pd.DataFrame, image: ImageConfig) -> Iterator[np.ndarray]:
    """Read the map of each row of a table: the values of its `array`, else the file that its `image` names.

    Raises
    ------
    InputError
        A row has neither, or an array is no block of numbers; or as `load_map` and `check_array`.
    """
    if not len(table.columns):  # MLflow takes away columns it does not know
        raise InputError("the input has neither a column `image` nor a column `array`.")
    for number, row in zip(table.index, table.to_dict("records"), strict=True):
        path, array = row.get("image"), row.get("array")
        if array is not None and not np.isscalar(array):
            name = f"the array of row {number}"
            try:
                values = np.asarray(array, dtype=np.float32)
            except (TypeError, ValueError):
                raise InputError(f"{name} is no block of numbers; expected shape {image.shape}.") from None
            yield check_array(values, image, name)
        elif isinstance(path, str):
            yield load_map(Path(path), image)
        else:
            raise InputError(
                f"row {number} has neither `image`, the path of a map, nor `array`, its values on the grid."
            )


def halved(volume: np.ndarray) -> np.ndarray:
    """Round to float16, which is what models are trained on."""
    # Rounded as float16 rounds near zero, where the processor itself takes ten times as long.
    near_zero = np.abs(volume) < np.finfo(np.float16).tiny
    return np.where(near_zero, (volume + _ROUNDING) - _ROUNDING, volume).astype(np.float16)


def save_nifti(values: np.ndarray, affine: np.ndarray, path: Path) -> None:
    """Write `values` (x, y, z) as gzipped NIfTI; neither time nor file name enters the bytes.

    Parameters
    ----------
    affine
        Voxel to world coordinates in mm, (4, 4).
    """
    image = nib.Nifti1Image(values, affine)
    image.header.set_xyzt_units("mm")
    with atomic_path(path) as temporary:
        temporary.write_bytes(gzip.compress(image.to_bytes(), compresslevel=6, mtime=0))


def map_name(*words: str) -> str:
    """Join words to the one that ``desc-`` takes: ``map_name("salientEffect", "by", "adhd_pc1", "p")``."""
    parts = [part for word in words for part in word.split("_")]
    return parts[0] + "".join(part[:1].upper() + part[1:] for part in parts[1:])
