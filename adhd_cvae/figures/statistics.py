"""Pictures of the result tables: tables in, figures out; nothing is estimated here. One function a figure."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from adhd_cvae.figures.style import (
    CATEGORY_COLOURS,
    FAINT,
    INK,
    SPACE_COLOURS,
    folded,
    legend_above,
    new_figure,
    soft_grid,
    space_colour,
    styled,
)
from adhd_cvae.names import ALPHA, SPLIT_LABELS, in_order, rows_of, signed, space_label

COVARIANCES = {"full": "-", "diag": "--", "tied": "-.", "spherical": ":"}
"""Form of the covariance: its line."""
_FILLED = {"before": "none", "after": INK}
"""Stage to the inside of its point."""
Labels = Mapping[str, str]
"""Variable: its words."""


def _bars(
    axes: Axes, table: pd.DataFrame, category: str, value: str
) -> list[tuple[float, float, dict[str, Any]]]:
    """Plot one horizontal bar a row, grouped by category and coloured by space.

    Returns
    -------
    list of (position, height, row)
        For whatever else a figure wants to show on each bar.
    """
    categories = list(dict.fromkeys(table[category]))
    spaces = in_order(table["space"].tolist(), SPACE_COLOURS)
    height = 0.8 / len(spaces)
    bars = []
    for row in rows_of(table):
        shift = (spaces.index(row["space"]) - (len(spaces) - 1) / 2) * height
        position = categories.index(row[category]) + shift
        if pd.isna(row[value]):
            axes.text(0, position, " n/a", va="center", fontsize=8.5)
        else:
            axes.barh(position, row[value], 0.86 * height, color=space_colour(row["space"]), zorder=2)
        bars.append((position, height, row))
    axes.set_yticks(range(len(categories)), [folded(str(name)) for name in categories])
    axes.set_ylim(len(categories) - 0.45, -0.55)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7))
    axes.axvline(0, color=INK, lw=0.8, zorder=3)
    soft_grid(axes)
    return bars


def _space_key(figure: Figure, table: pd.DataFrame, *more: Patch | Line2D) -> None:
    spaces = in_order(table["space"].tolist(), SPACE_COLOURS)
    keys = [Patch(color=space_colour(space), label=space_label(space)) for space in spaces]
    legend_above(figure, [*keys, *more], 3)


def _star(axes: Axes, end: float, position: float) -> None:
    look = {"textcoords": "offset points", "va": "center", "fontsize": 9}
    axes.annotate("★", (end, position), (4, -0.5), **look)


def _relabel(table: pd.DataFrame, column: str, labels: Labels) -> pd.DataFrame:
    words = [labels.get(str(name), str(name).replace("_", " ")) for name in table[column]]
    return table.assign(**{column: words})


@styled
def rsa_bars(rsa: pd.DataFrame, labels: Labels) -> Figure:
    """Kendall's τ of each variable in each space, with its interval, what chance gives, and a star.

    Parameters
    ----------
    rsa
        ``analysis/rsa.tsv``; the star is at ``p_fdr`` below `ALPHA`, the gray band is the permutations'
        centre (`null_mean` where there, else 0) ± 1.96 `null_sd`.
    labels
        Variable: its words.
    """
    table = _relabel(rsa, "variable", labels)
    figure = new_figure(1.3 + 0.6 * len(set(table["variable"])))
    axes = figure.add_subplot()
    for position, height, row in _bars(axes, table, "variable", "tau"):
        centre = row["null_mean"] if "null_mean" in row and pd.notna(row["null_mean"]) else 0.0
        if pd.notna(row["null_sd"]):
            spread = 1.96 * row["null_sd"]
            axes.barh(position, 2 * spread, height, centre - spread, color=FAINT, alpha=0.45, zorder=1)
        if pd.notna(row["ci_low"]) and pd.notna(row["ci_high"]):
            axes.hlines(position, row["ci_low"], row["ci_high"], color=INK, lw=1.2, zorder=4)
        if pd.notna(row["p_fdr"]) and row["p_fdr"] < ALPHA:
            _star(axes, np.nanmax([row["tau"], row["ci_high"]]), position)
    axes.set_xlabel("Kendall's τ between dissimilarities")
    axes.margins(x=0.08)
    _space_key(
        figure,
        table,
        Patch(color=FAINT, alpha=0.45, label="95 % of chance"),
        Line2D([], [], color=INK, lw=1.2, label="95 % interval"),
        Line2D([], [], color=INK, marker="*", ls="", label=f"FDR < {ALPHA:g}"),
    )
    return figure


@styled
def silhouette_bars(silhouette: pd.DataFrame, labels: Labels) -> Figure:
    """Silhouette of each nominal variable in each space; a star where the permutation p is below `ALPHA`."""
    table = _relabel(silhouette, "variable", labels)
    figure = new_figure(1.1 + 0.6 * len(set(table["variable"])))
    axes = figure.add_subplot()
    for position, _, row in _bars(axes, table, "variable", "silhouette"):
        if pd.notna(row["p_value"]) and row["p_value"] < ALPHA:
            _star(axes, max(row["silhouette"], 0), position)
    axes.set_xlabel("silhouette (1: well apart, 0: none, below 0: mixed)")
    axes.margins(x=0.08)
    _space_key(figure, table, Line2D([], [], color=INK, marker="*", ls="", label=f"p < {ALPHA:g}"))
    return figure


@styled
def mixture_curves(mixture: pd.DataFrame) -> Figure:
    """BIC against the number of components: a panel a space, a line a covariance form, a dot at the lowest.

    Parameters
    ----------
    mixture
        ``analysis/mixture.tsv``: `bic`, with `bic_min` and `bic_max` over posterior samples where there.
    """
    spaces = in_order(mixture["space"].tolist(), SPACE_COLOURS)
    forms = in_order(mixture["covariance"].tolist(), COVARIANCES)
    figure = new_figure(0.6 + 1.9 * len(spaces))
    panels = figure.subplots(len(spaces), 1, squeeze=False, sharex=True)[:, 0]
    for axes, space in zip(panels, spaces, strict=True):
        for index, form in enumerate(forms):
            chosen = (mixture["space"] == space) & (mixture["covariance"] == form) & mixture["bic"].notna()
            rows = mixture.loc[chosen]
            if rows.empty:
                continue
            colour = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8a949c")[index % 5]
            axes.plot(rows["k"], rows["bic"], color=colour, ls=COVARIANCES.get(form, "-"), label=form)
            if {"bic_min", "bic_max"} <= set(rows):
                axes.fill_between(rows["k"], rows["bic_min"], rows["bic_max"], color=colour, alpha=0.2, lw=0)
            best = rows.loc[rows["bic"].idxmin()]
            axes.plot(best["k"], best["bic"], "o", color=colour, ms=6)
        axes.set(title=space_label(space), ylabel="BIC")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.ticklabel_format(axis="y", useOffset=False, style="plain")
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
        soft_grid(axes, "y")
    panels[-1].set_xlabel("number of components")
    legend_above(figure, panels[0].get_legend_handles_labels()[0], 4)
    return figure


@styled
def probe_scores(probes: pd.DataFrame, labels: Labels) -> Figure:
    """What can be read out of each space, beside the 95th percentile of what shuffled targets give."""
    table = _relabel(probes, "target", labels)
    table = table.assign(row=[f"{row.target}\n{row.probe}" for row in table.itertuples()])
    metrics = list(dict.fromkeys(table["metric"]))
    rows = [table.loc[table["metric"] == metric, "row"].nunique() for metric in metrics]
    figure = new_figure(0.9 + 0.45 * len(metrics) + 0.62 * sum(rows))
    panels = figure.subplots(len(metrics), 1, squeeze=False, height_ratios=rows)[:, 0]
    for axes, metric in zip(panels, metrics, strict=True):
        for position, height, row in _bars(axes, table.loc[table["metric"] == metric], "row", "score"):
            if pd.notna(row["null_p95"]):
                ends = (position - height / 2, position + height / 2)
                axes.vlines(row["null_p95"], *ends, color=INK, lw=2, zorder=4)
        axes.set_xlabel(str(metric).replace("_", " "))
        axes.margins(x=0.05)
    _space_key(figure, table, Line2D([], [], color=INK, lw=2, label="95 % of chance"))
    return figure


@styled
def harmonisation_scores(table: pd.DataFrame, stages: Labels) -> Figure:
    """How well targets are read before and after something is taken away, beside chance; a panel a space.

    Parameters
    ----------
    table
        ``analysis/harmonisation.tsv`` and `row`, the words of each line.
    stages
        Stage: its words.
    """
    spaces = list(dict.fromkeys(table["space"]))
    lines, found = list(dict.fromkeys(table["row"])), in_order(table["stage"].tolist(), stages)
    figure = new_figure(0.9 + len(spaces) * (0.35 + 0.36 * len(lines)))
    panels = figure.subplots(len(spaces), 1, squeeze=False, sharex=True)[:, 0]
    height = 0.7 / len(found)
    for axes, space in zip(panels, spaces, strict=True):
        for row in rows_of(pd.DataFrame(table[table["space"] == space])):
            place = lines.index(row["row"]) + (found.index(row["stage"]) - (len(found) - 1) / 2) * height
            if pd.notna(row["null_p95"]):
                width = row["null_p95"] - row["null_mean"]
                axes.barh(place, width, 0.8 * height, row["null_mean"], color=FAINT, alpha=0.5, zorder=1)
            if pd.notna(row["score"]):
                axes.plot(row["score"], place, "o", color=INK, ms=5.5, mfc=_FILLED[row["stage"]], zorder=3)
            else:
                axes.text(0, place, " n/a", va="center", fontsize=8.5)
        axes.set_yticks(range(len(lines)), [folded(line, 20, 2) for line in lines])
        axes.set(title=space_label(space), ylim=(len(lines) - 0.5, -0.5))
        axes.axvline(0, color=INK, lw=0.8, zorder=0)
        soft_grid(axes)
    panels[-1].set_xlabel("balanced accuracy, or r")
    points = [
        Line2D([], [], color=INK, marker="o", ls="", mfc=_FILLED[stage], label=stages[stage])
        for stage in found
    ]
    legend_above(figure, [*points, Patch(color=FAINT, alpha=0.5, label="chance, mean to 95 %")], 3)
    return figure


@styled
def recovery_bars(recovery: pd.DataFrame) -> Figure:
    """How well each planted factor can be read from each space, linear baselines included.

    Parameters
    ----------
    recovery
        ``analysis/recovery.tsv``; correlations (metrics whose names start with ``r``, r² apart) are plotted.
    """
    table = _relabel(recovery.loc[recovery["metric"] != "r2"], "factor", {})
    figure = new_figure(0.8 + 0.55 + 0.75 * len(set(table["factor"])))
    axes = figure.subplots()
    for position, _, row in _bars(axes, table, "factor", "score"):
        if pd.notna(row["score"]):
            place = (max(row["score"], 0), position)
            text = signed(f"{row['score']:.2f}")
            axes.annotate(text, place, (3, 0), textcoords="offset points", va="center", fontsize=8.5)
    splits = table["split"].astype(str).map(lambda split: SPLIT_LABELS.get(split, split))
    axes.set_title(", ".join(splits.unique()))
    axes.margins(x=0.1)
    axes.set_xlabel("correlation with what was planted, r")
    _space_key(figure, table)
    return figure


@styled
def membership_curve(table: pd.DataFrame) -> Figure:
    """How well members of a reference are told, and what its axes hold of others, against the number of axes.

    Parameters
    ----------
    table
        ``membership.tsv``; where `kept` is 1 there are so many axes.
    """
    figure = new_figure(2.9)
    axes = figure.subplots()
    for column, label, colour in (
        ("auc", "AUC of telling members", CATEGORY_COLOURS[3]),
        ("explained", "variance of others in the axes", CATEGORY_COLOURS[0]),
    ):
        axes.plot(table["axes"], table[column], "o-", ms=4, color=colour, label=label)
    axes.axhline(0.5, color=FAINT, lw=1, ls="--", label="a coin's AUC")
    for kept in table.loc[table["kept"] == 1, "axes"]:
        axes.axvline(kept, color=INK, lw=1, ls=":", label="axes kept")
    axes.set_xscale("log")
    axes.set_xticks(table["axes"], table["axes"].astype(str))
    axes.minorticks_off()
    axes.set(xlabel="number of axes", ylim=(0, 1.03))
    soft_grid(axes, "y")
    legend_above(figure, axes.get_legend_handles_labels()[0], 2)
    return figure
