"""Headers of NIfTI files: what they say, and which are refused before a voxel is read."""

import gzip
import logging
import math
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.imageglobals import logger
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from adhd_cvae.errors import ImageError
from adhd_cvae.io import how_to_fetch

LARGEST_MAP = 512**3
"""Voxels; a header that asks for more is refused before anything is read."""
LARGEST_SIDE = 4096
"""Voxels along one axis, likewise: weights of every sample are held for each."""
_LARGEST_OFFSET = 2**26
"""Bytes before the voxels: header extensions, which are passed over."""
_NIFTI_2 = (b"\x1c\x02\0\0", b"\0\0\x02\x1c")
"""540, the size of its header, which a NIfTI-2 file begins with."""
_NO_NIFTI = (
    *(ImageFileError, HeaderDataError, WrapStructError, zlib.error),
    *(EOFError, OSError, OverflowError, TypeError, ValueError),
)
"""What nibabel, numpy and zlib raise at a file that is none."""
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


def check_header(path: Path) -> None:
    """Find what is wrong with a NIfTI map before its voxels are read.

    Raises
    ------
    ImageError
        ``missing``, ``not_fetched``, ``unreadable``, ``not_3d``, ``too_large``, ``not_real``, ``not_finite``,
        ``empty`` or ``mirrored_header``.
    """
    with image_errors(path):
        header = read_header(path)
        if header is not None:
            check_sides(header, path)
            checked_shape(header.get_data_shape(), header.get_data_dtype(), path)


@contextmanager
def image_errors(path: Path) -> Iterator[None]:
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


def checked_shape(whole: tuple[int, ...], kind: np.dtype, path: Path) -> tuple[int, int, int]:
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


def read_header(path: Path) -> Nifti1Header | None:
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
    header = read_header(path)
    found = None if header is None else _KERNEL.search(header["descrip"].tobytes())
    return ",".join(f"{float(side):g}" for side in found[1].split(b",")) if found else None


def check_sides(header: Nifti1Header, path: Path) -> None:
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


def _first_line(error: Exception, path: Path) -> str:
    """What a library said, without the folder the file lies in."""
    lines = str(error).replace(f"{path.parent}/", "").splitlines()
    return lines[0] if lines else type(error).__name__
