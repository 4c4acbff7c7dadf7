"""Figures and a page of tables from ``separation.tsv``."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from adhd_cvae.figures.style import save_figure
from adhd_cvae.io import atomic_path
from adhd_cvae.names import BACKGROUND
from pipelines.benchmarks.separation import figures
from pipelines.benchmarks.separation.summary import (
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


def write_report(table: pd.DataFrame, folder: Path) -> list[Path]:
    """Write ``separation.md`` and the figures that the table allows; returns what was written."""
    plots = {
        "recovery_by_effect": (figures.recovery_by_effect, recovered(table, "cohens_d")),
        "recovery_by_participants": (figures.recovery_by_participants, recovered(table, "n")),
        "leakage": (figures.leakage_shares, leakage(table)),
        "null": (figures.null_positives, false_positives(table)),
    }
    written = []
    for name, (plot, summary) in plots.items():
        path = folder / f"separation_{name}.svg"
        path.unlink(missing_ok=True)
        if len(summary):
            save_figure(plot(summary), path)
            written.append(path)
    page = folder / "separation.md"
    with atomic_path(page) as temporary:
        temporary.write_text(summary_page(table), encoding="utf-8")
    return [*written, page]


def summary_page(table: pd.DataFrame) -> str:
    """Every summary as a Markdown table; mean ± standard deviation over seeds."""
    parts = ["Mean ± standard deviation over seeds; held-out participants only."]
    for x, words in MOVED.items():
        wide = _wide(recovered(table, x), x)
        if wide.shape[1] > 2:
            parts += [f"**{words}**: r of the severities (mean) from `s`", _markdown(wide)]
    elsewhere = recovered(table, "cohens_d", population=1)
    if len(elsewhere):
        parts += ["**Effect d in another population**: r", _markdown(_wide(elsewhere, "cohens_d"))]
    for title, rates, kind in (
        ("Leakage: share of probes with p < 0.05", _leakage_kinds(leakage(table)), "kind"),
        ("s and z dependent (HSIC): share of cohorts with p < 0.05", independence(table), None),
        ("No effect planted: share of tests with p < 0.05", false_positives(table), "family"),
    ):
        if len(rates):
            parts += [f"**{title}**, 95 % interval", _markdown(_rate_table(rates, kind))]
    subtypes = _subtypes(table)
    if len(subtypes):
        title = "Subtypes and BIC: adjusted Rand index with the true number; components BIC prefers, mean"
        parts += [f"**{title}**", _markdown(subtypes)]
    if len(others := _others(table)):
        parts += ["**The middle of the grid**", _markdown(others)]
    return "\n\n".join(parts) + "\n"


def _spread(mean: float, sd: float) -> str:
    text = "n/a" if pd.isna(mean) else f"{mean:.2f}"
    return text if pd.isna(sd) else f"{text} ± {sd:.2f}"


def _wide(summary: pd.DataFrame, x: str) -> pd.DataFrame:
    """A row a method, a column a value of `x`."""
    cells = [_spread(mean, sd) for mean, sd in zip(summary["mean"], summary["sd"], strict=True)]
    labels = [figures.method_label(method) for method in summary["method"]]
    order = list(dict.fromkeys(labels))
    wide = summary.assign(cell=cells, method=labels).pivot_table(
        index="method", columns=x, values="cell", aggfunc="first"
    )
    return wide.reindex(order).fillna("").reset_index()


def _leakage_kinds(rates: pd.DataFrame) -> pd.DataFrame:
    if rates.empty:
        return rates
    kinds = zip(rates["question"], rates["probe"], strict=True)
    return rates.assign(kind=[f"{question}, {probe}" for question, probe in kinds])


def _rate_table(rates: pd.DataFrame, kind: str | None) -> pd.DataFrame:
    def words(row: Mapping[str, float]) -> str:
        return f"{row['rate']:.2f} ({row['low']:.2f} to {row['high']:.2f}; {row['tests']:.0f})"

    labelled = rates.assign(
        cell=[words(row) for row in rates.to_dict("records")],
        method=[figures.method_label(method) for method in rates["method"]],
        kind=rates[kind] if kind else "share (interval; tests)",
    )
    wide = labelled.pivot_table(index="method", columns="kind", values="cell", aggfunc="first")
    order = list(dict.fromkeys(labelled["method"])), list(dict.fromkeys(labelled["kind"]))
    return wide.reindex(index=order[0], columns=order[1]).fillna("").reset_index()


def _subtypes(table: pd.DataFrame) -> pd.DataFrame:
    """Subtypes beside the continuum: Rand index, and BIC's choice by covariance form."""
    rows = moved(table, ["cohens_d", "subtypes"])
    effects = sorted(set(where(rows, rows["subtypes"] > 0)["cohens_d"]))
    asked = np.isin(rows["metric"], ["rand", "bic_components"])
    rows = where(rows, np.isin(rows["cohens_d"], effects), asked)
    if rows.empty:
        return rows
    named = rows.assign(
        what=[
            "Rand index" if metric == "rand" else f"BIC, {form}"
            for metric, form in zip(rows["metric"], rows["target"], strict=True)
        ]
    )
    keys = ["cohens_d", "subtypes", "method", "what"]
    summary = over_seeds(named, keys)
    cells = [_spread(mean, sd) for mean, sd in zip(summary["mean"], summary["sd"], strict=True)]
    labelled = summary.assign(cell=cells)
    wide = labelled.pivot_table(index=keys[:3], columns="what", values="cell", aggfunc="first", sort=False)
    wide = wide[sorted(wide.columns, key=lambda name: (name != "Rand index", str(name)))]
    wide = wide.fillna("").reset_index()
    return wide.assign(method=[figures.method_label(method) for method in wide["method"]])


def _others(table: pd.DataFrame) -> pd.DataFrame:
    """What is not recovery or leakage, in the middle of the grid."""
    rows = moved(table, [])
    rows = where(rows, rows["space"] != BACKGROUND)
    timed = where(rows, rows["metric"] == "unexplained")
    timed = timed.assign(metric="seconds", score=timed["seconds"])
    asked = where(rows, np.isin(rows["metric"], list(OTHER)))
    summary = over_seeds(pd.concat([asked, timed]), ["metric", "method"]).dropna(subset="mean")
    if summary.empty:
        return summary
    wide = _wide(summary, "metric")
    return wide.reindex(columns=["method", *(name for name in OTHER if name in wide)]).rename(columns=OTHER)


def _markdown(frame: pd.DataFrame) -> str:
    lines = [[str(name) for name in frame.columns], ["---"] * frame.shape[1]]
    lines += [
        [f"{value:g}" if isinstance(value, float) else str(value) for value in line]
        for line in frame.to_numpy()
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
