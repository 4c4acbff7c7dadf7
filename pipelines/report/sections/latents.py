"""The latent spaces: scatters and maps, one point a participant."""

import pandas as pd
from matplotlib.figure import Figure

from adhd_cvae.figures import latents
from adhd_cvae.names import BACKGROUND, SALIENT, VAE, unit_name
from pipelines.output_dir.results import Results
from pipelines.report.section import Picture, Section, from_table, holds


def _salient_scatter(results: Results) -> Figure | None:
    if results.latents is None or unit_name(SALIENT, 0) not in results.latents:
        return None
    return latents.salient_scatter(results.latents)


@from_table("umap")
def _umap_by_group(results: Results, umap: pd.DataFrame) -> Figure | None:
    return None if results.cohort is None else latents.umap_by_group(umap, results.cohort)


def _umap_by_variable(results: Results, umap: pd.DataFrame, space: str) -> Figure | None:
    cohort = results.cohort
    if cohort is None or space not in set(umap["space"]):
        return None
    known = [name for name in results.scales if holds(cohort, name)]
    if not known:
        return None
    return latents.umap_by_variable(
        umap.loc[umap["space"] == space],
        cohort,
        {name: results.scales[name] for name in known},
        {name: results.label(name) for name in known},
        {name: results.levels(name) for name in known},
    )


def _umap(space: str, words: str) -> Picture:
    return Picture(
        f"umap_{space}_variables",
        f"Map of {words}, by variable",
        f"UMAP scatter of {words}, repeated once a variable and coloured by it; one point a participant.",
        "The same points each time. Light: high; dark: low. Gray: value missing.",
        from_table("umap")(lambda results, umap: _umap_by_variable(results, umap, space)),
    )


SECTION = Section(
    "latents",
    "The latent spaces",
    "The salient space s should hold variation of patients only; the background space z what patients "
    "and controls share; the plain VAE knows no such distinction.",
    pictures=(
        Picture(
            "salient_scatter",
            "Salient units",
            "Scatter of the first two salient units' posterior means, patients and controls told apart.",
            "Controls are encoded too, though the model decodes them without s: their spread shows what leaks "
            "into s.",
            _salient_scatter,
        ),
        Picture(
            "umap_group",
            "Map of each space, by group",
            "UMAP scatter of each latent space, one point a participant, patients and controls told apart.",
            "UMAP keeps neighbourhoods, not distances or sizes: a gap in it is a hint, not a test.",
            _umap_by_group,
        ),
        _umap(SALIENT, "the salient space"),
        _umap(BACKGROUND, "the background space"),
        _umap(VAE, "the plain VAE's space"),
    ),
)
