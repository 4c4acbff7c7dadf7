"""An invented cohort, and what was found of it."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def cohort() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{number}" for number in range(8)],
            "group": ["target"] * 3 + ["background"] * 5,
            "site": [1.0, 1, 2, 1, 2, 2, 3, 3],
            "age": [8, 9.5, 12, 10, np.nan, 13, 9, 11],
            "sex": [1, 1, 0, 0, 1, np.nan, 0, 0],
        }
    )


@pytest.fixture
def rsa() -> pd.DataFrame:
    rows = [
        ("salient", "age", 0.20, 0.15, 0.25, 0.02, 0.004),
        ("background", "age", -0.05, -0.09, 0.01, 0.02, 0.20),
        ("salient", "adhd_index", np.nan, np.nan, np.nan, np.nan, np.nan),
        ("background", "adhd_index", 0.01, -0.02, 0.04, 0.02, 0.90),
    ]
    return pd.DataFrame(rows, columns=["space", "variable", "tau", "ci_low", "ci_high", "null_sd", "p_fdr"])
