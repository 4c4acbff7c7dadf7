"""Runs side by side: what differs is there, what does not is left out, nothing can break out of the page."""

from dataclasses import replace

import pandas as pd
import pytest

from adhd_cvae.io import write_text
from pipelines.output_dir.results import FoundRun, Results
from pipelines.report.comparison import comparison_lines, write_comparison
from tests.pipelines.whole_tables import write_whole


def compared(folder, value, **settings):
    results = Results(folder)
    rows = {
        "space": ["salient", "background"],
        "measure": ["auc"] * 2,
        "site": [None] * 2,
        "note": [None] * 2,
    }
    rows |= {"value": [value, 0.5], "ci_low": [value - 0.05, 0.4], "ci_high": [value + 0.05, 0.6]}
    write_whole(pd.DataFrame({**rows, "p_value": [0.01, 0.5]}), results.paths.table("separation"))
    write_text('<svg viewBox="0 0 1 1"/>', results.paths.figures / "group_test.svg")
    scores = {"out_of_fold/unexplained": 0.4, "out_of_fold/unexplained/low": 0.35}
    scores |= {"out_of_fold/unexplained/high": 0.45, "recovery/severity/salient/out_of_fold/r": 0.3}
    facts = ("Invented", "abc", {"participants": 40, "target": 20, "background": 20})
    return FoundRun(f"run {value}", "place", {"same": 1, **settings}, *facts, scores, results)


@pytest.fixture
def runs(tmp_path):
    return [compared(tmp_path / "a", 0.8, fwhm=6), compared(tmp_path / "b", 0.7, fwhm=8)]


def test_the_terminal_has_what_differs_and_numbers_with_intervals(runs):
    lines = comparison_lines(runs, 80)
    (setting,) = [line.split() for line in lines if line.startswith("fwhm")]
    assert setting == ["fwhm", "6", "8"]
    assert not any(line.startswith("same") for line in lines)
    (auc,) = [line for line in lines if line.startswith("AUC by s ")]
    assert "0.80 (0.75 to 0.85)" in auc
    assert "0.70 (0.65 to 0.75)" in auc
    assert any("0.40 (0.35 to 0.45)" in line for line in lines)
    assert lines[-1] == "All runs are of the same cohort (Invented; n = 40)."


def test_runs_that_do_not_fit_beside_each_other_stand_below_each_other(runs):
    lines = comparison_lines([*runs, *runs], 80)
    heads = [line.split()[3:] for line in lines if line.startswith("out of fold")]
    assert heads == [["A", "B"], ["C", "D"]]
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("r of s and severity") for line in lines) == 2


def test_other_cohorts_and_equal_settings_are_said(runs):
    lines = comparison_lines([runs[0], replace(runs[1], digest="abd", settings=runs[0].settings)], 80)
    assert "different cohorts" in lines[-1]
    assert "No setting differs." in lines


def test_the_page_is_one_file_that_fetches_nothing_and_escapes_names(runs, tmp_path):
    (runs[1].results.paths.figures / "group_test.svg").unlink()
    write_comparison([replace(runs[0], name="<script>alert(1)</script>"), runs[1]], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert page.count("data:image/svg+xml,") == 1
    assert "no such map was made" in page
    assert "sub-" not in page
