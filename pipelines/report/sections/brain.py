"""Where in the brain: the twins' differences, their tests, peaks and components."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from nibabel.nifti1 import Nifti1Image

from adhd_cvae.figures import brain
from adhd_cvae.names import ALPHA, SALIENT, rows_of, unit_name
from pipelines.output_dir.results import SMALLEST, Results
from pipelines.report.formatting import ReportTable, number, probability
from pipelines.report.section import TableWords, from_table, holds, read_section, sentences_of
from pipelines.report.viewer import brain_viewer

MOST_PEAKS = 20
"""Rows of the table of peaks on the page."""
MOST_UNITS = 6
"""Salient units shown in a figure; more would not be legible."""
VOLUME = "change of gray-matter volume per voxel"
sentence = sentences_of(__file__)


def _effect_map(results: Results) -> Figure | None:
    effects = results.decoded.get("effect", np.empty(0))
    if not len(effects):
        return None
    return _decoded_maps(
        results, {f"mean of {len(effects)} patients": effects.mean(axis=0, dtype=np.float64)}
    )


def _effect_test(results: Results) -> Figure | None:
    tested = results.significant("t", "salientEffect", size="mean")
    return _maps({f"corrected p < {ALPHA:g}": tested}, "t over patients")


def _severity_maps(results: Results) -> Figure | None:
    images = {
        f"{results.label(name)}, corrected p < {ALPHA:g}": results.significant(
            "slope", "salientEffect", "by", name, size="slope"
        )
        for name in results.setting("analysis.batteries", {})
    }
    return _maps(images, f"{VOLUME}, for one SD")


def _component_maps(results: Results) -> Figure | None:
    images = enumerate(results.brain_maps("salientEffectComponent"), start=1)
    return _maps(
        {f"component {rank}": image for rank, image in images}, f"{VOLUME}, for one SD", least=SMALLEST
    )


def _maps(images: Mapping[str, Nifti1Image | None], label: str, **look: float) -> Figure | None:
    """Plot the images that are there, by name, over the template."""
    found = {name: image for name, image in images.items() if image is not None}
    if not found:
        return None
    affine = np.asarray(next(iter(found.values())).affine)
    return brain.template_maps(
        {name: image.get_fdata() for name, image in found.items()}, affine, label, **look
    )


@from_table("effect_components")
def _component_sites(results: Results, table: pd.DataFrame) -> Figure | None:
    if not holds(table, "explained"):
        return None
    return brain.components_by_site(table, results.levels(results.site) if results.site is not None else {})


def _salient_maps(results: Results) -> Figure | None:
    maps = results.decoded.get("salient_map", np.empty(0))[:MOST_UNITS]
    if not len(maps):
        return None
    return _decoded_maps(
        results, {f"salient unit {unit_name(SALIENT, unit)}": values for unit, values in enumerate(maps)}
    )


def _decoded_maps(results: Results, maps: Mapping[str, np.ndarray]) -> Figure:
    volumes = {name: brain.on_grid(values, results.decoded["mask"]) for name, values in maps.items()}
    return brain.template_maps(volumes, results.decoded["affine"], VOLUME, least=SMALLEST)


def _traversals(results: Results) -> Figure | None:
    decoded = results.decoded
    if not len(decoded.get("traversal", [])):
        return None
    changes, values = decoded["traversal"][:MOST_UNITS], decoded["traversal_values"][:MOST_UNITS]
    return brain.traversals(changes, values, decoded["brain_mean"], decoded["mask"], decoded["affine"])


@from_table("peaks")
def _peaks_table(results: Results, peaks: pd.DataFrame) -> ReportTable:
    """The largest peaks of the voxelwise test."""
    shown = peaks.head(MOST_PEAKS)
    places = [", ".join(number(row[axis], 1) for axis in ("x_mm", "y_mm", "z_mm")) for row in rows_of(shown)]
    more = sentence("more_peaks", shown=len(shown), peaks=len(peaks)) if len(shown) < len(peaks) else ""
    words = TableWords.of(__file__, "peaks").without([] if "label" in shown else ["label"])
    rows = [words.cells(row) for row in rows_of(shown.assign(place=places))]
    share = results.setting("analysis.maps.least_change", 0.5)
    return words.shown({"": rows}, more=more, least="half" if share == 0.5 else f"{share:g}")


@from_table("effect_components")
def _components_table(results: Results, table: pd.DataFrame) -> ReportTable:
    """Components of the effect maps at each site left out."""
    words = TableWords.of(__file__, "effect_components")
    blocks = {
        f"component {rank}": [
            [
                "all patients" if pd.isna(row["left_out"]) else _site(results, row["left_out"]),
                *words.cells(row),
            ]
            for row in rows_of(part)
        ]
        for rank, part in table.groupby("component")
    }
    return words.shown(blocks, "site left out")


def _site(results: Results, code: Any) -> str:
    return str(code) if results.site is None else results.named_level(results.site, code)


@from_table("voxelwise")
def sentences(results: Results, table: pd.DataFrame) -> list[str]:
    """How many voxels differ between patients and their twins, and what such a test is worth."""
    tests = "; ".join(
        f"{_share_of_voxels(row)} {_contrast(results, row['variable'])} (least p {probability(row['p_value'])})"
        for row in rows_of(table)
    )
    return [sentence("voxelwise", tests=tests)]


def _share_of_voxels(row: dict[str, Any]) -> str:
    if not row["significant"]:
        return "no voxels"
    share = 100 * row["significant"] / row["voxels"]
    return f"{'less than 1' if share < 1 else number(share, 0)}\N{NO-BREAK SPACE}% of voxels"


def _contrast(results: Results, variable: Any) -> str:
    if isinstance(variable, str):
        return f"vary with {results.label(variable)} among patients"
    return "differ between patients and their background twins"


SECTION = read_section(
    __file__,
    {
        "effect_map": _effect_map,
        "effect_test": _effect_test,
        "severity_maps": _severity_maps,
        "salient_maps": _salient_maps,
        "traversals": _traversals,
        "component_maps": _component_maps,
        "component_sites": _component_sites,
    },
    sentences=sentences,
    tables=(_peaks_table, _components_table),
    viewer=brain_viewer,
)
