"""What the table of the separation benchmark says: means over seeds, shares of cohorts, rates of false positives.

`table` is ``separation.tsv`` throughout; the spread is the standard deviation over seeds.
"""

from collections.abc import Sequence

import pandas as pd

from adhd_cvae.analysis.separation import COVARIATES, LEVEL, positive_rate

CONDITION = ["cohens_d", "n", "severities", "subtypes", "confounding", "null"]
MIDDLE = {"cohens_d": 0.8, "n": 250, "severities": 2, "subtypes": 0, "confounding": 0.3, "null": False}
"""What stays as it is while one thing is moved."""
TOLD_FROM = ("salient", "all", "voxels")
"""Spaces that should tell the severities: of each method the one it has."""
LEAKS = {
    "severities in z": ("background", "all"),
    "diagnosis in z": ("background", "all"),
    "age, sex, IQ, site in s": ("salient", "all"),
}
"""Questions and the spaces they are asked of; a method with one space is asked everything of it."""
FAMILIES = {
    "linear probes": ("probe_linear",),
    "RBF probes": ("probe_rbf",),
    "recovery r": ("r",),
    "RSA": ("rsa",),
    "HSIC of s and z": ("hsic",),
}
"""Kinds of test in the null cohorts. Only the last may rightly find something: two codes of the same brains."""


def moved(table: pd.DataFrame, what: Sequence[str]) -> pd.DataFrame:
    """Rows of the cohorts that differ from the middle in `what` only."""
    same = {name: value for name, value in MIDDLE.items() if name not in what}
    return table[(table[list(same)] == pd.Series(same)).all(axis=1)]


def over_seeds(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Mean and SD over seeds of `score`, after averaging within each cohort: columns `by`, mean, sd, seeds."""
    cohorts = rows.groupby([*by, "seed"], sort=False)["score"].mean().reset_index()
    summary = cohorts.groupby(list(by), sort=False)["score"].agg(mean="mean", sd="std", seeds="count")
    return summary.reset_index()


def recovered(table: pd.DataFrame, x: str, metric: str = "r") -> pd.DataFrame:
    """Recovery, mean of the severities, against one thing that is moved: `x`, method, mean, sd, seeds."""
    rows = moved(table, [x])
    return over_seeds(rows[(rows["metric"] == metric) & rows["space"].isin(TOLD_FROM)], [x, "method"])


def leakage(table: pd.DataFrame) -> pd.DataFrame:
    """Share of the probes below `LEVEL` in cohorts with planted effects.

    Returns
    -------
    pandas.DataFrame
        question (of `LEAKS`), method, probe, tests, positive, rate, low, high
    """
    probes = table[table["metric"].str.startswith("probe_") & ~table["null"].astype(bool)]
    factor = probes["target"].str.startswith("severity_")
    asked = {
        "severities in z": factor,
        "diagnosis in z": probes["target"] == "group",
        "age, sex, IQ, site in s": probes["target"].isin(list(COVARIATES)),
    }
    rows = []
    for question, spaces in LEAKS.items():
        chosen = probes[asked[question] & probes["space"].isin(spaces)]
        for (method, metric), part in chosen.groupby(["method", "metric"], sort=False):
            probe = str(metric).removeprefix("probe_")
            rows.append(
                {"question": question, "method": method, "probe": probe, **positive_rate(part["p_value"])}
            )
    return pd.DataFrame(rows)


def false_positives(table: pd.DataFrame) -> pd.DataFrame:
    """Share of tests below `LEVEL` in null cohorts: family (of `FAMILIES`), method, tests, positive, rate, low, high.

    The intervals take the tests for independent. Several are of the same cohort, so they are too narrow.
    """
    null = table[table["null"].astype(bool)]
    rows = []
    for family, metrics in FAMILIES.items():
        for method, part in null[null["metric"].isin(metrics)].groupby("method", sort=False):
            rate = positive_rate(part["p_value"])
            if rate["tests"]:
                rows.append({"family": family, "method": method, **rate})
    return pd.DataFrame(rows, columns=["family", "method", "tests", "positive", "rate", "low", "high"])


def independence(table: pd.DataFrame) -> pd.DataFrame:
    """Share of cohorts with planted effects in which HSIC finds s and z dependent: method, tests, …, high."""
    rows = table[(table["metric"] == "hsic") & ~table["null"].astype(bool)]
    found = [
        {"method": method, **positive_rate(part["p_value"])}
        for method, part in rows.groupby("method", sort=False)
    ]
    return pd.DataFrame(found, columns=["method", "tests", "positive", "rate", "low", "high"])


__all__ = [
    "CONDITION",
    "FAMILIES",
    "LEAKS",
    "LEVEL",
    "MIDDLE",
    "false_positives",
    "independence",
    "leakage",
    "moved",
    "over_seeds",
    "recovered",
]
