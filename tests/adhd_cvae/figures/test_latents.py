"""One point a participant, with and without a value."""

import numpy as np
import pandas as pd
import pytest

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


def test_umap_has_a_panel_a_space(umap: pd.DataFrame, cohort: pd.DataFrame) -> None:
    figure = latents.umap_by_group(umap, cohort)
    assert [axes.get_title("left") for axes in figure.axes] == ["salient s", "plain VAE"]
    assert "trustworthiness 0.90" in words_of(figure)


def test_umap_by_variable_shows_missing_values_apart(umap: pd.DataFrame, cohort: pd.DataFrame) -> None:
    rows = umap[umap["space"] == "salient"]
    figure = latents.umap_by_variable(rows, cohort, {"age": "ratio", "sex": "nominal"}, {}, {})
    missing, known = figure.axes[0].collections[:2]
    assert len(missing.get_offsets()) == 1
    assert len(known.get_offsets()) == 7


def test_long_names_leave_room_for_the_points(umap: pd.DataFrame, cohort: pd.DataFrame) -> None:
    rows = umap[umap["space"] == "salient"]
    names = {str(code): f"A university with a very long name {code}" for code in (1, 2, 3)}
    scales = dict.fromkeys(("site", "sex", "age"), "nominal") | {"age": "ratio"}
    figure = latents.umap_by_variable(rows, cohort, scales, {}, {"site": names})
    figure.canvas.draw()
    for axes in figure.axes[:3]:
        assert axes.get_window_extent().width / figure.bbox.width > 0.3


@pytest.mark.parametrize("units", [1, 2])
def test_salient_units(units: int, cohort: pd.DataFrame) -> None:
    table = cohort[["group"]].assign(**{f"s_{unit:02d}": np.arange(8.0) for unit in range(units)})
    assert "patients" in words_of(latents.salient_scatter(table))


def test_reconstruction_errors_tell_groups_apart() -> None:
    errors = pd.DataFrame({"group": ["target", "background"], "model": [0.1, 0.2], "pca": [0.15, 0.18]})
    assert {"patients", "controls", "equal"} <= set(words_of(latents.reconstruction_errors(errors)))
