"""Is a resampled map a brain in template space? Compared with nilearn's packaged MNI152 gray-matter template.

Both are smoothed first (`image.check.fwhm`), so that folding and registration differ little and position, orientation
and tissue differ much. On real brains that were fitted to the template by an affine transform only, the correlation
inside the template's mask is 0.75 to 0.83 and the centres of mass are 0.8 to 3.0 mm apart; on simulated brains 0.80 to
0.94. The same brains turned upside down or back to front reach 0.30, shifted by 15 mm 0.30 (and 13 mm), shrunk to
native size 0.44; T1-weighted templates 0.41, white matter below 0. A mirror image (left for right) cannot be seen:
template and brains are almost symmetric. Nor can a smooth brain mask of the right size be told for certain (0.60).
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from adhd_cvae.config import ImageConfig
from adhd_cvae.errors import ImageError
from adhd_cvae.images.resampling import grid_affine, smooth, to_grid

_LARGEST_VALUE = float(np.finfo(np.float16).max)
"""In float16 maps are kept."""
_LEAST_VARIANCE = 1e-8
"""Of a voxel over maps, below which it is rounding error."""


def check_map(volume: np.ndarray, image: ImageConfig, name: str) -> None:
    """Refuse what is not gray matter in template space.

    Parameters
    ----------
    volume
        `image.shape` float32: on the common grid, smoothed by `image.fwhm`.
    image
        Grid and thresholds; a threshold of None is not checked.
    name
        What to call the map in the message.

    Raises
    ------
    ImageError
        ``outside_grid``, ``values_too_large``, ``negative_values``, ``not_in_template_space`` or ``off_centre``.
    """
    largest = float(np.abs(volume).max())
    if largest == 0:
        raise ImageError("outside_grid", f"{name} has no gray matter inside the grid; is it in MNI space?")
    if not largest <= _LARGEST_VALUE:
        raise ImageError(
            "values_too_large", f"{name} reaches {largest:g}; gray-matter volume per voxel is about 1."
        )
    if image.min_template_correlation is None and image.max_offset is None:
        return
    total = float(np.abs(volume).sum())
    negative = float((total - float(volume.sum())) / 2 / total)
    most = image.check.largest_negative
    if negative > most:
        raise ImageError(
            "negative_values",
            f"{negative:.0%} of {name} is below zero; gray-matter volume is not (at most {most:.0%}).",
        )
    correlation, offset = compare(volume, image)
    if image.min_template_correlation is not None and not correlation >= image.min_template_correlation:
        raise ImageError(
            "not_in_template_space",
            f"{name} correlates {correlation:.2f} with the MNI152 gray-matter template, its centre "
            f"{offset:.0f} mm away; expected at least {image.min_template_correlation:g} "
            "(image.min_template_correlation). Native space, turned over or not gray matter?",
        )
    if image.max_offset is not None and not offset <= image.max_offset:
        raise ImageError(
            "off_centre",
            f"{name} has its centre of mass {offset:.0f} mm from the MNI152 gray-matter template's; "
            f"expected at most {image.max_offset:g} (image.max_offset).",
        )


def compare(volume: np.ndarray, image: ImageConfig) -> tuple[float, float]:
    """Pearson correlation with the template inside its mask, and distance of the centres of mass in mm."""
    mask, template, centre = _template_like(image)
    same = smooth(volume, image, np.sqrt(_common(image) ** 2 - image.fwhm**2))
    ours = same[mask]
    ours -= ours.mean()
    length = float(np.linalg.norm(ours))
    correlation = float(ours @ template) / length if length > 0 else 0.0
    return correlation, float(np.linalg.norm(_centre_of_mass(same, image) - centre))


def template_mask(image: ImageConfig) -> np.ndarray:
    """Voxels of the grid, `image.shape` bool, where a map is compared with the template."""
    return _template_like(image)[0]


def _common(image: ImageConfig) -> float:
    return max(image.check.fwhm, image.fwhm)


def _template_like(image: ImageConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    grid = image.shape, image.voxel_size, image.centre
    return _template(grid, _common(image), image.check.template_threshold)


@cache
def _template(
    grid: tuple[tuple[int, int, int], float, tuple[float, float, float]], fwhm: float, threshold: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mask of the template on the grid, its values there (mean 0, length 1) and its centre of mass in mm."""
    from nilearn.datasets import load_mni152_gm_template

    shape, voxel_size, centre = grid
    image = ImageConfig(shape=shape, voxel_size=voxel_size, centre=centre)
    loaded = load_mni152_gm_template()
    values = np.asarray(loaded.dataobj, dtype=np.float32)
    template = to_grid(values, np.asarray(loaded.affine), image, fwhm)
    mask = template > threshold
    inside = template[mask] - template[mask].mean()
    return mask, inside / np.linalg.norm(inside), _centre_of_mass(template, image)


def _centre_of_mass(volume: np.ndarray, image: ImageConfig) -> np.ndarray:
    """World coordinate in mm, negative values left out."""
    weight = np.clip(volume, 0, None)
    plane, side = weight.sum(axis=2), weight.sum(axis=(0, 1))
    along = [plane.sum(axis=1), plane.sum(axis=0), side]
    total = max(float(side.sum()), np.finfo(np.float32).tiny)
    index = np.array([sums @ np.arange(len(sums)) / total for sums in along])
    return grid_affine(image)[:3, :3] @ index + grid_affine(image)[:3, 3]


def distances_from_mean(
    images: np.ndarray, threshold: float, tick: Callable[[int, int], None] = lambda done, total: None
) -> np.ndarray:
    """Root mean square, over the brain, of each map's difference from the mean map in standard deviations.

    Parameters
    ----------
    images
        (n, *shape), two or more; may be a memory map: it is read twice, one map at a time.
    threshold
        The mean map's gray matter above which a voxel belongs to the brain.
    tick
        Called with how many maps were read and of how many, each counted twice.

    Returns
    -------
    numpy.ndarray
        (n,) about 1 for a usual map; square it and its mean is (n - 1) / n.
    """
    total = np.zeros(images.shape[1:])
    squares = np.zeros(images.shape[1:])
    for done, image in enumerate(images, start=1):
        values = image.astype(np.float32)
        total += values
        squares += values * values
        tick(done, 2 * len(images))
    mean = total / len(images)
    variance = (squares - len(images) * mean**2) / (len(images) - 1)
    brain = (mean > threshold) & (variance > _LEAST_VARIANCE)
    if not brain.any():
        return np.zeros(len(images))
    centre, spread = mean[brain].astype(np.float32), np.sqrt(variance[brain]).astype(np.float32)
    found = np.empty(len(images), np.float32)
    for row, image in enumerate(images):
        found[row] = np.sqrt(np.mean(((image[brain].astype(np.float32) - centre) / spread) ** 2))
        tick(len(images) + row + 1, 2 * len(images))
    return found
