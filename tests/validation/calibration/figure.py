"""Picture of the calibration: table in, figure out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adhd_cvae.figures.style import CATEGORY_COLOURS, FAINT, INK, new_figure, soft_grid, styled
from adhd_cvae.names import ALPHA
from tests.validation.calibration.rejections import TOLERANCE

_WAYS = {
    False: ("sites alike", CATEGORY_COLOURS[0], -0.17),
    True: ("sites differ", CATEGORY_COLOURS[1], 0.17),
}


@styled
def calibration_figure(table: pd.DataFrame) -> Figure:
    """Rates of rejection with 95 % intervals: nothing planted on the left, something on the right."""
    names = list(dict.fromkeys(table["statistic"]))
    figure = new_figure(1.0 + 0.19 * len(names))
    figure.set_figwidth(7.0)
    left, right = figure.subplots(1, 2, sharey=True)
    left.axvspan(ALPHA - TOLERANCE, ALPHA + TOLERANCE, color=FAINT, alpha=0.35, lw=0)
    left.axvline(ALPHA, color=INK, lw=0.8)
    left.set_xlabel("rejected, nothing planted")
    right.set_xlabel("rejected, something planted")
    for axes, planted in ((left, False), (right, True)):
        _rates(axes, pd.DataFrame(table[table["planted"] == planted]), names)
        soft_grid(axes)
    left.set_xscale("symlog", linthresh=0.2, linscale=1.2)
    left.set_xlim(0, 1.05)
    left.set_xticks([0, 0.05, 0.1, 0.2, 1], ["0", "5 %", "10 %", "20 %", "100 %"])
    right.set_xlim(0, 1.02)
    right.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    left.set_yticks(range(len(names)), names)
    left.set_ylim(len(names) - 0.4, -0.6)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def _rates(axes: Axes, rows: pd.DataFrame, names: list[str]) -> None:
    for differ, (label, colour, shift) in _WAYS.items():
        shown = pd.DataFrame(rows[rows["site_effects"] == differ])
        places = np.array([names.index(name) for name in shown["statistic"]], np.float64) + shift
        rate, low, high = (np.asarray(shown[name], np.float64) for name in ("rate", "low", "high"))
        arms = np.stack([rate - low, high - rate])
        axes.errorbar(rate, places, xerr=arms, fmt="o", ms=3.5, lw=1.2, color=colour, label=label)
