"""Draw every figure that the files of an OUTPUT_DIR allow."""

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from adhd_cvae.figures import cohort as map_figures
from adhd_cvae.figures import cohort as run_figures
from adhd_cvae.figures import statistics
from adhd_cvae.names import GROUPS
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable
from pipelines.report.sections import brain, reconstruction
from pipelines.report.sections.confounding import _sites
from pipelines.report.sections.figure import _variables_of, _whole_table
from pipelines.report.sections.latents import _salient_scatter, _umap_group, _umap_variables
from pipelines.report.sections.reconstruction import _reconstruction_error
from pipelines.report.sections.training import _training, _training_terms


def count_left_out(results: Results) -> int:
    """Participants named in exclusions.tsv who are not in the cohort."""
    if results.exclusions is None or results.cohort is None:
        return 0
    named = set(results.exclusions["participant_id"].dropna())
    return len(named - set(results.cohort["participant_id"]))


def _flow(results: Results) -> Figure | None:
    if results.cohort is None:
        return None
    left_out = count_left_out(results)
    return run_figures.participant_flow(len(results.cohort) + left_out, left_out, results.cohort)


def _exclusions(results: Results) -> Figure | None:
    return None if results.exclusions is None else run_figures.exclusion_counts(results.exclusions)


def _exclusions_maps(results: Results) -> Figure | None:
    reasons = results.pictures.get("excluded_reason", np.empty(0)).astype(str)
    if not len(reasons):
        return None
    labels = [reason.replace("_", " ") for reason in reasons]
    return map_figures.mosaic(results.pictures["excluded"], labels, results.pictures.get("template"))


def _outliers(results: Results) -> Figure | None:
    distances = results.pictures.get("outlier_distance", np.empty(0))
    if not len(distances):
        return None
    labels = [f"{rank}: {distance:.2f} SD" for rank, distance in enumerate(distances, start=1)]
    return map_figures.mosaic(results.pictures["outlier"], labels)


def _age_sex(results: Results) -> Figure | None:
    if results.cohort is None or not {"age", "sex"} <= set(results.cohort):
        return None
    if results.cohort["age"].dropna().empty or results.cohort["sex"].dropna().empty:
        return None
    return run_figures.age_and_sex(results.cohort, results.levels("sex"))


DRAWERS: dict[str, Callable[[Results], Figure | None]] = {
    "flow": _flow,
    "exclusions": _exclusions,
    "exclusions_maps": _exclusions_maps,
    "outliers": _outliers,
    "age_sex": _age_sex,
    "sites": _sites,
    "training": _training,
    "training_terms": _training_terms,
    "reconstructions": reconstruction.reconstructions,
    "reconstruction_error": _reconstruction_error,
    "salient_scatter": _salient_scatter,
    "umap_group": _umap_group,
    "umap_salient_variables": _umap_variables("salient"),
    "umap_background_variables": _umap_variables("background"),
    "umap_vae_variables": _umap_variables("vae"),
    "rsa": lambda results: _variables_of(results, "rsa", statistics.similarity_bars),
    "silhouette": lambda results: _variables_of(results, "silhouette", statistics.silhouette_bars),
    "mixture": _whole_table("mixture", statistics.mixture_curves),
    "probes": lambda results: _variables_of(results, "probes", statistics.probe_scores),
    "recovery": _whole_table("recovery", statistics.recovery_bars),
    **brain.DRAWERS,
}
"""Name of each picture to what draws it; None where its files are absent."""


def groups_table(results: Results) -> ReportTable | None:
    """Size and split of each group."""
    if results.cohort is None:
        return None
    sizes = [str(len(results.members(group=group))) for group in GROUPS]
    held_out = [str(len(results.members(group=group, split="test"))) for group in GROUPS]
    rows = [["participants", *sizes], ["held out", *held_out]]
    return ReportTable("The cohort.", ("", *GROUPS.values()), {"": rows})


def exclusions_table(results: Results) -> ReportTable | None:
    """How many were left out at each stage, by reason; nobody is named."""
    if results.exclusions is None:
        return None
    counts = results.exclusions.groupby(["stage", "reason"]).size()
    rows = [
        [str(reason).replace("_", " "), str(stage), str(size)]
        for (stage, reason), size in counts.items()  # pyright: ignore[reportGeneralTypeIssues]
    ]
    caption = "Left out. Who, and the detail, is in exclusions.tsv."
    return ReportTable(caption, ("reason", "stage", "rows"), {"": rows})
