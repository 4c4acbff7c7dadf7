"""cache/pictures.npz: slices of the maps left out and of the outliers, for the report."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from adhd_cvae.config import ImageConfig
from adhd_cvae.errors import ImageError
from adhd_cvae.images.nifti import load_map
from adhd_cvae.images.quality import distances_from_mean, template_mask
from pipelines.output_dir.tables import PICTURES
from pipelines.progress import Tick

MOST_MAPS = 12
"""Maps shown in a picture; more would not be legible."""
FEWEST_FOR_OUTLIERS = 5
"""Maps below which a spread means nothing."""


def write_pictures(
    left_out: Iterable[tuple[Path, str]], images: np.ndarray, image: ImageConfig, path: Path, tick: Tick
) -> None:
    """Write ``pictures.npz``; nobody is named in it.

    Parameters
    ----------
    left_out
        File and reason of each map that was refused; those that cannot be drawn are passed over.
    images
        The prepared maps, (n, *shape).
    image
        Their grid.
    path
        The file: ``excluded`` and ``outlier`` (m, 3, side, side) float16, sagittal, coronal and axial slices through
        the grid's middle, up or front at the end of the rows; ``excluded_reason`` (m,) text and
        ``outlier_distance`` (m,), farthest first; ``template`` (3, side, side), 1 inside the template's gray matter.
    tick
        As :func:`adhd_cvae.images.quality.distances_from_mean` calls it.
    """
    unchecked = image.model_copy(update={"min_template_correlation": None, "max_offset": None})
    slices: list[np.ndarray] = []
    reasons: list[str] = []
    for file, reason in left_out:
        if len(slices) == MOST_MAPS:
            break
        try:
            slices.append(_slices(load_map(file, unchecked)))
        except ImageError:
            continue
        reasons.append(reason)
    enough = len(images) >= FEWEST_FOR_OUTLIERS
    distances = distances_from_mean(images, image.mask_threshold, tick) if enough else np.empty(0)
    farthest = np.argsort(-distances, kind="stable")[:MOST_MAPS]
    arrays = {
        "excluded": _stacked(slices, image),
        "excluded_reason": np.array(reasons, dtype=np.str_),
        "outlier": _stacked([_slices(images[row]) for row in farthest], image),
        "outlier_distance": distances[farthest],
        "template": _slices(template_mask(image)),
    }
    PICTURES.write(arrays, path, compressed=True)


def _stacked(maps: Sequence[np.ndarray], image: ImageConfig) -> np.ndarray:
    return np.stack(maps) if len(maps) else np.empty((0, 3, max(image.shape), max(image.shape)), np.float16)


def _slices(volume: np.ndarray) -> np.ndarray:
    """Three slices through the middle, each in the corner of a square: (3, side, side)."""
    side = max(volume.shape)
    squares = np.zeros((3, side, side), dtype=np.float16)
    for axis, square in enumerate(squares):
        cut = np.take(volume, volume.shape[axis] // 2, axis=axis).T
        square[: cut.shape[0], : cut.shape[1]] = cut
    return squares
