"""Gray-matter maps in: one file read, checked and put on the common grid."""

import gzip
import io
import logging
import math
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import nibabel as nib
import numpy as np
from nibabel.arrayproxy import ArrayProxy
from nibabel.filebasedimages import ImageFileError
from nibabel.imageglobals import logger
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError, SpatialImage
from nibabel.volumeutils import apply_read_scaling
from nibabel.wrapstruct import WrapStructError

from adhd_cvae.config import ImageConfig
from adhd_cvae.errors import ImageError
from adhd_cvae.images.quality import check_map
from adhd_cvae.images.resampling import to_grid
from adhd_cvae.io import atomic_path, how_to_fetch

LARGEST_MAP = 512**3
"""Voxels; a header that asks for more is refused before anything is read."""
LARGEST_SIDE = 4096
"""Voxels along one axis, likewise: weights of every sample are held for each."""
_SLACK = 2**20
"""Bytes that a file may hold besides its header and voxels."""
_LARGEST_OFFSET = 2**26
"""Bytes before the voxels: header extensions, which are passed over."""
_NIFTI_2 = (b"\x1c\x02\0\0", b"\0\0\x02\x1c")
"""540, the size of its header, which a NIfTI-2 file begins with."""
_NO_NIFTI = (
    *(ImageFileError, HeaderDataError, WrapStructError, zlib.error),
    *(EOFError, OSError, OverflowError, TypeError, ValueError),
)
"""What nibabel, numpy and zlib raise at a file that is none."""
_ROUNDING = np.float32(0.75)
"""Sums of it and little are float32 with the step of the smallest float16, 2⁻²⁴."""


_KERNEL = re.compile(rb"conv\((\d+(?:\.\d+)?(?:, *\d+(?:\.\d+)?)*)\)")


class _Silence:
    """Keeps nibabel from printing about a header, which the exception says again, while any thread reads one."""

    def __init__(self) -> None:
        self._lock, self._readers, self._level = Lock(), 0, logging.NOTSET

    def __enter__(self) -> None:
        with self._lock:
            if self._readers == 0:
                self._level = logger.level
                logger.setLevel(logging.CRITICAL)
            self._readers += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            if self._readers == 0:
                logger.setLevel(self._level)


_SILENCE = _Silence()


def read_map(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a NIfTI map as (x, y, z) float32 and its affine; NaN, which marks "outside the brain", becomes 0.

    Raises
    ------
    ImageError
        ``missing``, ``not_fetched``, ``unreadable``, ``not_3d``, ``too_large``, ``not_real``, ``not_finite``,
        ``bad_affine``, ``mirrored_header``, ``empty`` or ``constant``.
    """
    with _image_errors(path):
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


def check_header(path: Path) -> None:
    """Find what is wrong with a NIfTI map before its voxels are read.

    Raises
    ------
    ImageError
        ``missing``, ``not_fetched``, ``unreadable``, ``not_3d``, ``too_large``, ``not_real``, ``not_finite``,
        ``empty`` or ``mirrored_header``.
    """
    with _image_errors(path):
        header = _header(path)
        if header is not None:
            _check_sides(header, path)
            _checked_shape(header.get_data_shape(), header.get_data_dtype(), path)


@contextmanager
def _image_errors(path: Path) -> Iterator[None]:
    """Turn whatever a file that is no map raises into an ImageError, quietly."""
    try:
        with _SILENCE:
            yield
    except _NO_NIFTI as error:
        if (how := how_to_fetch(path)) is not None:
            raise ImageError("not_fetched", f"{path.name}: {how}.") from None
        if isinstance(error, ImageError):
            raise
        if isinstance(error, FileNotFoundError):
            raise ImageError("missing", f"{path.name} is not there.") from None
        raise ImageError(
            "unreadable", f"{path.name} cannot be read as NIfTI ({_first_line(error, path)})."
        ) from None


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Values, which may still lie in the file, and affine; the header first: nothing senseless is read."""
    header = _header(path)
    if header is None:
        file = nib.load(path)
        if not isinstance(file, SpatialImage) or file.affine is None:
            raise ImageError("unreadable", f"{path.name} is a {type(file).__name__}, not an image in space.")
        whole, kind, affine, stored = file.shape, file.get_data_dtype(), file.affine, file.dataobj
    else:
        stored = ArrayProxy(path, header)
        _check_sides(header, path)
        with np.errstate(all="ignore"):  # an affine that is not finite is refused
            whole, kind, affine = stored.shape, stored.dtype, header.get_best_affine()
    shape = _checked_shape(whole, kind, path)
    with np.errstate(over="ignore", invalid="ignore"):  # what becomes infinite is refused
        if header is not None and isinstance(stored, ArrayProxy):
            needed = stored.offset + math.prod(shape) * kind.itemsize
            if path.suffix == ".gz":
                stored = _decompressed(path, stored, needed + _SLACK)
            elif path.stat().st_size < needed:  # before nibabel takes memory for them
                raise ImageError("unreadable", f"{path.name} is cut short: it ends before its last voxel.")
        values = np.asarray(stored, dtype=np.float32)
    return values.reshape(shape, order="F"), np.asarray(affine, dtype=float)


def _checked_shape(whole: tuple[int, ...], kind: np.dtype, path: Path) -> tuple[int, int, int]:
    """Give the three sides of a volume of real numbers that is neither empty nor too large."""
    shape = tuple(size for position, size in enumerate(whole) if position < 3 or size != 1)
    if len(shape) != 3:
        raise ImageError("not_3d", f"{path.name} has shape {whole}; expected one 3-D volume.")
    if 0 in shape:
        raise ImageError("empty", f"{path.name} has shape {whole}: no voxels.")
    if min(shape) < 0:
        raise ImageError("unreadable", f"{path.name} has shape {whole}; expected positive sizes.")
    if math.prod(shape) > LARGEST_MAP or max(shape) > LARGEST_SIDE:
        raise ImageError("too_large", f"{path.name} asks for {shape} voxels; expected at most 512³.")
    if kind.kind not in "iuf":
        raise ImageError("not_real", f"{path.name} holds {kind} values; expected one real number a voxel.")
    return shape


def _header(path: Path) -> Nifti1Header | None:
    """Header of a single-file NIfTI, None of any other; nibabel would read its extensions, gigabytes if they say so."""
    if path.exists() and not path.is_file():  # to open a pipe would wait for ever
        raise ImageError("unreadable", f"{path.name} is a folder or a device; expected a NIfTI file.")
    if not path.name.endswith((".nii", ".nii.gz")):
        return None
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        start = file.read(Nifti2Header.sizeof_hdr)
    kind = Nifti2Header if start[:4] in _NIFTI_2 else Nifti1Header
    header = kind(start[: kind.sizeof_hdr])
    if np.isinf(header["scl_slope"]):
        raise ImageError("not_finite", f"{path.name} scales its values by infinity (scl_slope).")
    if (offset := float(header["vox_offset"])) > _LARGEST_OFFSET:
        raise ImageError("too_large", f"{path.name} has {offset:g} bytes before its voxels.")
    return header


def noted_kernel(path: Path) -> str | None:
    """Smoothing kernel in mm that SPM noted in a map's header, ``8,8,8``; None where it noted none."""
    header = _header(path)
    found = None if header is None else _KERNEL.search(header["descrip"].tobytes())
    return ",".join(f"{float(side):g}" for side in found[1].split(b",")) if found else None


def _check_sides(header: Nifti1Header, path: Path) -> None:
    """Refuse a header whose qform and sform, both in force, contradict each other about left and right.

    Programs read one or the other. In template space nothing else shows a mirror image.
    """
    with np.errstate(all="ignore"):
        try:
            qform, _ = header.get_qform(coded=True)
            sform, _ = header.get_sform(coded=True)
            if qform is None or sform is None:
                return
            turn = qform[:3, :3] @ np.linalg.inv(sform[:3, :3])
        except (HeaderDataError, np.linalg.LinAlgError):
            return  # a form that says nothing contradicts nothing
    if np.linalg.det(turn) < 0 or turn[0, 0] < 0:
        raise ImageError(
            "mirrored_header",
            f"{path.name}: its qform and sform contradict each other about left and right. Find out which is right, "
            "and correct the other.",
        )


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
        ``unexpected_shape``, ``not_finite``, or as `check_map`.
    """
    if values.shape != image.shape:
        raise ImageError("unexpected_shape", f"{name} has shape {values.shape}; expected {image.shape}.")
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
