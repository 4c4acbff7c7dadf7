"""Maps of which patients alone have a part, and a training on them."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.cohort.folds import hold_out
from adhd_cvae.training.train import train
from tests.adhd_cvae.training.small import RECIPE, SHAPE


@pytest.fixture(scope="session")
def data():
    rng = np.random.default_rng(0)
    count = 60
    group = np.where(np.arange(count) % 2, "target", "background")
    cohort = pd.DataFrame(
        {"participant_id": [f"sub-{number:02d}" for number in range(count)], "group": group, "site": 1}
    )
    shared = np.einsum("nk,kxyz->nxyz", rng.standard_normal((count, 4)), rng.standard_normal((4, *SHAPE)))
    severity = rng.gamma(2, 0.5, count) * (group == "target")
    blob = np.zeros(SHAPE)
    blob[4:8, 4:8, 4:8] = -0.15
    maps = (
        0.5
        + 0.03 * shared
        + severity[:, None, None, None] * blob
        + 0.02 * rng.standard_normal((count, *SHAPE))
    )
    return maps.astype(np.float16), cohort, severity


@pytest.fixture(scope="session")
def fitted(data):
    """(n,) bool: who is trained on."""
    return ~hold_out(data[1], 0.3, 0, "site")


@pytest.fixture(scope="session")
def trained(data, fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    images, cohort, _ = data
    rows = []
    result = train(images, cohort, RECIPE, folder, rows.append, fitted=fitted)
    return folder, result, rows
