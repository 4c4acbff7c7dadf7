"""Pictures of what a cohort could have shown: tables in, figures out; nothing is estimated here."""

from itertools import cycle, product
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from adhd_cvae.figures.style import (
    CATEGORY_COLOURS,
    INK,
    folded,
    legend_above,
    new_figure,
    soft_grid,
    styled,
)
from adhd_cvae.names import ALPHA, ENOUGH, rows_of

_COLOURS = {False: CATEGORY_COLOURS[0], True: CATEGORY_COLOURS[3]}
"""Whether a background was lent, to the colour of what was found."""
_WORDS = {False: "own controls alone", True: "with the reference"}
_COLUMNS = 2


@styled
def power_curves(power: pd.DataFrame, own: int) -> Figure:
    """How often an effect is found against its size: a panel a test, a line a size of cohort, with its interval.

    Parameters
    ----------
    power
        Rows of ``sensitivity/power.tsv`` and `panel`, the words of each test.
    own
        Participants of the cohort itself: that line is marked.
    """
    panels = list(dict.fromkeys(power["panel"]))
    looks = _looks(power, own)
    rows = -(-len(panels) // _COLUMNS)
    figure = new_figure(0.85 + 1.85 * rows)
    grid = figure.subplots(rows, _COLUMNS, squeeze=False, sharex=True, sharey=True).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        known = pd.DataFrame(power[(power["panel"] == panel) & power["significant"].notna()])
        for (size, look), lent in product(looks.items(), _COLOURS):
            line = pd.DataFrame(known[(known["n"] == size) & ((known["borrowed"] > 0) == lent)])
            line = line.sort_values("cohens_d")
            colour, shares = (
                _COLOURS[lent],
                100 * line[["significant", "significant_low", "significant_high"]],
            )
            axes.plot(line["cohens_d"], shares["significant"], color=colour, **look)
            if size == _largest_made(power):
                ends = (shares["significant_low"], shares["significant_high"])
                axes.fill_between(line["cohens_d"], *ends, color=colour, alpha=0.16, lw=0)
        axes.axhline(100 * ENOUGH, color=INK, lw=1, ls=":", zorder=1)
        axes.set_title(folded(panel, 27, 2))
        axes.set(ylim=(-3, 103), xlim=(0, 1.06 * power["cohens_d"].max()), yticks=range(0, 101, 20))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.tick_params(labelbottom=True)
        soft_grid(axes, "y")
    for axes in grid[len(panels) :]:
        axes.axis("off")
    figure.supxlabel("effect planted (d)", fontsize=9.5)
    figure.supylabel("cohorts that find it (%)", fontsize=9.5)
    lent = _lent(power)
    colours = [Line2D([], [], color=_COLOURS[one], lw=4, label=_WORDS[one]) for one in lent]
    enough = Line2D([], [], color=INK, lw=1, ls=":", label=f"{100 * ENOUGH:g} % of cohorts")
    sizes = [Line2D([], [], color=INK, **look) for look in looks.values()]
    legend_above(figure, [*colours, enough, *sizes], 2)
    return figure


def _looks(power: pd.DataFrame, own: int) -> dict[int, dict[str, Any]]:
    """Size of cohort to how its lines look: thick where it is the cohort's own, dashed where it is extrapolated."""
    looks = {}
    for marker, size in zip(cycle("os^Dv"), sorted({int(n) for n in power["n"]}), strict=False):
        is_guess = bool((power.loc[power["n"] == size, "extrapolated"] == 1).any())
        notes = [words for words, holds in (("yours", size == own), ("extrapolated", is_guess)) if holds]
        looks[size] = {
            **({"lw": 2.4, "ms": 5.5} if size == own else {"lw": 1.3, "ms": 4, "mfc": "none"}),
            "ls": "--" if is_guess else "-",
            "marker": marker,
            "alpha": 1.0 if size >= min(own, _largest_made(power)) else 0.5,
            "label": f"n = {size}{f' ({listed})' if (listed := ', '.join(notes)) else ''}",
        }
    return looks


def _largest_made(power: pd.DataFrame) -> int:
    """The largest size of cohort that was made of the controls; 0 for none."""
    return max((int(n) for n in power.loc[power["extrapolated"] != 1, "n"]), default=0)


def _lent(table: pd.DataFrame) -> list[bool]:
    """Whether there are rows without a background that was lent, and with one."""
    return sorted({bool(borrowed > 0) for borrowed in table["borrowed"]})


@styled
def false_positives(table: pd.DataFrame) -> Figure:
    """How often each test finds what is not there, with its interval, beside what is promised.

    Parameters
    ----------
    table
        ``sensitivity/false_positives.tsv``.
    """
    known = pd.DataFrame(table[table["below"].notna()])
    tests = list(dict.fromkeys(known["test"].astype(str)))
    lent = _lent(known)
    figure = new_figure(0.95 + (0.26 + 0.12 * len(lent)) * len(tests))
    axes = figure.subplots()
    for row in rows_of(known):
        is_lent = row["borrowed"] > 0
        place = tests.index(row["test"]) + 0.26 * (lent.index(is_lent) - (len(lent) - 1) / 2)
        axes.hlines(place, 100 * row["ci_low"], 100 * row["ci_high"], color=_COLOURS[is_lent], lw=1.6)
        axes.plot(100 * row["below"], place, "o", color=_COLOURS[is_lent], ms=5.5)
    axes.axvline(100 * ALPHA, color=INK, lw=1, ls=":", zorder=1)
    axes.set_yticks(range(len(tests)), [folded(test.replace("_", " "), 26, 2) for test in tests])
    axes.set(ylim=(len(tests) - 0.5, -0.5), xlabel="cohorts with p ≤ 0.05 (%)")
    axes.set_xlim(0, max(10.0, 105 * max(known["ci_high"])))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    soft_grid(axes)
    points = [Line2D([], [], color=_COLOURS[one], marker="o", lw=1.6, label=_WORDS[one]) for one in lent]
    promised = Line2D([], [], color=INK, lw=1, ls=":", label=f"{100 * ALPHA:g} %")
    legend_above(figure, [*points, promised], 3)
    return figure
