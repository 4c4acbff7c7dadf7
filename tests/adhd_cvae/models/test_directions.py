"""Ways to find salient directions."""

import numpy as np
import pytest

from adhd_cvae.config import LinearConfig
from adhd_cvae.models.directions import METHODS, second_moment


@pytest.mark.parametrize("method", METHODS)
def test_the_first_direction_is_where_patients_alone_vary(method, rng):
    is_target = np.arange(200) % 2 == 1
    scores = rng.laplace(size=(200, 6)) * [6, 5, 4, 3, 2, 1]
    scores[:, 3] = np.where(is_target, 4 + 9 * rng.standard_normal(200), 0.3 * rng.standard_normal(200))
    found = METHODS[method](scores, is_target, 2, LinearConfig(rank_share=0.03), 0)
    assert found.shape == (6, 2)
    lengths = np.linalg.norm(found, axis=0)
    along = np.abs(found / lengths)[3, 0] * scores[:, 3].std()
    across = np.linalg.norm((np.delete(found, 3, axis=0) / lengths)[:, 0] * np.delete(scores.std(axis=0), 3))
    assert along > across


def test_second_moments_are_around_zero():
    assert second_moment(np.array([[1.0, 2], [3, 4]])).tolist() == [[5, 7], [7, 10]]
