"""Gray-matter maps in: one file read, checked and put on the common grid."""

import gzip
import logging
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.arrayproxy import ArrayProxy
from nibabel.filebasedimages import ImageFileError
from nibabel.imageglobals import logger
from nibabel.nifti1 import Nifti1Image
from nibabel.spatialimages import HeaderDataError, SpatialImage
from nibabel.volumeutils import apply_read_scaling

from adhd_cvae.config import ImageConfig
from adhd_cvae.errors import ImageError
from adhd_cvae.quality import check_map
from adhd_cvae.resampling import to_grid

LARGEST_MAP = 512**3
"""Voxels; a header that asks for more is refused before anything is read."""
_LARGEST_GUESS = 2**30
"""Bytes; a compressed file's own word on its size is not believed beyond this."""

_ROUNDING = np.float32(0.75)
"""Sums of it and little are float32 with the step of the smallest float16, 2⁻²⁴."""


def read_map(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a NIfTI map as (x, y, z) float32 and its affine; NaN, which marks "outside the brain", becomes 0.

    Raises
    ------
    ImageError
        ``missing``, ``unreadable``, ``not_3d``, ``too_large``, ``not_real``, ``not_finite``, ``bad_affine``,
        ``empty`` or ``constant``.
    """
    try:
        values, affine = _read(path)
    except FileNotFoundError:
        raise ImageError("missing", f"{path.name} is not there.") from None
    except IsADirectoryError:
        raise ImageError("unreadable", f"{path.name} is a folder; expected a NIfTI file.") from None
    except (ImageFileError, HeaderDataError, EOFError, OSError, ValueError, TypeError, zlib.error) as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError(
            "unreadable", f"{path.name} cannot be read as NIfTI ({_first_line(error, path)})."
        ) from None
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-6:
        raise ImageError(
            "bad_affine", f"{path.name} does not say where its voxels lie (affine not invertible)."
        )
    low, high = (
        float(extreme.reduce(values, axis=None)) for extreme in (np.fmin, np.fmax)
    )  # NaN passed over
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
    logger.setLevel(logging.CRITICAL)  # what nibabel would print about a header, the exception says again
    file = nib.load(path)
    if not isinstance(file, SpatialImage) or file.affine is None:
        raise ImageError("unreadable", f"{path.name} is a {type(file).__name__}, not an image in space.")
    shape = tuple(size for position, size in enumerate(file.shape) if position < 3 or size != 1)
    if len(shape) != 3:
        raise ImageError("not_3d", f"{path.name} has shape {file.shape}; expected one 3-D volume.")
    if 0 in shape:
        raise ImageError("empty", f"{path.name} has shape {file.shape}: no voxels.")
    if np.prod(shape, dtype=float) > LARGEST_MAP:
        raise ImageError("too_large", f"{path.name} asks for {shape} voxels; expected at most 512³.")
    kind = file.get_data_dtype()
    if kind.kind not in "iuf":
        raise ImageError("not_real", f"{path.name} holds {kind} values; expected one real number a voxel.")
    stored = file.dataobj
    if isinstance(file, Nifti1Image) and isinstance(stored, ArrayProxy) and path.name.endswith(".gz"):
        stored = _decompressed(path, stored)
    with np.errstate(over="ignore"):  # float64 beyond float32 becomes infinite, which is refused
        values = np.asarray(stored, dtype=np.float32)
    return values.reshape(shape, order="F"), np.asarray(file.affine, dtype=float)


def _decompressed(path: Path, voxels: ArrayProxy) -> np.ndarray:
    """Voxels of a compressed file, scaled as its header says; nibabel would decompress piece by piece and copy."""
    content = _decompress(path.read_bytes())
    values = np.ndarray(voxels.shape, voxels.dtype, content, voxels.offset, order="F")
    return apply_read_scaling(values, voxels.slope, voxels.inter)


def _decompress(compressed: bytes) -> bytes:
    """Decompress in one go into a buffer of the size the file's last bytes name: half the time of a stream."""
    size = int.from_bytes(compressed[-4:], "little")
    content = zlib.decompress(compressed, zlib.MAX_WBITS | 16, min(max(size, 1), _LARGEST_GUESS))
    # Several members in a row (as bgzip writes them): the last bytes told of the last one only.
    return content if len(content) == size else gzip.decompress(compressed)


def _first_line(error: Exception, path: Path) -> str:
    """What a library said, without the folder the file lies in."""
    lines = str(error).replace(f"{path.parent}/", "").splitlines()
    return lines[0] if lines else type(error).__name__


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
    return _halved(volume)


def check_array(values: np.ndarray, image: ImageConfig, name: str) -> np.ndarray:
    """Take a map that is on the common grid and smoothed already, as `load_map` gives it; return it likewise.

    Raises
    ------
    ImageError
        ``wrong_shape``, ``not_finite``, or as `check_map`.
    """
    if values.shape != image.shape:
        raise ImageError("wrong_shape", f"{name} has shape {values.shape}; expected {image.shape}.")
    volume = values.astype(np.float32)
    if not np.isfinite(volume).all():
        raise ImageError("not_finite", f"{name} holds values that are not finite.")
    check_map(volume, image, name)
    return _halved(volume)


def _halved(volume: np.ndarray) -> np.ndarray:
    """Round to float16, which is what models are trained on."""
    # Rounded as float16 rounds near zero, where the processor itself takes ten times as long.
    near_zero = np.abs(volume) < np.finfo(np.float16).tiny
    return np.where(near_zero, (volume + _ROUNDING) - _ROUNDING, volume).astype(np.float16)
