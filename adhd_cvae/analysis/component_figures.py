"""The picture of the effect's components at sites left out."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adhd_cvae.analysis.figure_style import (
    FAINT,
    INK,
    SPACE_COLOURS,
    code_label,
    folded,
    new_figure,
    rows_of,
    soft_grid,
    styled,
)


@styled
def components_by_site(table: pd.DataFrame, levels: Mapping[str, str]) -> Figure:
    """What each component takes of the variance at a site that had no part in it: a panel a component.

    Parameters
    ----------
    table
        ``analysis/effect_components.tsv``; a filled dot is `explained`, a ring `explained_own`, a tick
        `explained_others`.
    levels
        Site code: name.
    """
    tried = table.loc[table["explained"].notna()]
    sites = list(dict.fromkeys(tried["left_out"]))
    components = sorted(set(tried["component"]))
    figure = new_figure(0.9 + len(components) * (0.55 + 0.3 * len(sites)))
    panels = figure.subplots(len(components), 1, squeeze=False, sharex=True)[:, 0]
    colour = SPACE_COLOURS["salient"]
    for axes, component in zip(panels, components, strict=True):
        for row in rows_of(tried.loc[tried["component"] == component]):
            place = sites.index(row["left_out"])
            axes.plot([row["explained"], row["explained_own"]], [place, place], color=FAINT, lw=1.2, zorder=1)
            axes.vlines(row["explained_others"], place - 0.3, place + 0.3, color=INK, lw=1.6, zorder=2)
            axes.plot(row["explained_own"], place, "o", ms=8, mfc="none", mec=colour, mew=1.4, zorder=3)
            axes.plot(row["explained"], place, "o", ms=5.5, color=colour, zorder=4)
        axes.set_yticks(range(len(sites)), [folded(code_label(site, levels), 20) for site in sites])
        axes.set_ylim(len(sites) - 0.4, -0.6)
        axes.set_title(f"component {component:g}")
        soft_grid(axes)
    panels[-1].set_xlim(left=0)
    panels[-1].set_xlabel("share of the variance between patients")
    handles = [
        Line2D([], [], color=colour, marker="o", ls="", ms=5.5, label="at the site left out"),
        Line2D([], [], color=colour, marker="o", ls="", ms=8, mfc="none", label="its own component"),
        Line2D([], [], color=INK, marker="|", ls="", ms=9, mew=1.6, label="at the other sites"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure
