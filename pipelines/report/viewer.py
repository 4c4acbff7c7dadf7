"""The brain viewer's content: maps and anatomy, small enough to be part of the page.

nilearn's `view_img` was measured first: 0.7 to 1.6 MB for one map, an identifier that differs at each call, a picture
fetched from elsewhere, and no way in for a keyboard. All maps together take less here.
"""

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
from matplotlib import colormaps
from nibabel.affines import apply_affine
from nibabel.nifti1 import Nifti1Image
from nilearn.datasets import load_mni152_template
from nilearn.image import resample_img

from adhd_cvae.figures.brain import DIVERGING, OPACITY
from pipelines.output_dir.results import SMALLEST, Results

STEPS = 127
"""Values on either side of 0."""
MARGIN = 2
"""Voxels kept around the brain."""


@dataclass(frozen=True)
class _Map:
    """A map to look at: in words, with its unit and how much of it covers the anatomy."""

    name: str
    unit: str
    image: Nifti1Image
    tested: bool = False


def brain_viewer(results: Results) -> str | None:
    """Give the viewer's content as JSON; None where there is no map to look at."""
    chosen = [one for one in _maps(results) if np.any(np.nan_to_num(one.image.get_fdata()))]
    if not chosen:
        return None
    # Axes along the world's, left to right, back to front, low to high: the page needs to turn nothing.
    turned = [nib.as_closest_canonical(one.image) for one in chosen]
    grid = turned[0]
    brain = _anatomy(grid)
    inside = np.logical_or.reduce([brain > 0, *(np.nan_to_num(one.get_fdata()) != 0 for one in turned)])
    box = tuple(_span(inside.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3))
    corner = np.array([part.start for part in box])
    colours = colormaps[DIVERGING](np.linspace(0, 1, 33))[:, :3]
    content = {
        "shape": [part.stop - part.start for part in box],
        "origin": [round(float(value), 3) for value in apply_affine(grid.affine, corner)],
        "step": [round(float(value), 3) for value in np.diag(grid.affine)[:3]],
        "colours": np.rint(255 * colours).astype(int).tolist(),
        "anatomy": _packed(np.rint(255 * brain[box]).astype(np.uint8)),
        "maps": [_content(one, image.get_fdata()[box]) for one, image in zip(chosen, turned, strict=True)],
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _maps(results: Results) -> Iterator[_Map]:
    volume = "change of gray-matter volume per voxel"
    if (tested := results.significant("t", "group")) is not None:
        yield _Map("patients against controls, t where beyond chance", "t", tested, tested=True)
    if (mean := results.decoded_difference()) is not None:
        yield _Map("the model's own difference (no test)", volume, mean)
    for battery in results.setting("analysis.batteries", {}):
        test = ("salientEffect", "by", battery)
        if (tested := results.significant("slope", *test, size="slope")) is not None:
            words = f"with one SD more of {results.label(battery)}, where beyond chance"
            yield _Map(words, volume, tested, tested=True)
    for unit, image in enumerate(results.brain_maps("salientUnit")):
        yield _Map(f"salient unit s_{unit:02d}", f"{volume}, per unit of s", image)
    for rank, image in enumerate(results.brain_maps("salientEffectComponent"), start=1):
        yield _Map(f"component {rank} of patients minus their twins", f"{volume}, for one SD", image)


def _anatomy(grid: Nifti1Image) -> np.ndarray:
    """Brain of the MNI152 template on the maps' grid, 0 to 1."""
    template = load_mni152_template(resolution=2)
    options: dict[str, Any] = {"interpolation": "continuous", "copy_header": True, "force_resample": True}
    on_grid = resample_img(template, grid.affine, grid.shape[:3], **options)
    values = np.clip(np.nan_to_num(on_grid.get_fdata()), 0, None)
    # Ringing of the interpolation outside the brain would frame it.
    values[values < 0.1 * values.max()] = 0
    return values / max(float(values.max()), 1e-9)


def _span(inside: np.ndarray) -> slice:
    found = np.flatnonzero(inside)
    return slice(max(int(found[0]) - MARGIN, 0), min(int(found[-1]) + MARGIN + 1, len(inside)))


def _content(one: _Map, values: np.ndarray) -> dict[str, object]:
    values = np.nan_to_num(values)
    limit = float(np.abs(values).max())
    peak = np.unravel_index(np.abs(values).argmax(), values.shape)
    steps, hidden = (
        np.rint(STEPS * values / limit).astype(np.int8),
        1 if one.tested else round(SMALLEST * STEPS),
    )
    return {
        "name": one.name,
        "unit": one.unit,
        "limit": float(f"{limit:.4g}"),
        "start": [int(index) for index in peak],
        "hidden": hidden,
        "opacity": STEPS if one.tested else OPACITY,
        # What is not shown is not carried either: most of a map, and nearly all of its size.
        "values": _packed(np.where(np.abs(steps) < hidden, 0, steps).astype(np.int8)),
    }


def _packed(values: np.ndarray) -> str:
    """Bytes in C order, compressed, as text; the same for the same values."""
    return base64.b64encode(gzip.compress(values.tobytes(), compresslevel=9, mtime=0)).decode("ascii")
