"""Summaries of an invented benchmark table, and that each figure shows what its summary says."""

import pandas as pd
import pytest

from pipelines.benchmarks.separation import figures
from pipelines.benchmarks.separation.summary import (
    MIDDLE,
    false_positives,
    independence,
    leakage,
    moved,
    recovered,
)


def line(metric, score, method="one", space="salient", target="severity_a", seed=0, p_value=0.5, **condition):
    place = {**MIDDLE, **condition, "method": method, "space": space, "target": target, "seed": seed}
    return {**place, "metric": metric, "score": score, "p_value": p_value, "seconds": 1.0}


@pytest.fixture
def table():
    rows = [
        line("r", 0.2, seed=0),
        line("r", 0.4, seed=0, target="severity_b"),
        line("r", 0.5, seed=1),
        line("r", 0.9, seed=0, space="background"),
        line("r", 0.8, seed=0, cohens_d=1.4),
        line("r", 0.1, seed=0, cohens_d=1.4, n=100),
        line("r", 0.6, seed=0, population=1),
        line("r", 0.7, method="supervised_ridge", space="voxels"),
        line("probe_linear", 0.3, space="background", p_value=0.01),
        line("probe_linear", 0.1, space="background", p_value=0.2, seed=1),
        line("probe_rbf", 0.1, space="background", p_value=0.2),
        line("probe_linear", 0.6, space="background", target="group", p_value=0.04),
        line("probe_linear", 0.1, target="age", p_value=0.3),
        line("probe_linear", 0.1, method="two", space="all", target="age", p_value=0.001),
        line("probe_linear", 0.1, target="age", p_value=0.01, null=True),
        line("rsa", 0.1, target="age", p_value=0.9, null=True),
        line("hsic", 0.1, space="", target="", p_value=0.01),
    ]
    return pd.DataFrame(rows)


def test_recovery_averages_severities_then_seeds_and_leaves_other_cohorts_out(table):
    summary = recovered(table, "cohens_d").set_index(["cohens_d", "method"])
    assert summary.loc[(0.8, "one"), "mean"] == pytest.approx((0.3 + 0.5) / 2)
    assert summary.loc[(0.8, "one"), "sd"] == pytest.approx(0.1414, abs=1e-3)
    assert summary.loc[(0.8, "one"), "seeds"] == 2
    assert recovered(table, "cohens_d", population=1)["mean"].tolist() == [0.6]
    assert summary.loc[(1.4, "one"), "mean"] == 0.8
    assert summary.loc[(0.8, "supervised_ridge"), "mean"] == 0.7
    assert set(recovered(table, "n")["n"]) == {250}


def test_moved_keeps_the_null_apart(table):
    assert not moved(table, ["cohens_d"])["null"].any()
    assert set(moved(table, ["n", "cohens_d"])["n"]) == {100, 250}


def test_leakage_counts_each_question_in_its_spaces(table):
    rates = leakage(table).set_index(["question", "method", "probe"])
    assert rates.loc[("severities in z", "one", "linear"), "rate"] == 0.5
    assert rates.loc[("severities in z", "one", "linear"), "tests"] == 2
    assert rates.loc[("diagnosis in z", "one", "linear"), "rate"] == 1
    assert rates.loc[("age, sex, IQ, site in s", "one", "linear"), "rate"] == 0
    assert rates.loc[("age, sex, IQ, site in s", "two", "linear"), "rate"] == 1


def test_false_positives_are_of_null_cohorts_and_dependence_of_the_others(table):
    rates = false_positives(table).set_index("family")
    assert rates.loc["linear probes", ["tests", "positive"]].tolist() == [1, 1]
    assert rates.loc["RSA", "positive"] == 0
    assert "HSIC of s and z" not in rates.index
    assert independence(table)[["method", "tests", "rate"]].to_numpy().tolist() == [["one", 1, 1.0]]


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
