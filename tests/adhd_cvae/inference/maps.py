"""Invented maps that differ along a few directions."""

import numpy as np

from adhd_cvae.config import ImageConfig

SHAPE = (16, 16, 16)
GRID = ImageConfig(shape=SHAPE, min_template_correlation=None, max_offset=None)


def anatomy(participants: int, seed: int) -> np.ndarray:
    """Maps that differ along six directions, the same for every seed."""
    directions = np.random.default_rng(99).normal(size=(6, *SHAPE)) * 0.05
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(participants, 6))
    noise = rng.normal(size=(participants, *SHAPE)) * 0.02
    return (0.5 + np.tensordot(weights, directions, 1) + noise).astype(np.float16)
