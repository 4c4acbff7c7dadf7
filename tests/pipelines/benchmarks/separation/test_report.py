"""The page and the figures of an invented table."""

import pandas as pd

from pipelines.benchmarks.separation.report import summary_page, write_report
from tests.pipelines.benchmarks.separation.invented_table import line


def test_a_page_shows_means_spreads_and_rates(table):
    page = summary_page(table)
    assert "**Effect d**: r of the severities (mean) from `s`" in page
    assert "| one | 0.40 ± 0.14 | 0.80 |" in page  # a single seed has no spread
    assert "| supervised ridge | 0.70 |  |" in page
    assert "| one | 0.50 (0.01 to 0.99; 2) |" in page  # severities in z, of two cohorts
    assert "Participants" not in page  # only one number of them


def test_subtypes_stand_beside_the_continuum_of_the_same_effect():
    rows = [
        line("rand", 0.25, target="subtype", subtypes=3),
        line("bic_components", 3, target="full", subtypes=3),
        line("bic_components", 1, target="full"),
        line("bic_components", 1, target="full", cohens_d=0.2),
    ]
    page = summary_page(pd.DataFrame(rows))
    assert "| cohens_d | subtypes | method | Rand index | BIC, full |" in page
    assert "| 0.8 | 3 | one | 0.25 | 3.00 |" in page
    assert "| 0.8 | 0 | one |  | 1.00 |" in page
    assert "| 0.2 |" not in page


def test_curved_truths_stand_beside_the_linear_one_of_their_size():
    size = {"n": 1000, "cohens_d": 1.4}
    rows = [
        line("r", 0.25, truth="arc", severities=1, **size),
        line("r_rbf", 0.5, truth="arc", severities=1, **size),
        line("gain_nats", 3.0, target="deep", space="", truth="arc", severities=1, **size),
        line("r", 0.75, **size),
        line("r", 0.125, n=100, cohens_d=1.4),
    ]
    page = summary_page(pd.DataFrame(rows))
    assert "| truth | n | method | r, ridge | r, kernel ridge | gain of deep, nats |" in page
    assert "| arc | 1000 | one | 0.25 | 0.50 | 3.00 |" in page
    assert "| linear | 1000 | one | 0.75 |  |  |" in page
    assert "| linear | 100 |" not in page
    assert "Where depth can win" not in summary_page(pd.DataFrame(rows[3:]))


def test_what_was_borrowed_stands_beside_what_was_not():
    rows = [
        line("r", 0.25, new=400, cohens_d=0.2),
        line("auc", 0.75, new=400, target="group", method="two", lent="older"),
        line("r", 0.125, cohens_d=0.2),
    ]
    page = summary_page(pd.DataFrame(rows))
    assert "**Borrowed, by effect d**: r of the severities (mean) from `s`, in new participants" in page
    assert "| alike | 0 | 250 | one | 0.25 |" in page
    assert "| older | 0 | 250 | two | 0.75 |" in page


def test_the_middle_of_the_grid_shows_seconds_once_and_no_background(table):
    rows = [line("unexplained", 0.2), line("stability", 0.5), line("stability", 0.9, space="background")]
    page = summary_page(pd.concat([table, pd.DataFrame(rows)]))
    assert "| method | unexplained | stability of s over seeds | seconds |" in page
    assert "| one | 0.20 | 0.50 | 1.00 |" in page


def test_figures_that_the_table_no_longer_allows_go(table, tmp_path):
    written = write_report(table, tmp_path)
    assert {path.name for path in written} == {path.name for path in tmp_path.iterdir()}
    assert "separation_leakage.svg" in {path.name for path in written}
    write_report(table[table["metric"] == "r"], tmp_path)
    assert not (tmp_path / "separation_leakage.svg").exists()
    assert (tmp_path / "separation_recovery_by_effect.svg").is_file()
