"""TODO: pipelines.report.sections.latents."""

from collections.abc import Callable

from matplotlib.figure import Figure

from adhd_cvae.figures import latents
from pipelines.output_dir.results import Results


def _salient_scatter(results: Results) -> Figure | None:
    if results.latents is None or "s_00" not in results.latents:
        return None
    return latents.salient_scatter(results.latents)


def _umap_group(results: Results) -> Figure | None:
    umap = results.analysis("umap")
    if umap is None or results.cohort is None:
        return None
    return latents.umap_by_group(umap, results.cohort)


def _umap_variables(space: str) -> Callable[[Results], Figure | None]:
    def draw(results: Results) -> Figure | None:
        umap, cohort = results.analysis("umap"), results.cohort
        if umap is None or cohort is None or space not in set(umap["space"]):
            return None
        scales = {name: scale for name, scale in results.scales.items() if name in cohort}
        scales = {name: scale for name, scale in scales.items() if len(cohort[name].dropna())}
        if not scales:
            return None
        return latents.umap_by_variable(
            umap.loc[umap["space"] == space],
            cohort,
            scales,
            {name: results.label(name) for name in scales},
            {name: results.levels(name) for name in scales},
        )

    return draw
