"""Columns computed from the code book's: scores within their instrument, one IQ a participant."""

from typing import Any

import numpy as np
import pandas as pd

_IQ_SOURCES = ("full4_iq", "full2_iq", "verbal_iq", "performance_iq")
_STANDARDISED = {
    "adhd_index": "adhd_measure",
    "inattentive": "adhd_measure",
    "hyper_impulsive": "adhd_measure",
    "iq": "iq_measure",
}
DERIVED_FROM: dict[str, tuple[str, ...]] = {
    "iq": _IQ_SOURCES,
    "adhd_index_z": ("adhd_index",),
    "inattentive_z": ("inattentive",),
    "hyper_impulsive_z": ("hyper_impulsive",),
    "iq_z": ("iq", *_IQ_SOURCES),
}
"""Each derived column, and the columns it comes from."""


def add_derived(table: pd.DataFrame, columns: dict[str, dict[str, Any]]) -> None:
    """Add the derived columns that the table's own make possible, in place.

    ``iq`` is full4_iq; where that is missing full2_iq; else the mean of verbal_iq and performance_iq where
    both are there. ``*_z`` is the score minus the mean over the table's participants measured with the same
    instrument, divided by their standard deviation (n - 1); missing where fewer than two were measured with
    it, or all scored the same. A column that the tables have already stays theirs.
    """
    if "iq" not in table and any(source in table for source in _IQ_SOURCES):
        table["iq"] = _one_iq(table)
        columns["iq"] = {
            "Description": "IQ: full4_iq, else full2_iq, else the mean of verbal_iq and performance_iq",
            "Units": "IQ points",
            "Origin": "derived",
        }
    for name, instrument in _STANDARDISED.items():
        if (
            f"{name}_z" not in table
            and {name, instrument} <= {*table}
            and pd.api.types.is_numeric_dtype(table[name])
        ):
            table[f"{name}_z"] = _within(_numbers(table, name), pd.Series(table[instrument]))
            columns[f"{name}_z"] = {
                "Description": f"{name} standardised among participants of the same {instrument}",
                "Units": "standard deviations",
                "Origin": "derived",
            }


def _one_iq(table: pd.DataFrame) -> np.ndarray:
    full4, full2, verbal, performance = (_numbers(table, source) for source in _IQ_SOURCES)
    pair = (verbal + performance) / 2
    return np.where(np.isfinite(full4), full4, np.where(np.isfinite(full2), full2, pair))


def _numbers(table: pd.DataFrame, name: str) -> np.ndarray:
    """Give a column as (n,) float64, NaN where it is missing, or nowhere to be found, or text."""
    if name not in table or not pd.api.types.is_numeric_dtype(table[name]):
        return np.full(len(table), np.nan)
    return table[name].to_numpy(dtype="float64", na_value=np.nan)


def _within(scores: np.ndarray, instrument: pd.Series) -> np.ndarray:
    """Standardise scores among those of one instrument."""
    standardised = np.full(len(scores), np.nan)
    for level in instrument.dropna().unique():
        mine = (instrument == level).to_numpy(bool, na_value=False) & np.isfinite(scores)
        if mine.sum() > 1 and (spread := scores[mine].std(ddof=1)) > 0:
            standardised[mine] = (scores[mine] - scores[mine].mean()) / spread
    return standardised
