"""Warnings say where the data cannot answer."""

from pathlib import Path

import numpy as np

from adhd_cvae.io import read_json, write_json
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


def test_harmonising_does_not_identify_what_is_not(folder: Path) -> None:
    assert not any("Harmonising" in line for line in cautions.warnings(Results(folder)))
    run = read_json(folder / "run.json")
    run["recipe"]["cohort"] |= {"harmonise": "combat"}
    write_json(run, folder / "run.json")
    assert any(
        "Harmonising sites does not change that" in line for line in cautions.warnings(Results(folder))
    )
    cohort = cohort_table()
    write_whole(cohort.assign(site=np.arange(60) // 2 % 2), folder / "cohort.tsv")
    assert not any("Harmonising" in line for line in cautions.warnings(Results(folder)))


def test_few_of_a_group_at_a_site_are_warned_of(folder: Path) -> None:
    cohort = cohort_table()
    cohort["site"] = np.where(np.arange(60) < 6, 5, 7)
    write_whole(cohort, folder / "cohort.tsv")
    assert any(line.startswith("Hardly identified") for line in cautions.warnings(Results(folder)))


def test_total_gray_matter_as_head_size_is_warned_of(folder: Path) -> None:
    write_whole(cohort_table().assign(tiv=np.arange(60.0)), folder / "cohort.tsv")
    sidecar = read_json(folder / "cohort.json")
    for words, warned in (("Head size: total", False), ("Total gray matter of the map instead", True)):
        write_json({**sidecar, "tiv": {"Description": words}}, folder / "cohort.json")
        found = cautions.warnings(Results(folder))
        assert any("takes away an effect of patients" in line for line in found) == warned


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
