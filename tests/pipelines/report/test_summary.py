"""The page says what the tables say and no more."""

import re
from pathlib import Path

import numpy as np
import pytest

from adhd_cvae.config import ObjectiveConfig
from adhd_cvae.io import read_json, read_tsv, write_json, write_tsv
from pipelines.output_dir.results import Results
from pipelines.report import cautions, methods, reproducibility, summary
from pipelines.report.formatting import count, interval, number, probability
from pipelines.report.page import write_report
from pipelines.report.sections import brain, confounding
from pipelines.report.sections.cohort import DRAWERS, count_left_out
from tests.pipelines.report.invented_report import Page, cohort_table, rsa_table


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
    write_tsv(table, folder / "analysis/rsa.tsv")
    said = " ".join(summary.summary(Results(folder)))
    assert (
        "none in the salient s space; 1 in the background z space: age (τ = 0.100); none in the plain VAE"
        in said
    )


def test_site_of_one_group_is_not_identified(page: Page) -> None:
    assert (
        "WashU has controls only (10 participants): patients against controls is not identified" in page.text
    )


def test_no_site_with_both_groups(folder: Path) -> None:
    cohort = cohort_table()
    cohort["site"] = np.where(cohort["group"] == "target", 5, 7)
    write_tsv(cohort, folder / "cohort.tsv")
    assert any("No site has both groups" in line for line in cautions.warnings(Results(folder)))


def test_warnings_say_where_the_data_cannot_answer(page: Page) -> None:
    for said in (
        "Only 0 patients held out",
        "More than a fifth of the patients have no value of ADHD Index (33 %)",
        "raw scores of 2 instruments",
        "loss was still falling at the last epoch",
        "not independent (permutation p = 0.010)",
    ):
        assert said in page.text


def test_disagreeing_mixtures_settle_nothing(page: Page) -> None:
    assert (
        "not settled: the lowest BIC is at 1 component with full covariances and 2 components with tied"
        in page.text
    )


def test_voxelwise_test_is_told_with_its_limit(page: Page, folder: Path) -> None:
    assert "61 % of voxels differ between patients and their background twins (least p 0.004)" in page.text
    assert "no voxels vary with ADHD battery, PC1 among patients (least p 0.200)" in page.text
    assert "take the model's decoding for granted" in page.text
    table = read_tsv(folder / "analysis/voxelwise.tsv").assign(significant=1)
    write_tsv(table, folder / "analysis/voxelwise.tsv")
    assert "less than 1\N{NO-BREAK SPACE}% of voxels differ" in brain.voxels(Results(folder))[0]
    (folder / "analysis/voxelwise.tsv").unlink()
    assert brain.voxels(Results(folder)) == []


def test_code_without_words_is_named_by_its_column(folder: Path) -> None:
    (folder / "cohort.json").unlink()
    assert confounding.confounding(Results(folder))[0].startswith("site 7 has controls only")


def test_simulated_cohort_is_no_finding(page: Page, folder: Path) -> None:
    assert "Nothing on this page is a finding about ADHD" in page.text
    assert "severity striatal: 0.81 from salient s, 0.79 from contrastive PCA" in page.text
    (folder / "analysis/recovery.tsv").unlink()
    (folder / "figures/recovery.svg").unlink()
    text = Page(write_report(folder).read_text(encoding="utf-8")).text
    assert "simulated" not in text.lower()


def test_methods_are_ready_to_paste(drawn: Path, page: Page) -> None:
    results = Results(drawn)
    paragraph = methods.paragraph(results)
    assert paragraph in page.text
    assert "1000 permutations of participants within site" in paragraph
    assert "torch 2.13.0" in paragraph
    references = methods.used_references(results)
    cited = {int(number) for number in re.findall(r"\[(\d+)\]", paragraph)}
    assert cited == set(range(1, len(references) + 1))
    assert "10.1126/science.abm2461" in page.text


def test_methods_say_how_groups_were_balanced(folder: Path) -> None:
    assert "Beforehand" not in methods.paragraph(Results(folder))
    run = read_json(folder / "run.json")
    run["recipe"]["cohort"] |= {
        "drop_one_group_sites": True,
        "match": ["age", "sex"],
        "caliper": 0.25,
        "max_ratio": 2,
    }
    write_json(run, folder / "run.json")
    said = methods.paragraph(Results(folder))
    assert (
        "Beforehand, sites with one group only were left out; each patient was paired with one control by age and"
        in said
    )
    assert "numbers within 0.25 standard deviations" in said
    assert "cut at random to 2 times the smaller one." in said


def test_methods_name_the_objectives_terms_and_cite_them(folder: Path) -> None:
    run = read_json(folder / "run.json")
    for name, expected in (
        ("mm_cvae", "the maximum mean discrepancy of z between the groups was penalised (weight 1000)"),
        ("hsic", "the unbiased, normalised HSIC of patients' s and z was penalised (weight 100)"),
        ("vae", "both were decoded for everyone"),
    ):
        weights = ObjectiveConfig.model_validate({"name": name}).model_dump()
        run["recipe"]["objective"] = weights
        write_json(run, folder / "run.json")
        results = Results(folder)
        assert expected in methods.paragraph(results)
        assert ("critic" in methods.paragraph(results)) == (weights["total_correlation"] > 0)
        cited = {key for key, _ in methods.used_references(results)}
        assert ("mmd" in cited) == (name == "mm_cvae")


def test_age_sex_and_missing_values_are_shown_by_group(page: Page, folder: Path) -> None:
    assert "ADHD Index 10 of 30 10 of 30" in page.text
    assert re.search(r"age \d+\.\d \(\d\.\d\) \d+\.\d \(\d\.\d\) −?\d\.\d\d", page.text)
    assert re.search(r"sex: male \d+ \(\d+ %\) \d+ \(\d+ %\) −?\d\.\d\d", page.text)
    cohort = cohort_table()
    is_patient = cohort["group"] == "target"
    cohort["age"] += 9 * is_patient
    cohort["sex"] = is_patient.astype(int)
    write_tsv(cohort, folder / "cohort.tsv")
    said = " ".join(cautions.warnings(Results(folder)))
    assert "Patients are older than controls by" in said
    assert "100 % of patients and 0 % of controls are male" in said


def test_nothing_testable_is_said_with_its_reason(folder: Path) -> None:
    numbers = ["tau", "ci_low", "ci_high", "null_sd", "p_value", "p_fdr"]
    table = rsa_table().assign(**dict.fromkeys(numbers, np.nan), note="the variable does not vary")
    write_tsv(table, folder / "analysis/rsa.tsv")
    assert DRAWERS["rsa"](Results(folder)) is not None
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert "(the variable does not vary)" in page.text
    assert "No variable could be tested" in page.text
    assert "nan" not in page.text.lower().split()


def test_left_out_counts_people_once_and_nobody_kept(folder: Path) -> None:
    extra = read_tsv(folder / "exclusions.tsv")
    extra.loc[len(extra)] = ["sub-77001", "prepare", "second_map", ""]
    write_tsv(extra, folder / "exclusions.tsv")
    assert count_left_out(Results(folder)) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("/home/a/b/c.tsv", "…/c.tsv"),
        ("file:///srv/x/y.db", "…/y.db"),
        (r"C:\Users\me\t.csv", "…/t.csv"),
        ("analysis/rsa.tsv", "analysis/rsa.tsv"),
        ("1/2", "1/2"),
    ],
)
def test_folders_are_taken_off_absolute_paths(value: str, text: str) -> None:
    assert reproducibility.public(value) == text


def test_numbers_are_written_for_readers() -> None:
    assert (number(-0.0421), number(-0.0001), number(np.nan)) == ("−0.042", "0.000", "n/a")
    assert (probability(0.0004), probability(0.04), probability(None)) == ("< 0.001", "0.040", "n/a")
    assert (count(3.0), count(np.nan)) == ("3", "n/a")
    assert (interval(-0.1, 0.2), interval(np.nan, 1)) == ("−0.100 to 0.200", "n/a")
