"""Where in the brain: tables, sentences and pictures."""

import json
import re
from pathlib import Path

import pandas as pd

from adhd_cvae.io import read_json, read_tsv
from pipelines.output_dir.results import Results
from pipelines.report.sections import brain
from tests.pipelines.report.invented_report import Page
from tests.pipelines.whole_tables import write_whole


def test_peaks_and_components_are_shown(page: Page) -> None:
    assert re.search(r"1 1\.5, −9\.0, 3\.0 −0\.125 −5\.5 2700 Putamen", page.text)
    assert re.search(r"WashU 10 0\.32 0\.60 0\.45 0\.92 0\.32", page.text)


def test_voxelwise_test_is_described_with_its_limit(page: Page, folder: Path) -> None:
    assert "61 % of voxels differ between patients and their background twins (least p 0.004)" in page.text
    assert "no voxels vary with ADHD battery, PC1 among patients (least p 0.200)" in page.text
    assert "take the model's decoding for granted" in page.text
    table = read_tsv(folder / "analysis/voxelwise.tsv").assign(significant=1)
    write_whole(table, folder / "analysis/voxelwise.tsv")
    assert "less than 1\N{NO-BREAK SPACE}% of voxels differ" in brain.sentences(Results(folder))[0]
    (folder / "analysis/voxelwise.tsv").unlink()
    assert brain.sentences(Results(folder)) is None


def test_only_the_first_peaks_are_on_the_page(folder: Path) -> None:
    peaks = pd.concat([read_tsv(folder / "analysis/peaks.tsv")] * 11)
    write_whole(peaks, folder / "analysis/peaks.tsv")
    table = brain.SECTION.tables[0](Results(folder))
    assert table is not None
    assert table.size == 20
    assert "The first 20 of 22; all are in analysis/peaks.tsv." in table.caption


def test_peaks_are_captioned_with_the_share_that_was_asked_for(folder: Path) -> None:
    for share, words in ((0.5, "half"), (0.25, "0.25")):
        run = read_json(folder / "run.json")
        run["recipe"].setdefault("analysis", {})["maps"] = {"least_change": share}
        (folder / "run.json").write_text(json.dumps(run))
        table = brain.SECTION.tables[0](Results(folder))
        assert table is not None
        assert f"at least {words} of the largest change" in table.caption


def test_nothing_is_plotted_without_maps(tmp_path: Path) -> None:
    assert [picture.plot(Results(tmp_path)) for picture in brain.SECTION.pictures] == [None] * 7
