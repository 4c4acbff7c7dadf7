"""Clusters or a continuum, as the tables have it."""

from pathlib import Path

import pandas as pd

from pipelines.output_dir.results import Results
from pipelines.report.sections import clusters
from tests.pipelines.report.invented_report import Page
from tests.pipelines.whole_tables import write_whole


def test_disagreeing_mixtures_leave_the_number_open(page: Page) -> None:
    assert (
        "is open: the lowest BIC is at 1 component with full covariances and 2 components with tied"
        in page.text
    )


def test_agreeing_mixtures_have_one_number(tmp_path: Path) -> None:
    rows = [("salient", form, size, 9.0 - size) for form in ("full", "tied") for size in (1, 2)]
    table = pd.DataFrame(rows, columns=["space", "covariance", "k", "bic"])
    write_whole(table, tmp_path / "analysis/mixture.tsv")
    assert clusters.summary(Results(tmp_path)).endswith("has its lowest BIC at 2 components.")


def test_the_test_of_one_cluster_is_read(page: Page) -> None:
    assert "rejected by diag, not by full" in page.text


def test_text_in_a_result_table_is_shown_as_it_is(page: Page) -> None:
    assert "above 12 or not (median)" in page.text
