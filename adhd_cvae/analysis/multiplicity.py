"""Every p-value of a run in one table, and how many of them would be significant by chance alone."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from adhd_cvae.names import ALPHA, rows_of, space_label

P_VALUE_COLUMNS = ["table", "family", "test", "p_value", "correction", "p_corrected", "note"]
NO_TEST = "no test of participants"
"""The correction of a p-value that counts posterior samples as if they were participants."""


class _Family(NamedTuple):
    """How the p-values of a table are read."""

    test: Callable[[dict[str, Any]], str]
    """A row in words."""
    correction: str = "none"
    p_value: str = "p_value"
    corrected: str | None = None
    """Column of the corrected p-value."""
    part: str = ""
    """What tells this family from another of the same table."""
    note: str | None = None


def _words(*columns: str) -> Callable[[dict[str, Any]], str]:
    """Join what some columns hold, without those that are missing."""

    def words(row: dict[str, Any]) -> str:
        held = [(name, row[name]) for name in columns if _is_known(row, name)]
        return ", ".join(space_label(value) if name == "space" else _plain(value) for name, value in held)

    return words


def _is_known(row: dict[str, Any], column: str) -> bool:
    return bool(pd.notna(row.get(column)))


def _plain(value: Any) -> str:
    return str(value).replace("_", " ")


def _of_map(row: dict[str, Any]) -> str:
    name = "patients against controls" if row["map"] == "group" else f"effect by {_plain(row['map'])}"
    return f"any voxel, {name}"


_FAMILIES: tuple[tuple[str, _Family], ...] = (
    ("separation", _Family(_words("space", "measure", "site"))),
    ("group_maps", _Family(_of_map, "max-T over voxels", corrected="p_value")),
    ("rsa", _Family(_words("space", "variable"), "FDR", corrected="p_fdr")),
    ("rsa", _Family(_words("space", "variable"), p_value="p_partial", part="covariates held constant")),
    ("silhouette", _Family(_words("space", "variable"))),
    ("mixture_test", _Family(_words("space", "covariance"))),
    ("probes", _Family(_words("space", "target", "probe"))),
    ("independence", _Family(_words("measure", "space"))),
    (
        "as_published",
        _Family(
            _words("space", "variable"),
            NO_TEST,
            note="the study's own: counts posterior samples, says nothing about participants",
        ),
    ),
)
"""Table to a family of its tests, in reading order. Claims are read off these; their checks ask the same again."""


def p_values(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """List every p-value with its family and correction.

    Parameters
    ----------
    tables
        Name of a table of ``analysis/`` to what was written; others than those with p-values are left out.

    Returns
    -------
    pandas.DataFrame
        table, family (of tests that are corrected together, or would be), test (in words), p_value, correction,
        p_corrected (missing where nothing was corrected), note. Of a maximum over voxels there is one p-value, of any
        voxel at all: it stands in both columns.
    """
    rows = [row for name, family in _FAMILIES if name in tables for row in _rows(name, family, tables[name])]
    return pd.DataFrame(rows, columns=P_VALUE_COLUMNS)


def _rows(name: str, family: _Family, table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for row in rows_of(table):
        if _is_known(row, family.p_value):
            yield {
                "table": name,
                "family": ", ".join(filter(None, (name, family.part))),
                "test": family.test(row),
                "p_value": row[family.p_value],
                "correction": family.correction,
                "p_corrected": row[family.corrected] if family.corrected else np.nan,
                "note": family.note,
            }


def tests_of(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that test participants."""
    return pd.DataFrame(table[table["correction"] != NO_TEST])


def expected_by_chance(table: pd.DataFrame) -> float:
    """How many uncorrected p-values would be below `ALPHA` on average if there were nothing to find."""
    return ALPHA * len(tests_of(table))


def below_alpha(table: pd.DataFrame) -> int:
    """How many uncorrected p-values are below `ALPHA`."""
    return int(np.sum(tests_of(table)["p_value"].to_numpy(np.float64) < ALPHA))
