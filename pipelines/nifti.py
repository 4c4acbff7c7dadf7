"""NIfTI files whose bytes depend on their content alone."""

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
