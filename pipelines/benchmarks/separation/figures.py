"""Pictures of the separation benchmark: summaries in, figures out. One function a figure."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adhd_cvae.figures.style import CATEGORY_COLOURS, FAINT, INK, new_figure, soft_grid, styled
from adhd_cvae.names import ALPHA, rows_of
from pipelines.benchmarks.separation.methods import METHODS
from pipelines.benchmarks.separation.metrics import CEILING

METHOD_LABELS = {**{name: method.label for name, method in METHODS.items()}, CEILING: "supervised ridge"}
_MARKERS = "osD^vPX*"
_PROBES = {"linear": "o", "rbf": "s"}


def method_label(method: str) -> str:
    """The words for a method; an unknown one keeps its name."""
    return METHOD_LABELS.get(method, method.replace("_", " "))


def _look(methods: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour, marker and line of each method: colours come round after eight, with another line and marker."""
    shown = [method for method in methods if method != CEILING]
    looks: dict[str, dict[str, Any]] = {
        method: {
            "color": CATEGORY_COLOURS[place % len(CATEGORY_COLOURS)],
            "marker": _MARKERS[(place + place // len(CATEGORY_COLOURS)) % len(_MARKERS)],
            "ls": ("-", "-.", ":")[place // len(CATEGORY_COLOURS) % 3],
        }
        for place, method in enumerate(shown)
    }
    return looks | {CEILING: {"color": INK, "marker": "_", "ls": "--"}}


def _curves(summary: pd.DataFrame, x: str, x_label: str) -> Figure:
    """Mean ± SD over seeds against `x`, a line a method, dodged so that bars do not hide each other."""
    methods = list(dict.fromkeys(summary["method"]))
    looks, places = _look(methods), sorted(set(summary[x]))
    figure = new_figure(3.2 + 0.3 * -(-len(methods) // 3))
    axes = figure.add_subplot()
    for number, method in enumerate(methods):
        rows = pd.DataFrame(summary[summary["method"] == method]).sort_values(x)
        shift = 0.6 * ((number + 0.5) / len(methods) - 0.5)
        positions = [places.index(value) + shift for value in rows[x]]
        axes.errorbar(
            positions, rows["mean"], rows["sd"].fillna(0), **looks[method],
            label=method_label(method), ms=4.5, lw=1.2, elinewidth=0.8,
        )  # fmt: skip
    axes.axhline(0, color=FAINT, lw=0.8, zorder=0)
    axes.set_xticks(range(len(places)), [f"{place:g}" for place in places])
    axes.set_xlim(-0.5, len(places) - 0.5)
    axes.set_xlabel(x_label)
    axes.set_ylabel("recovery, r in held-out patients")
    soft_grid(axes, "y")
    figure.legend(loc="outside upper center", ncols=3)
    return figure


@styled
def recovery_by_effect(summary: pd.DataFrame) -> Figure:
    """Recovery of the severities against the planted effect.

    Parameters
    ----------
    summary
        cohens_d, method, mean, sd (over seeds).
    """
    return _curves(summary, "cohens_d", "planted effect, Cohen's d at mean severity")


@styled
def recovery_by_participants(summary: pd.DataFrame) -> Figure:
    """Recovery of the severities against the number of participants: n, method, mean, sd (over seeds)."""
    return _curves(summary, "n", "participants, half of them patients, 70 % for training")


def _rates(axes: Axes, rates: pd.DataFrame, methods: list[str], kind: str, markers: dict[str, str]) -> None:
    """Share of tests below `ALPHA` with its interval: a line a method, a marker a kind of test."""
    for row in rows_of(rates):
        kinds = list(markers)
        shift = 0.6 * ((kinds.index(row[kind]) + 0.5) / len(kinds) - 0.5)
        position = methods.index(row["method"]) + shift
        colour = CATEGORY_COLOURS[kinds.index(row[kind]) % len(CATEGORY_COLOURS)]
        axes.hlines(position, row["low"], row["high"], color=colour, lw=1.1)
        axes.plot(row["rate"], position, marker=markers[row[kind]], color=colour, ms=4.5, clip_on=False)
    axes.axvline(ALPHA, color=INK, lw=0.9, ls="--", zorder=0)
    axes.set_yticks(range(len(methods)), [method_label(method) for method in methods])
    axes.set_ylim(len(methods) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    soft_grid(axes)


def _key(figure: Figure, markers: dict[str, str], labels: dict[str, str]) -> None:
    chance = Line2D([], [], color=INK, lw=0.9, ls="--", label=f"{100 * ALPHA:g} %")
    kinds = [
        Line2D([], [], color=CATEGORY_COLOURS[place % len(CATEGORY_COLOURS)], marker=marker, ls="",
               label=labels.get(kind, kind))
        for place, (kind, marker) in enumerate(markers.items())
    ]  # fmt: skip
    figure.legend(handles=[*kinds, chance], loc="outside upper center", ncols=3)


@styled
def leakage_shares(leakage: pd.DataFrame) -> Figure:
    """Share of cohorts in which a probe finds what a space should not hold: a panel a question.

    Parameters
    ----------
    leakage
        question, method, probe, rate, low, high.
    """
    questions = list(dict.fromkeys(leakage["question"]))
    methods = list(dict.fromkeys(leakage["method"]))
    figure = new_figure(0.8 + len(questions) * (0.55 + 0.24 * len(methods)))
    panels = figure.subplots(len(questions), sharex=True, squeeze=False)[:, 0]
    for axes, question in zip(panels, questions, strict=True):
        _rates(axes, pd.DataFrame(leakage[leakage["question"] == question]), methods, "probe", _PROBES)
        axes.set_title(question)
    panels[-1].set_xlabel(f"share of tests with p < {ALPHA:g}")
    _key(figure, _PROBES, {"linear": "linear probe", "rbf": "RBF probe"})
    return figure


@styled
def null_positives(rates: pd.DataFrame) -> Figure:
    """Share of tests below `ALPHA` in cohorts without any effect: family, method, rate, low, high."""
    methods = list(dict.fromkeys(rates["method"]))
    families = list(dict.fromkeys(rates["family"]))
    markers = dict(zip(families, _MARKERS, strict=False))
    figure = new_figure(1.1 + 0.5 * len(methods))
    axes = figure.add_subplot()
    _rates(axes, rates, methods, "family", markers)
    axes.set_xlim(0, max(0.3, min(1.0, 1.1 * max(rates["high"]))))
    axes.set_xlabel(f"share of tests with p < {ALPHA:g}, no effect planted")
    _key(figure, markers, {"HSIC of s and z": "HSIC (may be real)"})
    return figure
