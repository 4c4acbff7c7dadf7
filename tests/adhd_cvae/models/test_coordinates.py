"""Participants in few coordinates."""

import numpy as np
import pytest

from adhd_cvae.models.coordinates import in_coordinates
from adhd_cvae.models.reference_background import borrowed, fit_reference


@pytest.mark.parametrize("features", [15, 200])
def test_nothing_of_participants_and_reference_is_lost(rng, features):
    centred = rng.standard_normal((20, features))
    centred -= centred.mean(axis=0)
    healthy = fit_reference(rng.standard_normal((50, features)))
    reference = borrowed(healthy, np.arange(features), np.full(features, 0.5), np.ones(features))
    found = in_coordinates(centred, reference)
    assert found.axes @ found.axes.T == pytest.approx(np.eye(len(found.axes)), abs=1e-6)
    assert found.values @ found.axes == pytest.approx(centred, abs=1e-6)
    assert found.reference.mean @ found.reference.axes.T == pytest.approx(reference.mean @ reference.axes.T)
    white = found.reference.whitened(found.values, 0.3) @ found.axes
    assert white == pytest.approx(reference.whitened(centred, 0.3), abs=1e-4)


def test_without_a_reference_they_are_the_principal_ones(rng):
    centred = rng.standard_normal((6, 30))
    found = in_coordinates(centred - centred.mean(axis=0))
    assert found.reference is None
    assert found.axes.shape == (5, 30)
