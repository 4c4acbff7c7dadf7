"""Every plot shows what its table says, and survives degenerate tables."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.figures import statistics
from adhd_cvae.figures.style import SPACE_COLOURS
from tests.adhd_cvae.figures.figure_content import bar_lengths, words_of


def test_similarity_star_only_below_corrected_threshold(rsa: pd.DataFrame) -> None:
    figure = statistics.rsa_bars(rsa, {"adhd_index": "ADHD Index"})
    words = words_of(figure)
    assert words.count("★") == 1
    assert "ADHD Index" in words
    assert " n/a" in words
    assert bar_lengths(figure, SPACE_COLOURS["salient"]) == pytest.approx([0.20])


def test_similarity_band_is_the_null(rsa: pd.DataFrame) -> None:
    figure = statistics.rsa_bars(rsa.assign(null_mean=0.01), {})
    bands = [patch for patch in figure.axes[0].patches if patch.get_alpha() == 0.45]
    assert bands[0].get_x() == pytest.approx(0.01 - 1.96 * 0.02)
    assert bands[0].get_width() == pytest.approx(2 * 1.96 * 0.02)


def test_silhouette_star_follows_p() -> None:
    table = pd.DataFrame(
        {"space": ["salient", "vae"], "variable": "sex", "silhouette": [-0.02, 0.1], "p_value": [0.5, 0.01]}
    )
    assert words_of(statistics.silhouette_bars(table, {})).count("★") == 1


def test_mixture_marks_the_lowest_point_and_skips_missing() -> None:
    table = pd.DataFrame(
        {
            "space": "salient",
            "covariance": ["full"] * 3 + ["tied"],
            "k": [1, 2, 3, 1],
            "bic": [5, 3, 4, np.nan],
        }
    )
    figure = statistics.mixture_curves(table)
    dots = [line.get_xydata().tolist() for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert dots == [[[2.0, 3.0]]]


def test_probes_have_a_panel_a_metric() -> None:
    table = pd.DataFrame(
        {
            "space": ["salient", "background"],
            "target": ["age", "sex"],
            "probe": "linear",
            "metric": ["r", "balanced_accuracy"],
            "score": [0.2, 0.6],
            "null_p95": [0.1, np.nan],
        }
    )
    figure = statistics.probe_scores(table, {})
    assert [axes.get_xlabel() for axes in figure.axes] == ["r", "balanced accuracy"]


def test_recovery_shows_correlations_of_each_way() -> None:
    rows = [("striatal", "salient", "test", "r", 0.8), ("striatal", "salient", "test", "r2", 0.6)]
    rows += [("striatal", "pca", "train", "r", np.nan)]
    table = pd.DataFrame(rows, columns=["factor", "space", "split", "metric", "score"])
    words = words_of(statistics.recovery_bars(table))
    assert "0.80" in words
    assert "0.60" not in words


def test_membership_shows_both_curves_and_how_many_axes_are_kept() -> None:
    table = pd.DataFrame(
        {"axes": [1, 10, 100], "auc": [0.5, 0.7, 1.0], "explained": [0.1, 0.4, 0.6], "kept": [0, 1, 0]}
    )
    axes = statistics.membership_curve(table).axes[0]
    lines = {str(line.get_label()): np.asarray(line.get_xydata()) for line in axes.get_lines()}
    assert lines["AUC of telling members"][:, 1] == pytest.approx(table["auc"])
    assert lines["variance of others in the axes"][:, 1] == pytest.approx(table["explained"])
    assert lines["axes kept"][:, 0] == pytest.approx(10)
    whole = statistics.membership_curve(table.assign(kept=0)).axes[0]
    assert "axes kept" not in [line.get_label() for line in whole.get_lines()]
