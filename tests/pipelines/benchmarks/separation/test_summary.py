"""Summaries of an invented benchmark table."""

import pytest

from pipelines.benchmarks.separation.summary import (
    false_positives,
    independence,
    leakage,
    moved,
    recovered,
)


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
    assert rates.loc[("group in z", "one", "linear"), "rate"] == 1
    assert rates.loc[("age, sex, IQ, site in s", "one", "linear"), "rate"] == 0
    assert rates.loc[("age, sex, IQ, site in s", "two", "linear"), "rate"] == 1


def test_false_positives_are_of_null_cohorts_and_dependence_of_the_others(table):
    rates = false_positives(table).set_index("family")
    assert rates.loc["linear probes", ["tests", "positive"]].tolist() == [1, 1]
    assert rates.loc["RSA", "positive"] == 0
    assert "HSIC of s and z" not in rates.index
    assert independence(table)[["method", "tests", "rate"]].to_numpy().tolist() == [["one", 1, 1.0]]
