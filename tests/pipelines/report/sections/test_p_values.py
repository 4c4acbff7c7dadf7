"""Every p-value is on the page, with how many chance would give."""

import re
from pathlib import Path

import pandas as pd

from pipelines.output_dir.results import Results
from pipelines.report.sections import p_values
from tests.pipelines.report.invented_report import Page
from tests.pipelines.whole_tables import write_whole


def test_tests_of_participants_are_counted_and_all_are_listed(page: Page, folder: Path) -> None:
    found = "17 p-values in 1 family: 0.9 of them are expected below 0.05 by chance alone"
    assert f"{found}, were there nothing to find; 2 are below it" in page.text
    assert p_values.summary(Results(folder)) in page.text
    assert re.search(r"as published +salient s, v17 0\.300 no test of participants 0\.400", page.text)


def test_one_is_one_and_no_table_no_sentence(folder: Path) -> None:
    path = folder / "analysis/p_values.tsv"
    one = {
        "table": ["rsa"],
        "family": "rsa",
        "test": "a",
        "p_value": 0.01,
        "correction": "FDR",
        "p_corrected": 0.1,
    }
    write_whole(pd.DataFrame(one), path)
    assert "1 p-value in 1 family" in str(p_values.summary(Results(folder)))
    assert "1 is below it" in str(p_values.summary(Results(folder)))
    path.unlink()
    assert p_values.summary(Results(folder)) is None
