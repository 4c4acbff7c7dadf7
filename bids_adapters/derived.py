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

    ``iq`` is full4_iq; where that is missing full2_iq; else the mean of verbal_iq and performance_iq where both
    are there. ``*_z`` is the score minus the mean over the table's participants measured with the same instrument,
    divided by their standard deviation (n - 1); missing where fewer than two were, or all scored the same.
    """
    if any(source in table for source in _IQ_SOURCES):
        table["iq"] = _one_iq(table)
        columns["iq"] = {
            "Description": "IQ: full4_iq, else full2_iq, else the mean of verbal_iq and performance_iq",
            "Units": "IQ points",
            "Origin": "derived",
        }
    for name, instrument in _STANDARDISED.items():
        if name in table and instrument in table and pd.api.types.is_numeric_dtype(table[name]):
            table[f"{name}_z"] = _within(table[name], table[instrument])
            columns[f"{name}_z"] = {
                "Description": f"{name} standardised among participants of the same {instrument}",
                "Units": "standard deviations",
                "Origin": "derived",
            }


def _one_iq(table: pd.DataFrame) -> pd.Series:
    full4, full2, verbal, performance = (_numbers(table, source) for source in _IQ_SOURCES)
    return full4.fillna(full2).fillna((verbal + performance) / 2)


def _numbers(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table:
        return pd.Series(np.nan, index=table.index)
    return pd.to_numeric(table[name], errors="coerce").astype("float64")


def _within(scores: pd.Series, instrument: pd.Series) -> pd.Series:
    values = scores.astype("float64")
    groups = values.groupby(instrument.astype("object"))
    spread = groups.transform("std")
    return (values - groups.transform("mean")) / spread.where(spread > 0)
