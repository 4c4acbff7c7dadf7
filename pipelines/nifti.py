"""NIfTI files whose bytes depend on their content alone, and how they are called."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np

from adhd_cvae.files import atomic_path


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
