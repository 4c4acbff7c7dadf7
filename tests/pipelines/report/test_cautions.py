"""Warnings say where the data cannot answer."""

from pathlib import Path

import numpy as np

from pipelines.output_dir.results import Results
from pipelines.report import cautions
from pipelines.report.page import write_report
from tests.pipelines.report.invented_report import Page, cohort_table, rsa_table
from tests.pipelines.whole_tables import write_whole


def test_warnings_say_where_the_data_cannot_answer(page: Page) -> None:
    for sentence in (
        "More than a fifth of the patients have no value of ADHD Index (33 %)",
        "raw scores of 2 instruments",
        "loss was still falling at the last epoch",
        "not independent (permutation p = 0.010)",
    ):
        assert sentence in page.text


def test_no_site_with_both_groups(folder: Path) -> None:
    cohort = cohort_table()
    cohort["site"] = np.where(cohort["group"] == "target", 5, 7)
    write_whole(cohort, folder / "cohort.tsv")
    assert any("No site has both groups" in line for line in cautions.warnings(Results(folder)))


def test_groups_that_differ_in_age_and_sex_are_warned_of(folder: Path) -> None:
    cohort = cohort_table()
    is_patient = cohort["group"] == "target"
    cohort["age"] += 9 * is_patient
    cohort["sex"] = is_patient.astype(int)
    write_whole(cohort, folder / "cohort.tsv")
    warnings = " ".join(cautions.warnings(Results(folder)))
    assert "Patients are older than controls by" in warnings
    assert "100 % of patients and 0 % of controls are male" in warnings


def test_what_cannot_be_tested_is_named_with_its_reason(folder: Path) -> None:
    numbers = ["tau", "ci_low", "ci_high", "null_sd", "p_value", "p_fdr"]
    table = rsa_table().assign(**dict.fromkeys(numbers, np.nan), note="the variable does not vary")
    write_whole(table, folder / "analysis/rsa.tsv")
    page = Page(write_report(Results(folder)).read_text(encoding="utf-8"))
    assert "(the variable does not vary)" in page.text
    assert "nan" not in page.text.lower().split()
