"""Columns computed from others: one IQ a participant, scores within their instrument."""

from pathlib import Path

import numpy as np

from bids_adapters.phenotype.table import read_phenotype
from tests.bids_adapters.phenotype.invented_tables import write


def test_iq_precedence_and_scores_within_instrument(tmp_path: Path) -> None:
    header = "ID,ADHD Measure,ADHD Index,IQ Measure,Verbal IQ,Performance IQ,Full2 IQ,Full4 IQ"
    rows = (
        "1,1,10,2,90,110,95,99",
        "2,1,20,2,90,110,95,",
        "3,2,60,2,90,110,,",
        "4,2,80,2,90,,,",
        "5,,70,2,,,,120",
    )
    found = read_phenotype([write(tmp_path, "a.csv", header, *rows)])
    np.testing.assert_array_equal(found.table["iq"], [99, 95, 100, np.nan, 120])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(found.table["adhd_index_z"], [-half, half, -half, half, np.nan])
    assert found.table["adhd_index"].tolist() == [10, 20, 60, 80, 70]
    assert "full4_iq, else full2_iq" in found.columns["iq"]["Description"]
    np.testing.assert_allclose(np.nanmean(found.table["iq_z"]), 0, atol=1e-12)


def test_given_iq_without_its_parts_stays(tmp_path: Path) -> None:
    assert read_phenotype([write(tmp_path, "a.csv", "ID,IQ", "1,101", "2,99")]).table["iq"].tolist() == [
        101,
        99,
    ]
