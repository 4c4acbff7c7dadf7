"""Brains where they are, left on the left."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.figures import brain
from adhd_cvae.names import signed
from tests.adhd_cvae.figures.figure_content import words_of

SHAPE = (14, 17, 14)
AFFINE = np.array([[11.0, 0, 0, -72], [0, 11.0, 0, -106], [0, 0, 11.0, -62], [0, 0, 0, 1]])


@pytest.fixture
def mask() -> np.ndarray:
    grid = np.indices(SHAPE) - (np.array(SHAPE)[:, None, None, None] - 1) / 2
    return ((grid**2).sum(axis=0) < 40).astype(np.uint8)


def test_axial_slice_has_left_on_the_left_and_front_up() -> None:
    volume = np.zeros(SHAPE)
    volume[0, -1, 5] = 1  # leftmost, foremost in RAS
    z = AFFINE[2, 3] + 5 * 11
    upright = brain._axial(volume, AFFINE, z)
    assert upright[-1, 0] == 1
    flipped = AFFINE @ np.diag([-1, 1, 1, 1])
    flipped[0, 3] = AFFINE[0, 3] + 11 * (SHAPE[0] - 1)
    assert brain._axial(volume[::-1], flipped, z)[-1, 0] == 1


def test_brain_mosaics(mask: np.ndarray) -> None:
    voxels = int(mask.sum())
    examples = np.random.default_rng(0).random((2, 4, voxels), dtype=np.float32)
    figure = brain.reconstructions(examples, ["patient 1", "control 1"], mask, AFFINE)
    assert {"observed", "patient 1", "control 1"} <= set(words_of(figure))
    changes = np.zeros((1, 3, voxels), dtype=np.float32)
    changes[0, 2, voxels // 2] = 0.1
    figure = brain.traversals(changes, np.array([[-1.0, 0, 1]]), examples[0, 0], mask, AFFINE)
    peak = np.argwhere(mask)[voxels // 2]
    assert signed(f"s_00, z = {AFFINE[2, 3] + 11 * peak[2]:g} mm") in words_of(figure)


def test_template_maps_say_where_they_are(mask: np.ndarray) -> None:
    volume = np.where(mask, 0.05, 0).astype(np.float32)
    figure = brain.template_maps({"one": volume, "none": 0 * volume}, AFFINE, "change")
    words = words_of(figure)
    assert {"one", "none", "z = 3 mm", "z = −30 mm", "change"} <= set(words)


def test_values_return_to_their_voxels(mask: np.ndarray) -> None:
    volume = brain.on_grid(np.arange(mask.sum()), mask)
    assert np.isnan(volume[mask == 0]).all()
    assert volume[mask == 1].tolist() == list(range(int(mask.sum())))


def test_components_have_a_panel_each_and_a_row_a_site() -> None:
    rows = {
        "left_out": [None, "5", "7"] * 2,
        "component": [1] * 3 + [2] * 3,
        "explained": [np.nan, 0.4, 0.3] * 2,
    }
    table = pd.DataFrame({**rows, "explained_own": 0.5, "explained_others": 0.45})
    figure = brain.components_by_site(table, {"5": "WashU"})
    assert [axes.get_title("left") for axes in figure.axes] == ["component 1", "component 2"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["WashU", "7"]
