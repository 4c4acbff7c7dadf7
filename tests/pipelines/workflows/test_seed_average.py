"""Weights for codes that were turned give the same scores."""

import numpy as np

from pipelines.workflows.seed_average import _turned


def test_turned_weights_give_turned_codes_the_same_scores():
    rng = np.random.default_rng(0)
    salient, background = rng.standard_normal((5, 2)), rng.standard_normal((5, 3))
    turns = [np.linalg.qr(rng.standard_normal((n, n)))[0] for n in (2, 3)]
    weights = rng.standard_normal((1, 6))
    before = np.column_stack([salient, background, np.ones(5)]) @ weights[0]
    found = _turned(weights, [turn[None] for turn in turns])
    after = np.column_stack([salient @ turns[0], background @ turns[1], np.ones(5)]) @ found[0]
    np.testing.assert_allclose(after, before)
