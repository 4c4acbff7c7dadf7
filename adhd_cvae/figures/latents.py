"""Pictures of the latent spaces, one point a participant: maps, scatters, reconstruction errors."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adhd_cvae.figures.style import (
    CATEGORY_COLOURS,
    FAINT,
    GROUP_COLOURS,
    GROUP_MARKERS,
    INK,
    folded,
    legend_above,
    new_figure,
    shortened,
    soft_grid,
    styled,
    tidied,
)
from adhd_cvae.names import (
    BACKGROUND,
    GROUP_LABELS,
    TARGET,
    code_label,
)

UMAP = ("umap_1", "umap_2")
SEQUENTIAL = "viridis"
LONGEST = 28
"""Letters of a legend's entry."""
MOST_LEVELS = 12
"""Codes with a colour of their own, those of the most participants; more could not be told apart."""


def _points(
    axes: Axes, table: pd.DataFrame, names: tuple[str, str], size: float, **look: Any
) -> PathCollection:
    x, y = names
    return axes.scatter(table[x], table[y], s=size, linewidths=0, rasterized=True, **look)


def _bare(axes: Axes) -> None:
    """Take away the ticks: a UMAP's axes have no unit and no direction."""
    axes.set(xticks=[], yticks=[])
    axes.spines[["left", "bottom"]].set_color(FAINT)


def _group_key(figure: Figure) -> None:
    handles = [
        Line2D([], [], color=colour, marker=GROUP_MARKERS[group], ls="", label=GROUP_LABELS[group])
        for group, colour in GROUP_COLOURS.items()
    ]
    legend_above(figure, handles, 2)


@styled
def umap_by_variable(
    umap: pd.DataFrame,
    cohort: pd.DataFrame,
    scales: Mapping[str, str],
    labels: Mapping[str, str],
    levels: Mapping[str, Mapping[str, str]],
) -> Figure:
    """One space's map of patients coloured by each variable in turn; those without the value are small and gray.

    Parameters
    ----------
    umap
        Rows of ``analysis/umap.tsv`` of one space.
    cohort
        Phenotype by `participant_id`.
    scales
        Variable: ``ratio`` or ``nominal``.
    labels, levels
        Words of each variable; words of each nominal variable's codes.
    """
    table = umap.merge(cohort, on="participant_id")
    height = -(-len(scales) // 2)
    nominal = [name for name, scale in scales.items() if scale == "nominal"]
    names = {name: _legend_names(table.loc[:, name], levels.get(name, {})) for name in nominal}
    longest = max((len(some) for some in names.values()), default=0)
    figure = new_figure(2.75 * height + 0.14 * max(0, longest - 3))
    panels = figure.subplots(height, 2, squeeze=False).ravel()
    for axes, variable in zip(panels, scales, strict=False):
        missing, known = table.loc[table[variable].isna()], table.loc[table[variable].notna()]
        axes.scatter(missing["umap_1"], missing["umap_2"], s=4, color=FAINT, alpha=0.5, rasterized=True)
        if variable in names:
            _by_category(axes, known, variable, names[variable])
        else:
            _by_value(figure, axes, known, variable)
        axes.set_title(folded(labels.get(variable, variable.replace("_", " ")), 26, 2))
        axes.set_box_aspect(1)
        _bare(axes)
    for axes in panels[len(scales) :]:
        axes.set_axis_off()
    for trust in umap["trustworthiness"].dropna().unique()[:1] if "trustworthiness" in umap else ():
        figure.supxlabel(f"trustworthiness {trust:.2f}", fontsize=8.5)
    return figure


def _by_value(figure: Figure, axes: Axes, known: pd.DataFrame, variable: str) -> None:
    points = _points(axes, known, UMAP, 14, c=known[variable], cmap=SEQUENTIAL)
    strip = axes.inset_axes((0.05, -0.08, 0.9, 0.045))
    bar = tidied(figure.colorbar(points, cax=strip, orientation="horizontal"))
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    bar.ax.tick_params(labelsize=8.5)


def _legend_names(codes: pd.Series, levels: Mapping[str, str]) -> dict[object, str]:
    """Code: words short enough for half a phone's width, in the order of the codes; none for those of few."""
    known = sorted(codes.value_counts().index[:MOST_LEVELS], key=str)
    names = {code: code_label(code, levels) for code in known}
    return {code: shortened(name, LONGEST) for code, name in names.items()}


def _by_category(axes: Axes, known: pd.DataFrame, variable: str, names: Mapping[object, str]) -> None:
    markers = "o^sDvPX"  # one less than colours: no pair comes twice in 56 codes
    for index, (code, name) in enumerate(names.items()):
        rows = known.loc[known[variable] == code]
        colour, marker = CATEGORY_COLOURS[index % len(CATEGORY_COLOURS)], markers[index % len(markers)]
        _points(axes, rows, UMAP, 14, color=colour, marker=marker, label=name)
    others = known.loc[~known[variable].isin(list(names))]
    if len(others):
        label = f"{others[variable].nunique()} others"
        _points(axes, others, UMAP, 5, color=FAINT, label=label)
    # Two columns of long words would leave no room for the points.
    columns = 1 if max((len(name) for name in names.values()), default=0) > 11 else 2
    tight: dict[str, Any] = {
        "fontsize": 8.5,
        "handletextpad": 0.1,
        "borderaxespad": 0.2,
        "labelspacing": 0.25,
    }
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=columns, **tight)


@styled
def held_out_scores(scores: pd.DataFrame) -> Figure:
    """How much each held-out participant looks like a patient: a row of points a fold and group, medians marked.

    Parameters
    ----------
    scores
        `fold`, `group` and `score`, above 0 nearer to the patients. Folds share no scale: each is shown in its own root
        mean square, so that 0 stays where it is.
    """
    folds = sorted(set(scores["fold"]))
    figure = new_figure(0.9 + 0.5 * len(folds))
    axes = figure.add_subplot()
    for place, fold in enumerate(folds):
        held_out = scores.loc[scores["fold"] == fold]
        unit = float(np.sqrt(np.square(held_out["score"]).mean())) or 1.0
        for group, side in ((TARGET, -0.2), (BACKGROUND, 0.2)):
            values = np.sort(held_out.loc[held_out["group"] == group, "score"]) / unit
            look: dict[str, Any] = {"color": GROUP_COLOURS[group], "marker": GROUP_MARKERS[group], "s": 18}
            # Neighbours in rank lie apart, so that equal scores do not hide each other.
            height = place + side + 0.04 * (np.arange(len(values)) % 3 - 1)
            axes.scatter(values, height, alpha=0.8, linewidths=0, rasterized=True, **look)
            if len(values):
                axes.vlines(np.median(values), place + side - 0.15, place + side + 0.15, color=INK, lw=2)
    axes.set_yticks(range(len(folds)), [f"fold {fold}" for fold in folds])
    axes.set_ylim(len(folds) - 0.5, -0.5)
    axes.axvline(0, color=INK, lw=0.8, ls=":")
    axes.set_xlabel("score by s, in each fold's own unit (right of 0: nearer to patients)")
    soft_grid(axes)
    _group_key(figure)
    return figure


@styled
def reconstruction_errors(errors: pd.DataFrame) -> Figure:
    """Each participant's reconstruction error by the model and by PCA with as many components.

    Parameters
    ----------
    errors
        `group`, `model` and `pca`: residual over total sum of squares, 0 perfect, 1 no better than the mean.
    """
    figure = new_figure(3.7)
    axes = figure.add_subplot()
    for group, colour in GROUP_COLOURS.items():
        rows, label = errors[errors["group"] == group], GROUP_LABELS[group]
        axes.scatter(rows["pca"], rows["model"], s=20, c=colour, alpha=0.6, lw=0, label=label)
    low, high = np.nanmin(errors[["pca", "model"]]), np.nanmax(errors[["pca", "model"]])
    axes.plot([low, high], [low, high], color=INK, lw=0.8, ls=":", label="equal")
    axes.set(xlabel="unexplained share of variance, PCA", ylabel="… contrastive VAE")
    axes.set_box_aspect(0.75)
    soft_grid(axes, "both")
    legend_above(figure, axes.get_legend_handles_labels()[0], 3)
    return figure
