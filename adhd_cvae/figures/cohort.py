"""Pictures of a run before its results: who was analysed, who was left out, how the training went."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import MaxNLocator

from adhd_cvae.figures.style import (
    FAINT,
    GROUP_COLOURS,
    INK,
    WIDTH,
    folded,
    legend_above,
    new_figure,
    soft_grid,
    styled,
)
from adhd_cvae.names import BACKGROUND, GROUP_LABELS, TARGET, code_label

COLUMNS = 2
OUTLINE = "#e69f00"
"""Okabe and Ito's orange: seen on black, gray and white."""
Levels = Mapping[str, str]
"""Code: words."""


@styled
def participant_flow(found: int, left_out: int, cohort: pd.DataFrame, folds: Sequence[int]) -> Figure:
    """Who was found, left out, kept, and how many of each group a fold holds out.

    Parameters
    ----------
    found, left_out
        Participants met in the input, and those of them that did not enter the cohort.
    cohort
        `group` of the participants kept.
    folds
        Fold of each of them; empty where there are none.
    """
    figure = new_figure(3.3)
    axes = figure.add_subplot()
    axes.set(xlim=(0, 10), ylim=(0, 6.6))
    axes.axis("off")

    def box(x: float, y: float, width: float, text: str, colour: str = FAINT) -> None:
        shape = "round,pad=0.05,rounding_size=0.15"
        axes.add_patch(FancyBboxPatch((x, y), width, 1.1, shape, fc=colour, ec=INK, alpha=0.3, lw=0))
        axes.text(x + width / 2, y + 0.55, text, ha="center", va="center", linespacing=1.35)

    def arrow(start: tuple[float, float], end: tuple[float, float]) -> None:
        axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1, "shrinkA": 0})

    box(0.3, 5.3, 5.4, f"{found} participants found")
    box(6.5, 4.1, 3.3, f"{left_out} left out")
    box(0.3, 2.9, 5.4, f"{len(cohort)} in the cohort")
    arrow((3, 5.25), (3, 4.1))
    arrow((3, 4.65), (6.4, 4.65))
    for x, group in ((0.1, TARGET), (5.2, BACKGROUND)):
        members = (cohort["group"] == group).to_numpy()
        text = f"{members.sum()} {GROUP_LABELS[group]}"
        if len(folds):
            text += f"\n{held_out(folds, members)} in each of {len(set(folds))} folds"
        box(x, 0.4, 4.7, text, GROUP_COLOURS[group])
        arrow((3, 2.85), (x + 2.35, 1.6))
    return figure


def held_out(folds: Sequence[int], members: Sequence[bool] | np.ndarray) -> str:
    """How many of the members a fold holds out: their number, or the least and the most of any fold."""
    sizes = [int(np.sum(members & (np.asarray(folds) == fold))) for fold in set(folds)]
    least, most = min(sizes), max(sizes)
    return f"{least}" if least == most else f"{least} to {most}"


@styled
def site_counts(cohort: pd.DataFrame, site: str, levels: Levels) -> Figure:
    """Participants of each group at each site; a site of one group only is marked.

    Parameters
    ----------
    cohort
        One row a participant, with `group` and the column named by `site`.
    levels
        Site code: name.
    """
    counts = pd.crosstab(cohort[site], cohort["group"]).reindex(columns=list(GROUP_COLOURS), fill_value=0)
    figure = new_figure(1.1 + 0.46 * len(counts))
    axes = figure.add_subplot()
    positions = np.arange(len(counts))
    for offset, group in ((-0.2, TARGET), (0.2, BACKGROUND)):
        place, colour = positions + offset, GROUP_COLOURS[group]
        bars = axes.barh(place, counts[group], 0.38, color=colour, label=GROUP_LABELS[group])
        axes.bar_label(bars, padding=2, fontsize=8.5)
    alone = set(counts.index[(counts == 0).any(axis=1)])
    names = [
        folded(code_label(code, levels), 20, 2) + (" *" if code in alone else "") for code in counts.index
    ]
    axes.set_yticks(positions, names)
    axes.set_ylim(len(counts) - 0.4, -0.6)
    axes.margins(x=0.12)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("participants" + ("     * one group only" if alone else ""))
    soft_grid(axes)
    legend_above(figure, axes.get_legend_handles_labels()[0], 2)
    return figure


@styled
def age_and_sex(cohort: pd.DataFrame, sex_levels: Levels) -> Figure:
    """Age (years) and sex by group, as shares of each group, so that groups of unequal size compare."""
    ages = cohort["age"].dropna()
    edges = np.linspace(ages.min(), ages.max() + 1e-6, 13) if len(ages) else np.arange(2)
    sexes = sorted(cohort["sex"].dropna().unique(), key=str)
    figure = new_figure(max(2.7, 0.9 + 0.46 * len(sexes)))
    age_axes, sex_axes = figure.subplots(1, 2, width_ratios=(1.2, 1))
    for index, (group, colour) in enumerate(GROUP_COLOURS.items()):
        members = cohort.loc[cohort["group"] == group]
        age = members["age"].dropna()
        weights = np.full(len(age), 100 / max(len(age), 1))
        age_axes.hist(age, edges, weights=weights, color=colour, alpha=0.3)
        outline = {"histtype": "step", "color": colour, "lw": 1.8, "label": GROUP_LABELS[group]}
        age_axes.hist(age, edges, weights=weights, **outline)
        known = members["sex"].dropna()
        shares = [100 * float((known == sex).mean()) if len(known) else 0 for sex in sexes]
        bars = sex_axes.barh(np.arange(len(sexes)) + 0.4 * index - 0.2, shares, 0.38, color=colour)
        sex_axes.bar_label(bars, fmt="%.0f", padding=1, fontsize=8.5)
    age_axes.set(xlabel="age (years)", ylabel="share of the group (%)")
    names = [folded(code_label(sex, sex_levels), 12, 2) for sex in sexes]
    sex_axes.set_yticks(range(len(sexes)), names)
    sex_axes.set(ylim=(len(sexes) - 0.4, -0.6), xlabel="share (%)")
    sex_axes.margins(x=0.2)
    soft_grid(age_axes, "y")
    soft_grid(sex_axes)
    legend_above(figure, age_axes.get_legend_handles_labels()[0], 2)
    return figure


@styled
def exclusion_counts(exclusions: pd.DataFrame) -> Figure:
    """How many participants or files were left out, by stage and reason."""
    counts = exclusions.value_counts(["stage", "reason"], ascending=True)
    figure = new_figure(0.9 + 0.4 * len(counts))
    axes = figure.add_subplot()
    names = [f"{reason.replace('_', ' ')}\n({stage})" for stage, reason in counts.index]  # pyright: ignore[reportGeneralTypeIssues]
    bars = axes.barh(range(len(names)), counts.to_numpy(), 0.6, color=FAINT)
    axes.set_yticks(range(len(names)), names)
    axes.bar_label(bars, padding=3)
    axes.margins(x=0.1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("participants or files left out")
    soft_grid(axes)
    return figure


@styled
def mosaic(
    slices: Float[np.ndarray, "maps 3 side side"],
    labels: Sequence[str],
    outline: Float[np.ndarray, "3 side side"] | None = None,
) -> Figure:
    """Sagittal, coronal and axial slice of each map, side by side, each map in its own gray scale.

    Parameters
    ----------
    slices
        Up or front at the end of the rows; one map or more.
    labels
        Words for each map; never an identifier.
    outline
        1 where gray matter belongs, 0 elsewhere: its border is plotted over every map.
    """
    rows = -(-len(slices) // COLUMNS)
    figure = new_figure(0.2 + rows * (0.42 + WIDTH / COLUMNS / 3))
    panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes in panels:
        axes.axis("off")
    for axes, views, label in zip(panels, slices, labels, strict=False):
        picture = np.concatenate(list(views.astype(np.float32)), axis=1)
        # The brightest few voxels of a broken map would leave the rest black.
        low, high = float(picture.min()), float(np.percentile(picture, 99.5))
        axes.imshow(picture, origin="lower", cmap="gray", vmin=low, vmax=max(high, low + 1e-6))
        if outline is not None:
            border = np.concatenate(list(outline.astype(np.float32)), axis=1)
            axes.contour(border, levels=[0.5], colors=OUTLINE, linewidths=0.8)
        axes.set_title(folded(label, 36), fontsize=9, fontweight="normal", pad=3)
    return figure
