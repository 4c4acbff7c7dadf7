"""The study's claims, each with its estimate and verdict."""

from typing import Any

import pandas as pd

from adhd_cvae.analysis.claims import VERDICTS
from adhd_cvae.names import rows_of
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable, count, counted, interval, listed, number
from pipelines.report.section import TableWords, from_table, read_section, sentences_of

sentence = sentences_of(__file__)


@from_table("claims")
def summary(results: Results, claims: pd.DataFrame) -> str:
    """How many of the study's claims got which verdict."""
    verdicts = claims["verdict"].astype(str).tolist()
    counts = [f"{verdicts.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in verdicts]
    return sentence("counted", claims=counted(len(verdicts), "claim"), verdicts=listed(counts))


@from_table("claims")
def _claims_table(results: Results, claims: pd.DataFrame) -> ReportTable:
    words = TableWords.of(__file__, "claims")
    rows = [
        words.cells(
            row
            | {
                "variable": "" if pd.isna(row["variable"]) else results.label(str(row["variable"])),
                "estimate": _estimate(row["tau"], row["ci_low"], row["ci_high"]),
                "agreeing": _agreeing(row),
                "difference": interval(row["difference_ci_low"], row["difference_ci_high"], 2),
            }
        )
        for row in rows_of(claims)
    ]
    return words.shown({"": rows})


@from_table("claim_checks")
def _checks_table(results: Results, checks: pd.DataFrame) -> ReportTable:
    words = TableWords.of(__file__, "claim_checks")
    rows = rows_of(checks)
    claims = dict.fromkeys(row["claim"] for row in rows)
    blocks = {claim: [words.cells(row) for row in rows if row["claim"] == claim] for claim in claims}
    return words.shown(blocks)


def _agreeing(row: dict[str, Any]) -> str:
    """How many of the checks agree; results of an earlier version have none."""
    made: Any = row.get("checks")
    return "" if pd.isna(made) or not made else f"{count(row['agree'])} of {count(made)}"


def _estimate(value: Any, low: Any, high: Any) -> str:
    return f"{number(value, 2)} ({interval(low, high, 2)})" if pd.notna(low) else number(value, 2)


SECTION = read_section(__file__, tables=(_claims_table, _checks_table))
