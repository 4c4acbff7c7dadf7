"""The first paragraphs say what the tables say and no more."""

from pathlib import Path

from pipelines.output_dir.results import Results
from pipelines.report import summary
from pipelines.report.page import write_report
from tests.pipelines.report.invented_report import Page


def test_simulated_cohort_is_no_finding(page: Page, folder: Path) -> None:
    assert "Nothing on this page is a finding about ADHD" in page.text
    assert "severity striatal: 0.81 from salient s, 0.79 from contrastive PCA" in page.text
    assert "were analysed; everybody was held out once, in 5 folds." in page.text
    (folder / "analysis/recovery.tsv").unlink()
    (folder / "figures/recovery.svg").unlink()
    text = Page(write_report(Results(folder)).read_text(encoding="utf-8")).text
    assert "Simulated" not in text
    assert "This cohort is simulated" not in text


def test_the_verdict_on_the_groups_is_the_first_sentence_and_tests_are_counted(plotted: Path) -> None:
    first, cohort, counted, *_ = summary.summary(Results(plotted))
    assert first.startswith("Patients are not told from controls")
    assert "30 patients and 30 controls" in cohort
    assert counted.startswith("17 p-values in 1 family")


def test_parts_without_tables_are_left_out(tmp_path: Path) -> None:
    assert summary.summary(Results(tmp_path)) == []
