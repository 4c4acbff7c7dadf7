"""One point a participant, with and without a value."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection

from adhd_cvae.figures import latents
from tests.adhd_cvae.figures.figure_content import words_of


@pytest.fixture
def umap(cohort: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    places = pd.DataFrame(rng.normal(size=(16, 2)), columns=["umap_1", "umap_2"])
    return places.assign(
        participant_id=[*cohort["participant_id"]] * 2,
        space=["salient"] * 8 + ["vae"] * 8,
        trustworthiness=0.9,
    )


def test_umap_by_variable_shows_missing_values_apart(umap: pd.DataFrame, cohort: pd.DataFrame) -> None:
    rows = umap[umap["space"] == "salient"]
    figure = latents.umap_by_variable(rows, cohort, {"age": "ratio", "sex": "nominal"}, {}, {})
    missing, known = figure.axes[0].collections[:2]
    assert len(missing.get_offsets()) == 1
    assert len(known.get_offsets()) == 7
    assert "trustworthiness 0.90" in words_of(figure)


def test_long_names_leave_room_for_the_points(umap: pd.DataFrame, cohort: pd.DataFrame) -> None:
    rows = umap[umap["space"] == "salient"]
    names = {str(code): f"A university with a very long name {code}" for code in (1, 2, 3)}
    scales = dict.fromkeys(("site", "sex", "age"), "nominal") | {"age": "ratio"}
    figure = latents.umap_by_variable(rows, cohort, scales, {}, {"site": names})
    figure.canvas.draw()
    for axes in figure.axes[:3]:
        assert axes.get_window_extent().width / figure.bbox.width > 0.3


def test_held_out_scores_have_a_row_a_fold_in_its_own_unit_and_keep_their_side() -> None:
    table = pd.DataFrame(
        {"fold": [0, 0, 0, 1, 1], "group": ["target", "background", "target", "target", "background"]}
    )
    figure = latents.held_out_scores(table.assign(score=[2.0, -2.0, 2.0, 300.0, -400.0]))
    assert {"fold 0", "fold 1", "patients", "controls"} <= set(words_of(figure))
    points = [part for part in figure.axes[0].collections if isinstance(part, PathCollection)]
    places = [np.asarray(part.get_offsets())[:, 0].tolist() for part in points]
    unit = np.sqrt((300**2 + 400**2) / 2)
    assert places == [[1, 1], [-1], [pytest.approx(300 / unit)], [pytest.approx(-400 / unit)]]


def test_a_fold_without_one_group_has_the_other() -> None:
    table = pd.DataFrame({"fold": [0, 0], "group": ["target", "target"], "score": [0.0, 0.0]})
    assert "fold 0" in words_of(latents.held_out_scores(table))


def test_reconstruction_errors_tell_groups_apart() -> None:
    errors = pd.DataFrame({"group": ["target", "background"], "model": [0.1, 0.2], "pca": [0.15, 0.18]})
    assert {"patients", "controls", "equal"} <= set(words_of(latents.reconstruction_errors(errors)))
