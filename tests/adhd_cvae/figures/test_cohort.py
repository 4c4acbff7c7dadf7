"""Who was analysed and who was left out."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.figures import cohort as cohort_figures
from adhd_cvae.figures.style import GROUP_COLOURS
from tests.adhd_cvae.figures.figure_content import bar_lengths, words_of


def test_flow_counts_each_group_and_who_of_it_a_fold_holds_out(cohort: pd.DataFrame) -> None:
    words = " ".join(words_of(cohort_figures.participant_flow(11, 3, cohort, [0, 1, 2, 0, 0, 1, 1, 2])))
    assert "11 participants found" in words
    assert "3 left out" in words
    assert "3 patients\n1 in each of 3 folds" in words
    assert "5 controls\n1 to 2 in each of 3 folds" in words
    words = " ".join(words_of(cohort_figures.participant_flow(11, 3, cohort, [])))
    assert "5 controls" in words
    assert "folds" not in words


def test_site_of_one_group_is_marked(cohort: pd.DataFrame) -> None:
    figure = cohort_figures.site_counts(cohort, "site", {"3": "Elsewhere"})
    assert "Elsewhere *" in words_of(figure)
    assert "1" in words_of(figure)
    assert sorted(bar_lengths(figure, GROUP_COLOURS["target"])) == [0, 1, 2]


def test_long_names_of_many_sites_do_not_overlap() -> None:
    names = {str(code): f"University Hospital of Town {code}, Department of Psychiatry" for code in range(12)}
    table = pd.DataFrame({"site": [*names] * 2, "group": ["target"] * 12 + ["background"] * 12})
    figure = cohort_figures.site_counts(table, "site", names)
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert len(boxes) == 12
    assert all(upper.y0 > lower.y1 for upper, lower in pairwise(boxes))


def test_age_and_sex_are_shares_of_each_group(cohort: pd.DataFrame) -> None:
    figure = cohort_figures.age_and_sex(cohort, {"0": "female", "1": "male"})
    widths = [patch.get_width() for patch in figure.axes[1].patches]
    assert widths == pytest.approx([100 / 3, 200 / 3, 75, 25])
    assert "male" in words_of(figure)


def test_exclusions_are_counted_without_names() -> None:
    table = pd.DataFrame({"participant_id": ["sub-1", "sub-2"], "stage": "prepare", "reason": "no_map"})
    words = words_of(cohort_figures.exclusion_counts(table))
    assert "no map\n(prepare)" in words
    assert "2" in words
    assert not any("sub-" in word for word in words)


def test_each_map_of_a_mosaic_has_its_label_and_its_own_gray_scale() -> None:
    slices = np.stack([np.full((3, 4, 4), level, np.float16) for level in (0.1, 5.0, 9.0)])
    slices[:, :, 0, 0] = 0
    figure = cohort_figures.mosaic(
        slices, ["off centre", "negative values", "flat"], np.eye(4)[None].repeat(3, 0)
    )
    assert [text for text in words_of(figure) if text] == ["off centre", "negative values", "flat"]
    limits = [axes.images[0].get_clim()[1] for axes in figure.axes if axes.images]
    assert limits == pytest.approx([0.1, 5, 9], rel=1e-3)
