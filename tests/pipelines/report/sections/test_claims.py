"""Claims with their verdicts."""

import re
from pathlib import Path

from pipelines.output_dir.results import Results
from pipelines.report.page import write_report
from pipelines.report.sections import claims
from tests.pipelines.report.invented_report import Page


def test_claims_are_counted_by_verdict_and_shown(page: Page, folder: Path) -> None:
    assert "The recipe's 2 claims, judged by this cohort: 1 supported and 1 not testable" in page.text
    assert re.search(
        r"s is related to age supported 6 of 7 .* age 30 0\.10 \(0\.05 to 0\.15\) 0\.010 −0\.12", page.text
    )
    assert re.search(r"s is related to age  fold 0 left out supported 24 0\.11 0\.031", page.text)
    (folder / "analysis/claim_checks.tsv").unlink()
    (folder / "analysis/claims.tsv").unlink()
    assert claims.summary(Results(folder)) is None
    page = Page(write_report(Results(folder)).read_text(encoding="utf-8"))
    assert "claims" not in {section.get("id") for section in page.all("section")}
