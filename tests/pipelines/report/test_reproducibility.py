"""The checklist shows what makes a run again, and neither a place nor a participant."""

import pytest

from pipelines.report import reproducibility
from tests.pipelines.report.invented_report import Page


def test_checklist_has_checksums_and_counts_images(page: Page) -> None:
    assert "e" * 64 in page.text
    assert "…/table.csv" in page.text
    assert "1 images and maps" in page.text
    assert "analysis.permutations" in page.text


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
