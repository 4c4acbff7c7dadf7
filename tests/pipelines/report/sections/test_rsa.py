"""What the spaces are related to, and the study's own statistic beside it."""

import re
from pathlib import Path

import numpy as np

from pipelines.output_dir.results import Results
from pipelines.report import methods
from pipelines.report.page import write_report
from pipelines.report.sections import rsa
from tests.pipelines.report.invented_report import Page, rsa_table
from tests.pipelines.whole_tables import write_whole


def test_null_result_is_not_called_absence(page: Page) -> None:
    assert "None of the 3 variables is related to any of the spaces beyond chance" in page.text
    assert "That is not evidence of no relation" in page.text


def test_published_statistic_is_labelled(page: Page) -> None:
    assert "calls 9 of 9 rows significant, where permuting participants leaves 0" in page.text
    assert "as published: pseudo-replication, not inference" in page.text
    assert "12.5 (9)" in page.text


def test_survivors_are_named_by_space(folder: Path) -> None:
    table = rsa_table()
    table.loc[(table["space"] == "background") & (table["variable"] == "age"), "p_fdr"] = 0.01
    write_whole(table, folder / "analysis/rsa.tsv")
    sentence = rsa.summary(Results(folder))
    assert (
        "none in the salient s space; 1 in the background z space: age (τ = 0.100); none in the plain VAE"
        in sentence
    )


def test_partial_tau_and_ceiling_are_shown_where_they_are(page: Page, folder: Path) -> None:
    assert "partial τ" not in page.text
    table = rsa_table().assign(tau_partial=0.0712, p_partial=0.0345, noise_ceiling=0.8123)
    write_whole(table, folder / "analysis/rsa.tsv")
    page = Page(write_report(Results(folder)).read_text(encoding="utf-8"))
    assert "partial τ partial p mean" in page.text
    assert "salient s space, ceiling 0.81" in page.text
    assert re.search(r"0\.071 0\.03[45] 0\.100 12\.5 \(9\)", page.text)
    assert "neighbours in the first of them within sites" in methods.paragraph(Results(folder))


def test_nothing_testable_has_a_picture_and_a_sentence(folder: Path) -> None:
    numbers = ["tau", "ci_low", "ci_high", "null_sd", "p_value", "p_fdr"]
    table = rsa_table().assign(**dict.fromkeys(numbers, np.nan), note="the variable does not vary")
    write_whole(table, folder / "analysis/rsa.tsv")
    assert "No variable could be tested" in rsa.summary(Results(folder))
    assert rsa.SECTION.pictures[0].plot(Results(folder)) is not None
