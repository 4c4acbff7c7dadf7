"""Figures and a page of tables from ``separation.tsv``."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from adhd_cvae.figures.style import save_figure
from adhd_cvae.io import remove, write_text, write_tsv
from adhd_cvae.names import ALPHA, BACKGROUND, rows_of
from pipelines.benchmarks.separation import figures
from pipelines.benchmarks.separation.grid import MIDDLE
from pipelines.benchmarks.separation.summary import (
    elsewhere,
    false_positives,
    independence,
    leakage,
    moved,
    over_seeds,
    recovered,
    where,
)

MOVED = {
    "cohens_d": "Effect d",
    "n": "Participants",
    "severities": "Severities",
    "confounding": "Confounding of group and site",
}
OTHER = {
    "unexplained": "unexplained",
    "unexplained_over_pca": "… over PCA's",
    "background_norm": "controls' s over patients'",
    "stability": "stability of s over seeds",
    "seconds": "seconds",
}
BORROWED = {"r": "r of the severities (mean) from `s`", "auc": "AUC of `s_00`"}
PLANTED = {"r": "r of {target}", "auc": "AUC", "rand": "Rand index", "stability": OTHER["stability"]}
"""What is said of planted cohorts; `target` is a severity."""
CURVED = {
    "r": "r, ridge",
    "r_rbf": "r, kernel ridge",
    "gain_nats": "gain of {target}, nats",
    "kept": "{target} kept",
}
"""What is said of curved truths; `target` is a step of training."""


def write_report(table: pd.DataFrame, folder: Path) -> list[Path]:
    """Write ``separation.tsv``, ``.md`` and the figures that the table allows; returns what was written."""
    plots = {
        "recovery_by_effect": (figures.recovery_by_effect, recovered(table, "cohens_d")),
        "recovery_by_participants": (figures.recovery_by_participants, recovered(table, "n")),
        "leakage": (figures.leakage_shares, leakage(table)),
        "null": (figures.null_positives, false_positives(table)),
    }
    written = [folder / "separation.tsv"]
    write_tsv(table, written[0])
    for name, (plot, summary) in plots.items():
        path = folder / f"separation_{name}.svg"
        remove(path)
        if len(summary):
            save_figure(plot(summary), path)
            written.append(path)
    page = folder / "separation.md"
    write_text(summary_page(table), page)
    return [*written, page]


def summary_page(table: pd.DataFrame) -> str:
    """Every summary as a Markdown table; mean ± standard deviation over seeds."""
    parts = {}
    for x, words in MOVED.items():
        summary = recovered(table, x)
        if len(set(summary[x])) > 1:
            parts[f"**{words}**: r of the severities (mean) from `s`"] = _wide(_spreads(summary), summary[x])
    others = recovered(table, "cohens_d", population=1)
    parts["**Effect d in another population**: r"] = _wide(_spreads(others), others["cohens_d"])
    for metric, words in BORROWED.items():
        summary = elsewhere(table, metric)
        parts[f"**Borrowed, by effect d**: {words}, in new participants"] = _wide(
            _spreads(summary), summary["cohens_d"], ["lent", "population", "n"]
        )
    leaks, dependent, found = leakage(table), independence(table), false_positives(table)
    share = ["share (interval; tests)"] * len(dependent)
    for title, rates, heads in (
        ("Leakage: share of probes", leaks, leaks["question"] + ", " + leaks["probe"]),
        ("s and z dependent (HSIC): share of cohorts", dependent, share),
        ("No effect planted: share of tests", found, found["family"]),
    ):
        parts[f"**{title} with p < {ALPHA:g}**, 95 % interval"] = _wide(_shares(rates), heads)
    title = "Subtypes and BIC: adjusted Rand index with the true number; components BIC prefers, mean"
    parts[f"**{title}**"] = _subtypes(table)
    parts["**Where depth can win**: d = 1.4, from `s`"] = _curved(table)
    parts["**The middle of the grid**"] = _others(table)
    parts["**Planted into given maps**: salient or only space"] = _planted(table)
    shown = [text for words, wide in parts.items() if len(wide) for text in (words, _markdown(wide))]
    return "\n\n".join(["Mean ± standard deviation over seeds; held-out participants only.", *shown]) + "\n"


def _spreads(summary: pd.DataFrame) -> pd.DataFrame:
    """Add the words of mean ± SD as `cell`."""

    def words(mean: float, sd: float) -> str:
        text = "n/a" if pd.isna(mean) else f"{mean:.2f}"
        return text if pd.isna(sd) else f"{text} ± {sd:.2f}"

    return summary.assign(cell=list(map(words, summary["mean"], summary["sd"])))


def _shares(rates: pd.DataFrame) -> pd.DataFrame:
    """Add the words of a share with its interval and number of tests as `cell`."""
    cells = [
        f"{row['rate']:.2f} ({row['low']:.2f} to {row['high']:.2f}; {row['tests']:.0f})"
        for row in rows_of(rates)
    ]
    return rates.assign(cell=cells)


def _wide(rows: pd.DataFrame, heads: Iterable[object], beside: Sequence[str] = ()) -> pd.DataFrame:
    """A row a method (and value of `beside`), a column a head of `rows`: numbers sorted, words as they come."""
    named = rows.assign(method=[figures.method_label(method) for method in rows["method"]], head=list(heads))
    wide = named.pivot_table(
        index=[*beside, "method"], columns="head", values="cell", aggfunc="first", sort=False
    )
    if pd.api.types.is_numeric_dtype(named["head"]):
        wide = wide.sort_index(axis=1)
    return wide.fillna("").reset_index()


def _subtypes(table: pd.DataFrame) -> pd.DataFrame:
    """Subtypes beside the continuum: Rand index, and BIC's choice by covariance form."""
    rows = moved(table, ["cohens_d", "subtypes", "new"])
    effects = set(where(rows, rows["subtypes"] > 0)["cohens_d"])
    asked = np.isin(rows["metric"], ["rand", "bic_components"])
    rows = where(rows, np.isin(rows["cohens_d"], list(effects)), asked)
    what = ["Rand index" if one["metric"] == "rand" else f"BIC, {one['target']}" for one in rows_of(rows)]
    summary = over_seeds(rows.assign(what=what), ["cohens_d", "subtypes", "method", "what"])
    wide = _wide(_spreads(summary), summary["what"], ["cohens_d", "subtypes"])
    first = ["cohens_d", "subtypes", "method", "Rand index"]
    order = sorted(wide, key=lambda name: (first.index(name) if name in first else len(first), name))
    return wide.reindex(columns=order)


def _curved(table: pd.DataFrame) -> pd.DataFrame:
    """Curved truths and the linear one of their size: recovery, what each step gained, how often it was kept."""
    asked = np.isin(table["metric"], ["r", "r_rbf", "gain_nats", "kept"])
    curved = where(table, table["truth"] != "linear")
    beside = [np.isin(table[name], list(set(curved[name]))) for name in ("cohens_d", "n")]
    rows = where(table, asked, table["space"] != BACKGROUND, *beside)
    rows = moved(rows, ["truth", "n", "cohens_d", "severities"])
    rows = rows.assign(what=[CURVED[one["metric"]].format(**one) for one in rows_of(rows)])
    summary = over_seeds(rows, ["truth", "n", "method", "what"]).dropna(subset="mean")
    return _wide(_spreads(summary), summary["what"], ["truth", "n"])


def _planted(table: pd.DataFrame) -> pd.DataFrame:
    """Cohorts that were not simulated: recovery of each severity, AUC, subtypes."""
    asked = np.isin(table["metric"], list(PLANTED))
    rows = where(table, table["cohort"] != MIDDLE.cohort, asked, table["space"] != BACKGROUND)
    rows = rows.assign(what=[PLANTED[one["metric"]].format(**one) for one in rows_of(rows)])
    summary = over_seeds(rows, ["cohort", "cohens_d", "n", "method", "what"])
    return _wide(_spreads(summary), summary["what"], ["cohort", "cohens_d", "n"])


def _others(table: pd.DataFrame) -> pd.DataFrame:
    """What is not recovery or leakage, in the middle of the grid."""
    rows = moved(table, [])
    rows = where(rows, rows["space"] != BACKGROUND)
    timed = where(rows, rows["metric"] == "unexplained")
    timed = timed.assign(metric="seconds", score=timed["seconds"])
    asked = where(rows, np.isin(rows["metric"], list(OTHER)))
    summary = over_seeds(pd.concat([asked, timed]), ["metric", "method"]).dropna(subset="mean")
    wide = _wide(_spreads(summary), summary["metric"])
    return wide.reindex(columns=["method", *(name for name in OTHER if name in wide)]).rename(columns=OTHER)


def _markdown(frame: pd.DataFrame) -> str:
    lines = [[str(name) for name in frame.columns], ["---"] * frame.shape[1]]
    lines += [
        [f"{value:g}" if isinstance(value, float) else str(value) for value in line]
        for line in frame.to_numpy()
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
