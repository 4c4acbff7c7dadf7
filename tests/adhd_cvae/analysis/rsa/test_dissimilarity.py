"""Dissimilarities: symmetric, of the right scale, and with the ties that decimals hide."""

import numpy as np
import pytest

from adhd_cvae.analysis.rsa.dissimilarity import (
    latent_dissimilarity,
    model_dissimilarity,
    without_rounding_error,
)


def test_latents_are_apart_by_euclid():
    between = latent_dissimilarity(np.array([[0.0, 0.0], [3.0, 4.0]]))
    assert between == pytest.approx(np.array([[0.0, 5.0], [5.0, 0.0]]))


def test_numbers_differ_by_how_much_and_labels_by_whether():
    numbers = np.array([1.0, 4.0, 4.0])
    assert model_dissimilarity(numbers, "ratio").tolist() == [[0, 3, 3], [3, 0, 0], [3, 0, 0]]
    assert model_dissimilarity(numbers, "nominal").tolist() == [[0, 1, 1], [1, 0, 0], [1, 0, 0]]


def test_equal_differences_of_decimals_become_ties():
    differences = np.array([0.3 - 0.1, 0.4 - 0.2])
    assert differences[0] != differences[1]
    assert len(set(without_rounding_error(differences))) == 1
    assert without_rounding_error(np.zeros(2)).tolist() == [0, 0]
