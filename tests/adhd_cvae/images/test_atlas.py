"""Names come from where a point lies in the world, not from indices of a grid."""

import numpy as np
import pytest

from adhd_cvae.images.atlas import Atlas

LABELS = np.zeros((20, 24, 20), np.int16)
LABELS[2:5, 10:14, 10:14] = 7
LABELS[12:16, 10:14, 10:14] = 9


@pytest.mark.parametrize("turned", [False, True])
def test_a_point_has_the_name_of_the_label_it_lies_in(turned):
    affine = np.array([[2.0, 0, 0, -20], [0, 2, 0, -24], [0, 0, 2, -20], [0, 0, 0, 1]])
    labels = LABELS
    if turned:  # as SPM stores it: right to left
        labels, affine = (
            LABELS[::-1],
            affine @ np.array([[-1, 0, 0, 19], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
        )
    atlas = Atlas(labels, affine, {7: "Putamen L"})
    assert atlas.name_at(np.array([-14.0, 0, 4]), 6.0) == "Putamen L"
    assert atlas.name_at(np.array([8.0, 0, 4]), 6.0) == "9"
    assert atlas.name_at(np.array([-8.0, 0, 4]), 6.0) == "near Putamen L"
    assert atlas.name_at(np.array([-2.0, 0, 4]), 6.0) == "near 9"
    assert atlas.name_at(np.array([-14.0, 20, 4]), 6.0) == ""


@pytest.mark.parametrize("far", [1e3, -1e3])
def test_points_off_the_atlas_have_no_name(far):
    atlas = Atlas(LABELS, np.eye(4), {})
    assert atlas.name_at(np.full(3, far), 6.0) == ""
