"""Each figure shows what its summary says."""

import pandas as pd
import pytest

from pipelines.benchmarks.separation import figures
from pipelines.benchmarks.separation.methods import METHODS
from pipelines.benchmarks.separation.summary import false_positives, leakage, recovered
from tests.pipelines.benchmarks.separation.invented_table import line


def words(figure):
    figure.canvas.draw()
    drawn = {text.get_text() for axes in figure.axes for text in axes.get_yticklabels()}
    drawn |= {axes.get_title(loc="left") for axes in figure.axes}
    return drawn | {text.get_text() for legend in figure.legends for text in legend.get_texts()}


def test_figures_name_every_method_and_draw_the_means(table):
    figure = figures.recovery_by_effect(recovered(table, "cohens_d"))
    assert {"one", "supervised ridge"} <= words(figure)
    heights = [list(container.lines[0].get_ydata()) for container in figure.axes[0].containers]
    assert heights == [[pytest.approx(0.4), 0.8], [0.7]]
    assert {"one", "two", "severities in z", "5 %"} <= words(figures.leakage_shares(leakage(table)))
    assert {"one", "RSA"} <= words(figures.null_positives(false_positives(table)))


def test_more_methods_than_colours_can_still_be_told_apart():
    methods = [f"method_{number}" for number in range(14)]
    rows = pd.DataFrame([line("r", 0.1, method=method) for method in methods])
    figure = figures.recovery_by_participants(recovered(rows, "n"))
    looks = {
        (one.get_color(), one.get_marker(), one.get_linestyle())
        for one in (container.lines[0] for container in figure.axes[0].containers)
    }
    assert len(looks) == 14


def test_every_method_has_words_and_an_unknown_one_keeps_its_name():
    assert set(METHODS) < set(figures.METHOD_LABELS)
    assert figures.method_label("my_method") == "my method"
