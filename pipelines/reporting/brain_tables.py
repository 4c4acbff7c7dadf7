"""Tables of what the salient space does to the brain, as a reader sees them."""

from typing import Any

import pandas as pd

from adhd_cvae.analysis.figure_style import rows_of
from pipelines.reporting.formats import ReportTable, count, number, text
from pipelines.reporting.results import Results

MOST_PEAKS = 20
"""Rows of the table of peaks on the page."""


def peaks_table(results: Results) -> ReportTable | None:
    """The largest peaks of the voxelwise test."""
    peaks = results.analysis("peaks")
    if peaks is None:
        return None
    labelled = "label" in peaks
    rows = [
        [
            str(row["cluster"]),
            ", ".join(number(row[axis], 1) for axis in ("x_mm", "y_mm", "z_mm")),
            number(row["peak"]),
            *([number(row["t"], 1)] if "t" in peaks else []),
            count(row["volume_mm3"]),
            *([text(row["label"])] if labelled else []),
        ]
        for row in rows_of(peaks.head(MOST_PEAKS))
    ]
    more = (
        f" The first {MOST_PEAKS} of {len(peaks)}; all are in analysis/peaks.tsv."
        if len(peaks) > MOST_PEAKS
        else ""
    )
    caption = (
        "Where patients differ most from their background twins: change of gray-matter volume per voxel, clusters of "
        f"voxels with corrected p < 0.05 and at least half of the largest change.{more}"
    )
    columns = (
        "cluster",
        "x, y, z, mm",
        "change",
        *(["t"] if "t" in peaks else []),
        "volume, mm³",
        *(["atlas label"] if labelled else []),
    )
    return ReportTable(caption, columns, {"": rows}, prose=("atlas label",))


def components_table(results: Results) -> ReportTable | None:
    """Components of the effect maps at each site left out."""
    table = results.analysis("effect_components")
    if table is None:
        return None
    blocks = {
        f"component {rank}": [
            [
                "all patients" if pd.isna(row["left_out"]) else _site(results, row["left_out"]),
                count(row["n"]),
                *(number(row[name], 2) for name in ("explained", "explained_own", "explained_others")),
                *(number(row[name], 2) for name in ("cosine", "cosine_own")),
            ]
            for row in rows_of(part)
        ]
        for rank, part in table.groupby("component")
    }
    caption = (
        "Principal components of patients minus their twins, fitted without one site and tried on it: share of the "
        "variance between its patients along the other sites' component, along its own component of that rank, and "
        "share at the sites fitted on. Cosines: with the component of the other folds (which share patients; below "
        "about 0.9 the order of components is not settled), and with the site's own. The model itself has seen every "
        "site, and its decoding has no more directions than s has units: read agreement between sites, not how much "
        "is explained in all."
    )
    columns = ("site left out", "n", "there", "own", "at the others", "cosine, folds", "cosine, own")
    return ReportTable(caption, columns, blocks)


def _site(results: Results, code: Any) -> str:
    return str(code) if results.site is None else results.named_level(results.site, code)
