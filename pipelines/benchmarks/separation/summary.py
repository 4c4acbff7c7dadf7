"""What the table of the separation benchmark says: means over seeds, shares of cohorts, rates of false positives.

`table` is ``separation.tsv`` throughout; the spread is the standard deviation over seeds.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from adhd_cvae.names import BACKGROUND, SALIENT
from pipelines.benchmarks.separation.grid import MIDDLE
from pipelines.benchmarks.separation.metrics import COVARIATES, Row, positive_rate

RECOVERED_FROM = (SALIENT, "all", "voxels")
"""Spaces that should hold the severities: of each method the one it has."""
LEAKS = {
    "severities in z": (BACKGROUND, "all"),
    "group in z": (BACKGROUND, "all"),
    "age, sex, IQ, site in s": (SALIENT, "all"),
}
"""Questions and the spaces they are asked of; a method with one space is asked everything of it."""
PROBES = {"probe_linear": "linear", "probe_rbf": "rbf"}
RATE_COLUMNS = ["method", "tests", "positive", "rate", "low", "high"]
FAMILIES = {
    "linear probes": "probe_linear",
    "RBF probes": "probe_rbf",
    "recovery r": "r",
    "RSA": "rsa",
    "HSIC of s and z": "hsic",
}
"""Kinds of test in the null cohorts. Only the last may rightly find something: two codes of the same brains."""


def moved(table: pd.DataFrame, what: Sequence[str]) -> pd.DataFrame:
    """Rows of the cohorts that differ from the middle in `what` only."""
    return where(
        table, *(table[name] == value for name, value in MIDDLE._asdict().items() if name not in what)
    )


def where(table: pd.DataFrame, *conditions: object) -> pd.DataFrame:
    """Rows for which every condition (one value a row) holds."""
    return pd.DataFrame(table[np.logical_and.reduce([np.asarray(one, bool) for one in conditions])])


def over_seeds(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Mean and SD over seeds of `score`, after averaging within each cohort: columns `by`, mean, sd, seeds."""
    cohorts = rows.groupby([*by, "seed"], sort=False).agg(score=("score", "mean")).reset_index()
    summary = cohorts.groupby(list(by), sort=False).agg(
        mean=("score", "mean"), sd=("score", "std"), seeds=("score", "count")
    )
    return summary.reset_index()


def recovered(table: pd.DataFrame, x: str, population: int = 0) -> pd.DataFrame:
    """Recovery, mean of the severities, against one thing that is moved: `x`, method, mean, sd, seeds."""
    rows = moved(table, [x, "population"])
    rows = where(rows, rows["population"] == population)
    scores = where(rows, rows["metric"] == "r", np.isin(rows["space"], RECOVERED_FROM))
    return over_seeds(scores, [x, "method"])


def elsewhere(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """`metric` in new participants where methods may borrow: lent, population, n, cohens_d, method, mean, sd, seeds."""
    rows = where(table, table["new"] > 0, table["subtypes"] == 0, table["metric"] == metric)
    rows = where(rows, np.isin(rows["space"], RECOVERED_FROM))
    return over_seeds(rows, ["lent", "population", "n", "cohens_d", "method"])


def leakage(table: pd.DataFrame) -> pd.DataFrame:
    """Share of the probes below `ALPHA` in cohorts with planted effects.

    Returns
    -------
    pandas.DataFrame
        question (of `LEAKS`), probe, method, tests, positive, rate, low, high
    """
    probes = where(table, np.isin(table["metric"], list(PROBES)), ~table["null"].astype(bool))
    asked = {
        "severities in z": [str(target).startswith("severity_") for target in probes["target"]],
        "group in z": probes["target"] == "group",
        "age, sex, IQ, site in s": np.isin(probes["target"], list(COVARIATES)),
    }
    rows = []
    for question, spaces in LEAKS.items():
        chosen = where(probes, asked[question], np.isin(probes["space"], spaces))
        for probe, words in PROBES.items():
            rows += [
                {"question": question, "probe": words, **rate}
                for rate in _rates(where(chosen, chosen["metric"] == probe))
            ]
    return pd.DataFrame(rows, columns=["question", "probe", *RATE_COLUMNS])


def false_positives(table: pd.DataFrame) -> pd.DataFrame:
    """Share of tests below `ALPHA` in null cohorts: family (of `FAMILIES`), method, tests, positive, rate, low, high.

    The intervals take the tests for independent. Several are of the same cohort, so they are too narrow.
    """
    null = where(table, table["null"])
    rows = [
        {"family": family, **rate}
        for family, metric in FAMILIES.items()
        for rate in _rates(where(null, null["metric"] == metric))
    ]
    return pd.DataFrame(rows, columns=["family", *RATE_COLUMNS])


def independence(table: pd.DataFrame) -> pd.DataFrame:
    """Share of cohorts with planted effects in which HSIC finds s and z dependent: method, tests, …, high."""
    rows = where(table, table["metric"] == "hsic", ~table["null"].astype(bool))
    return pd.DataFrame(_rates(rows), columns=RATE_COLUMNS)


def _rates(rows: pd.DataFrame) -> list[Row]:
    """`positive_rate` of each method that was tested."""
    rates = [
        {"method": method, **positive_rate(pd.Series(rows["p_value"][rows["method"] == method]))}
        for method in dict.fromkeys(rows["method"])
    ]
    return [rate for rate in rates if rate["tests"]]
