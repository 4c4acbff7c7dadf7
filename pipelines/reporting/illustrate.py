"""Draw every figure that the files of an OUTPUT_DIR allow."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from adhd_cvae.analysis import figures, latent_figures, map_figures, run_figures
from adhd_cvae.analysis.figure_style import save_figure
from pipelines.reporting import illustrate_brain
from pipelines.reporting.gallery import PICTURES
from pipelines.reporting.results import Results


def draw_figures(folder: Path, progress: Callable[[int, int], None] | None = None) -> list[Path]:
    """Write ``figures/*.svg`` from the tables and ``decoded.npz``; what cannot be drawn is left out.

    Parameters
    ----------
    folder
        The OUTPUT_DIR. A figure of an earlier call whose table is gone is removed.
    progress
        Called with (done, of how many).

    Returns
    -------
    list of Path
        The files written, in the order of the report.
    """
    results = Results(folder)
    written = []
    for done, picture in enumerate(PICTURES, start=1):
        path = results.paths.figures / picture.file
        figure = DRAWERS[picture.name](results)
        if figure is None:
            path.unlink(missing_ok=True)
        else:
            save_figure(figure, path)
            written.append(path)
        if progress is not None:
            progress(done, len(PICTURES))
    return written


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


def _sites(results: Results) -> Figure | None:
    if results.cohort is None or results.site is None:
        return None
    return run_figures.site_counts(results.cohort, results.site, results.levels(results.site))


def _training(results: Results) -> Figure | None:
    return None if results.history is None else run_figures.training_losses(results.history)


def _training_terms(results: Results) -> Figure | None:
    history = results.history
    if history is None or "cvae" not in set(history["model"]):
        return None
    return run_figures.training_terms(history)


def _reconstruction_error(results: Results) -> Figure | None:
    decoded = results.decoded
    if results.cohort is None or not {"reconstruction_error", "pca_reconstruction_error"} <= set(decoded):
        return None
    errors = pd.DataFrame(
        {
            "participant_id": decoded["participant_id"].astype(str),
            "model": decoded["reconstruction_error"].astype(float),
            "pca": decoded["pca_reconstruction_error"].astype(float),
        }
    )
    errors = errors.dropna().merge(results.cohort[["participant_id", "split"]], on="participant_id")
    return latent_figures.reconstruction_errors(errors) if len(errors) else None


def _salient_scatter(results: Results) -> Figure | None:
    if results.latents is None or "s_00" not in results.latents:
        return None
    return latent_figures.salient_scatter(results.latents)


def _umap_group(results: Results) -> Figure | None:
    umap = results.analysis("umap")
    if umap is None or results.cohort is None:
        return None
    return latent_figures.umap_by_group(umap, results.cohort)


def _umap_variables(space: str) -> Callable[[Results], Figure | None]:
    def draw(results: Results) -> Figure | None:
        umap, cohort = results.analysis("umap"), results.cohort
        if umap is None or cohort is None or space not in set(umap["space"]):
            return None
        scales = {name: scale for name, scale in results.scales.items() if name in cohort}
        scales = {name: scale for name, scale in scales.items() if len(cohort[name].dropna())}
        if not scales:
            return None
        return latent_figures.umap_by_variable(
            umap.loc[umap["space"] == space],
            cohort,
            scales,
            {name: results.label(name) for name in scales},
            {name: results.levels(name) for name in scales},
        )

    return draw


def _variables_of(results: Results, table: str, draw: Callable[..., Figure]) -> Figure | None:
    """Draw a table whose rows carry a variable (or target), with the words for each."""
    rows = results.analysis(table)
    if rows is None:
        return None
    column = "variable" if "variable" in rows else "target"
    return draw(rows, {name: results.label(str(name)) for name in rows[column].unique()})


def _whole_table(table: str, draw: Callable[[pd.DataFrame], Figure]) -> Callable[[Results], Figure | None]:
    def drawer(results: Results) -> Figure | None:
        rows = results.analysis(table)
        return None if rows is None else draw(rows)

    return drawer


DRAWERS: dict[str, Callable[[Results], Figure | None]] = {
    "flow": _flow,
    "exclusions": _exclusions,
    "exclusions_maps": _exclusions_maps,
    "outliers": _outliers,
    "age_sex": _age_sex,
    "sites": _sites,
    "training": _training,
    "training_terms": _training_terms,
    "reconstructions": illustrate_brain.reconstructions,
    "reconstruction_error": _reconstruction_error,
    "salient_scatter": _salient_scatter,
    "umap_group": _umap_group,
    "umap_salient_variables": _umap_variables("salient"),
    "umap_background_variables": _umap_variables("background"),
    "umap_vae_variables": _umap_variables("vae"),
    "rsa": lambda results: _variables_of(results, "rsa", figures.similarity_bars),
    "silhouette": lambda results: _variables_of(results, "silhouette", figures.silhouette_bars),
    "mixture": _whole_table("mixture", figures.mixture_curves),
    "probes": lambda results: _variables_of(results, "probes", figures.probe_scores),
    "recovery": _whole_table("recovery", figures.recovery_bars),
    **illustrate_brain.DRAWERS,
}
"""Name of each picture to what draws it; None where its files are absent."""
