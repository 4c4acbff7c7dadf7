"""Invented results, plotted and reported once a session."""

import shutil
from pathlib import Path

import pytest

from pipelines.output_dir.results import Results
from pipelines.report.figures import plot_figures
from pipelines.report.page import write_report
from tests.pipelines.report.invented_report import Page, write_decoded, write_slices, write_tables


@pytest.fixture(scope="session")
def plotted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    for place in ("analysis", "checkpoints"):
        (folder / place).mkdir()
    write_tables(folder)
    write_decoded(folder)
    write_slices(folder)
    plot_figures(Results(folder))
    write_report(Results(folder))
    return folder


@pytest.fixture
def folder(plotted: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(plotted, tmp_path / "results")


@pytest.fixture(scope="session")
def page(plotted: Path) -> Page:
    return Page((plotted / "report.html").read_text(encoding="utf-8"))
