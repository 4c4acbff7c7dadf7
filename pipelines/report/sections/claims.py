"""The study's claims, each with its estimate and verdict."""

from typing import Any

import pandas as pd

from adhd_cvae.analysis.claims import VERDICTS
from adhd_cvae.names import rows_of
from pipelines.output_dir.results import Results
from pipelines.report.formatting import (
    ReportTable,
    count,
    counted,
    interval,
    listed,
    number,
    probability,
    text,
)
from pipelines.report.section import from_table, read_section


@from_table("claims")
def summary(results: Results, claims: pd.DataFrame) -> str:
    """How many of the study's claims got which verdict."""
    verdicts = claims["verdict"].astype(str).tolist()
    counts = [f"{verdicts.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in verdicts]
    return f"Of the study's {counted(len(verdicts), 'claim')}, judged by this cohort, {listed(counts)}."


@from_table("claims")
def _claims_table(results: Results, claims: pd.DataFrame) -> ReportTable:
    rows = [
        [
            str(row["claim"]),
            str(row["verdict"]),
            text(row["reason"]),
            "" if pd.isna(row["variable"]) else results.label(str(row["variable"])),
            count(row["n"]),
            _estimate(row["tau"], row["ci_low"], row["ci_high"]),
            probability(row["p_fdr"]),
            interval(row["difference_ci_low"], row["difference_ci_high"], 2),
        ]
        for row in rows_of(claims)
    ]
    caption = (
        "Supported: p (FDR) below 0.05 in the claimed direction, and the other space does not show it more "
        "strongly. Contradicted: the opposite is significant, or the other space shows it, and more by an "
        "interval that excludes zero. Not supported is not evidence against. Difference: τ beyond chance, this "
        "space minus the other, 95 % interval."
    )
    columns = ("claim", "verdict", "why", "variable", "n", "τ (95 % interval)", "p (FDR)", "difference")
    return ReportTable(caption, columns, {"": rows}, prose=("verdict", "why", "variable"))


def _estimate(value: Any, low: Any, high: Any) -> str:
    return f"{number(value, 2)} ({interval(low, high, 2)})" if pd.notna(low) else number(value, 2)


SECTION = read_section(__file__, tables=(_claims_table,))
