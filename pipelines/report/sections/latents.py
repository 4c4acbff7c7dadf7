"""The latent spaces: maps of the patients."""

import pandas as pd
from matplotlib.figure import Figure

from adhd_cvae.figures import latents
from adhd_cvae.names import BACKGROUND, SALIENT, TARGET, VAE
from pipelines.output_dir.results import Results
from pipelines.report.section import Plotter, from_table, holds, read_section


def _umap_by_variable(space: str) -> Plotter:
    """The same points once a variable."""

    @from_table("umap")
    def plot(results: Results, umap: pd.DataFrame) -> Figure | None:
        cohort = results.members(group=TARGET)
        if cohort.empty or space not in set(umap["space"]):
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

    return plot


SECTION = read_section(
    __file__,
    {f"umap_{space}_variables": _umap_by_variable(space) for space in (SALIENT, BACKGROUND, VAE)},
)
