"""Name of `adhd_cvae.images.nifti` in version 0.1."""

from adhd_cvae.images.nifti import check_array, load_map

__all__ = ["check_array", "load_map"]
