"""Draw the pictures of brains from the maps and ``decoded.npz`` of an OUTPUT_DIR."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from adhd_cvae.analysis import brain_figures, component_figures
from pipelines.reporting.results import SIGNIFICANT, SMALLEST, Results

MOST_UNITS = 6
"""Salient units shown in a figure; more would not be legible."""


def reconstructions(results: Results) -> Figure | None:
    """Draw the example participants, observed and decoded."""
    decoded = results.decoded
    if "example" not in decoded or not len(decoded["example"]):
        return None
    # Numbered within their group: a picture that travels names nobody.
    groups = pd.Series(decoded["example_group"].astype(str)).replace(
        {"target": "patient", "background": "control"}
    )
    names = [
        f"{group} {rank + 1}" for group, rank in zip(groups, groups.groupby(groups).cumcount(), strict=True)
    ]
    return brain_figures.reconstructions(decoded["example"], names, decoded["mask"], decoded["affine"])


def _effect_map(results: Results) -> Figure | None:
    decoded = results.decoded
    if "effect" not in decoded or not len(decoded["effect"]):
        return None
    mean = decoded["effect"].mean(axis=0, dtype=np.float64)
    names = [f"mean of {len(decoded['effect'])} patients"]
    return _template_maps(decoded, mean[None], names)


def _effect_test(results: Results) -> Figure | None:
    shown = results.significant("t", "salientEffect", size="mean")
    if shown is None:
        return None
    names = [f"corrected p < {SIGNIFICANT}"]
    affine = np.asarray(shown.affine)
    return brain_figures.template_maps([shown.get_fdata()], names, affine, "t over patients")


def _severity_maps(results: Results) -> Figure | None:
    batteries = list(results.setting("analysis.batteries", {}))
    found = {
        name: results.significant("slope", "salientEffect", "by", name, size="slope") for name in batteries
    }
    shown = {name: image for name, image in found.items() if image is not None}
    if not shown:
        return None
    names = [f"{results.label(name)}, corrected p < {SIGNIFICANT}" for name in shown]
    images = list(shown.values())
    volumes = [image.get_fdata() for image in images]
    label = "change of gray-matter volume per voxel, for one SD"
    return brain_figures.template_maps(volumes, names, np.asarray(images[0].affine), label)


def _component_maps(results: Results) -> Figure | None:
    images = results.brain_maps("salientEffectComponent")
    if not images:
        return None
    names = [f"component {rank}" for rank in range(1, len(images) + 1)]
    volumes = [image.get_fdata() for image in images]
    label = "change of gray-matter volume per voxel, for one SD"
    threshold = SMALLEST * float(np.abs(volumes).max())
    return brain_figures.template_maps(volumes, names, np.asarray(images[0].affine), label, threshold)


def _component_sites(results: Results) -> Figure | None:
    table = results.analysis("effect_components")
    if table is None or table["explained"].dropna().empty:
        return None
    levels = results.levels(results.site) if results.site is not None else {}
    return component_figures.components_by_site(table, levels)


def _salient_maps(results: Results) -> Figure | None:
    maps = results.decoded.get("salient_map")
    if maps is None or not len(maps):
        return None
    names = [f"salient unit s_{unit:02d}" for unit in range(len(maps))]
    return _template_maps(results.decoded, maps[:MOST_UNITS], names[:MOST_UNITS])


def _template_maps(decoded: dict[str, np.ndarray], values: np.ndarray, names: list[str]) -> Figure:
    mask = decoded["mask"].astype(bool)
    volumes = [np.zeros(mask.shape, dtype=np.float32) for _ in names]
    for volume, row in zip(volumes, values, strict=True):
        volume[mask] = row
    label = "change of gray-matter volume per voxel"
    threshold = SMALLEST * float(np.abs(values).max())
    return brain_figures.template_maps(volumes, names, decoded["affine"], label, threshold)


def _traversals(results: Results) -> Figure | None:
    decoded = results.decoded
    if "traversal" not in decoded or not len(decoded["traversal"]):
        return None
    return brain_figures.traversals(
        decoded["traversal"][:MOST_UNITS],
        decoded["traversal_values"][:MOST_UNITS],
        decoded["brain_mean"],
        decoded["mask"],
        decoded["affine"],
    )


DRAWERS: dict[str, Callable[[Results], Figure | None]] = {
    "effect_map": _effect_map,
    "effect_test": _effect_test,
    "severity_maps": _severity_maps,
    "salient_maps": _salient_maps,
    "traversals": _traversals,
    "component_maps": _component_maps,
    "component_sites": _component_sites,
}
"""Name of each picture of the brain's section to what draws it; None where its files are absent."""
