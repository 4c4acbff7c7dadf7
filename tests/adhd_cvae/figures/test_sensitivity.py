"""Lines are where the table says, extrapolated ones dashed, and the cohort's own size is marked."""

import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adhd_cvae.figures import sensitivity
from adhd_cvae.figures.style import CATEGORY_COLOURS
from tests.adhd_cvae.figures.figure_content import words_of


def power(sizes: tuple[int, ...] = (70, 140, 280), lent: tuple[int, ...] = (0, 482)) -> pd.DataFrame:
    rows = [
        {"panel": panel, "cohens_d": d, "n": n, "borrowed": borrowed, "significant": d * n / 400}
        | {"significant_low": 0.0, "significant_high": 1.0, "extrapolated": int(n > 140)}
        for panel in ("Patients told from controls", "Severity of striatum")
        for d in (1.0, 0.2)
        for n in sizes
        for borrowed in lent
    ]
    return pd.DataFrame(rows)


def lines_of(figure: Figure) -> list[Line2D]:
    return [line for line in figure.axes[0].lines if line.get_marker() != "None" and len(line.get_xydata())]  # pyright: ignore[reportArgumentType]


def test_power_is_a_line_a_size_with_and_without_what_was_lent() -> None:
    figure = sensitivity.power_curves(power(), own=280)
    words = words_of(figure)
    assert {"Patients told from controls", "Severity of striatum", "80 % of cohorts"} <= set(words)
    assert {"n = 70", "n = 140", "n = 280 (yours, extrapolated)"} <= set(words)
    lines = lines_of(figure)
    assert len(lines) == 6
    assert {line.get_linestyle() for line in lines[:4]} == {"-"}
    assert {line.get_linestyle() for line in lines[4:]} == {"--"}
    assert {line.get_color() for line in lines} == {CATEGORY_COLOURS[0], CATEGORY_COLOURS[3]}
    assert lines[4].get_linewidth() > lines[0].get_linewidth()
    assert lines[2].get_xydata() == pytest.approx(pd.DataFrame([[0.2, 7], [1.0, 35]]).to_numpy())  # pyright: ignore[reportArgumentType]
    assert len(figure.axes[0].collections) == 2  # bands of the largest that was made


def test_one_size_without_anything_lent_and_missing_shares_are_plotted() -> None:
    table = power((140,), (0,))
    table.loc[0, "significant"] = None
    figure = sensitivity.power_curves(table, own=140)
    assert {"n = 140 (yours)", "own controls alone"} <= set(words_of(figure))
    assert "with the reference" not in words_of(figure)
    assert [len(line.get_xdata()) for line in lines_of(figure)] == [1]  # pyright: ignore[reportArgumentType]


def test_false_positives_are_dots_with_intervals_beside_the_level() -> None:
    tests = ["salient auc", "r of a_severity_whose_name_is_so_long_that_it_is_folded_and_cut's severity"]
    table = pd.DataFrame({"test": tests * 2, "borrowed": [0, 0, 50, 50], "below": [0.04, 0.06, 0.05, None]})
    figure = sensitivity.false_positives(table.assign(ci_low=0.02, ci_high=0.2))
    axes = figure.axes[0]
    assert [float(line.get_xdata()[0]) for line in lines_of(figure)] == pytest.approx([4, 6, 5])  # pyright: ignore[reportIndexIssue, reportArgumentType]
    assert axes.get_xlim()[1] >= 20
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[0] == "salient auc"
    assert "…" in labels[1]
    assert "_" not in labels[1]
    assert {"own controls alone", "with the reference", "5 %"} <= set(words_of(figure))
