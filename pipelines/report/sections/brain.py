"""Where in the brain: patients against controls, the model's own difference beside it, components."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from nibabel.nifti1 import Nifti1Image

from adhd_cvae.figures import brain
from adhd_cvae.names import ALPHA, SALIENT, rows_of, unit_name
from pipelines.output_dir.results import SMALLEST, Results
from pipelines.report.formatting import ReportTable, count, listed, number, probability
from pipelines.report.section import TableWords, from_table, holds, read_section, sentences_of
from pipelines.report.viewer import brain_viewer

MOST_PEAKS = 20
"""Rows of the table of peaks on the page."""
MOST_UNITS = 6
"""Salient units shown in a figure; more would not be legible."""
VOLUME = "change of gray-matter volume per voxel"
sentence = sentences_of(__file__)


def _group_test(results: Results) -> Figure | None:
    tested, p = results.significant("t", "group"), results.brain_map("groupP")
    if tested is None and p is not None:
        # The brain with nothing over it is what the test shows.
        nothing = Nifti1Image(np.zeros(p.shape, np.float32), p.affine)
        return _maps({f"no voxel has a corrected p < {ALPHA:g}": nothing}, "")
    return _maps({f"corrected p < {ALPHA:g}": tested}, "t, patients against controls")


def _effect_map(results: Results) -> Figure | None:
    known = results.brain_map("salientEffectAgreement") is not None
    where = "where all folds agree on the sign; no test" if known else "no test"
    return _maps({where: results.decoded_difference()}, VOLUME, least=SMALLEST)


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
    """The largest peaks of patients against controls."""
    shown = peaks.head(MOST_PEAKS)
    places = [", ".join(number(row[axis], 1) for axis in ("x_mm", "y_mm", "z_mm")) for row in rows_of(shown)]
    more = sentence("more_peaks", shown=len(shown), peaks=len(peaks)) if len(shown) < len(peaks) else ""
    words = TableWords.of(__file__, "peaks").without([] if "label" in shown else ["label"])
    rows = [words.cells(row) for row in rows_of(shown.assign(place=places))]
    return words.shown({"": rows}, more=more, voxels=f"{results.setting('analysis.maps.cluster_voxels', 10)}")


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


@from_table("group_maps")
def sentences(results: Results, table: pd.DataFrame) -> list[str]:
    """Where patients and controls differ, what the model draws beside it, and what goes with scores."""
    rows = {row["map"]: row for row in rows_of(table)}
    group, effect = rows.pop("group", None), rows.pop("salient_effect", None)
    paragraphs = [] if group is None else [_of_groups(results, group)]
    if effect is not None:
        stable = sentence("unknown", note=effect["note"])
        if pd.notna(effect["cosine"]):
            share = number(100 * effect["sign_agreement"], 0)
            stable = sentence("stable", cosine=number(effect["cosine"], 2), share=share)
        paragraphs.append(sentence("decoded", stable=stable))
    tests = "; ".join(
        f"{_share_of_voxels(row)} vary with {results.label(name)} (least p {probability(row['p_value'])})"
        for name, row in rows.items()
        if pd.notna(row["p_value"])
    )
    return [*paragraphs, *([sentence("batteries", tests=tests)] if tests else [])]


@from_table("group_maps")
def summary(results: Results, table: pd.DataFrame) -> str:
    """Whether the groups' maps differ, in a sentence."""
    rows = {row["map"]: row for row in rows_of(table)}
    group = rows.get("group")
    if group is None or pd.isna(group["p_value"]):
        why = [] if group is None else [sentence("no_test", note=group["note"])]
        return " ".join([*why, *([sentence("model_alone")] if "salient_effect" in rows else [])])
    change = sentence("less" if group["largest"] < 0 else "more")
    sizes = {name: f"{int(group[name]):,}" for name in ("significant", "voxels")}
    p = probability(group["p_value"])
    return sentence("differ_short" if group["significant"] else "alike_short", **sizes, p=p, change=change)


def _of_groups(results: Results, row: dict[str, Any]) -> str:
    """Whether any voxel differs between the groups, or why that is not known."""
    if pd.isna(row["p_value"]):
        return sentence("no_test", note=row["note"])
    names = [] if pd.isna(row["covariates"]) else row["covariates"].split(", ")
    held = [results.label(name) for name in names]
    found = {name: count(row[name]) for name in ("significant", "voxels", "n")}
    found |= {"held": listed(held) if held else "nothing", "p": probability(row["p_value"])}
    return sentence("differ" if row["significant"] else "alike", **found)


def _share_of_voxels(row: dict[str, Any]) -> str:
    if not row["significant"]:
        return "no voxels"
    share = 100 * row["significant"] / row["voxels"]
    return f"{'less than 1' if share < 1 else number(share, 0)}\N{NO-BREAK SPACE}% of voxels"


SECTION = read_section(
    __file__,
    {
        "group_test": _group_test,
        "effect_map": _effect_map,
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
