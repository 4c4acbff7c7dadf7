"""Batteries of tests summarised by one number a participant."""

import numpy as np
import pandas as pd

from adhd_cvae.errors import InputError


def battery_component(columns: pd.DataFrame) -> pd.Series:
    """First principal component of z-scored columns, over the participants who have them all.

    Parameters
    ----------
    columns
        (n, tests), numbers or missing. A column that does not vary among complete cases is left out.

    Returns
    -------
    pandas.Series
        (n,) component with unit sample variance, rising with the columns (its loadings sum to a positive
        number); NaN for incomplete cases, and for all where fewer than three are complete or nothing varies.

    Raises
    ------
    InputError
        A column holds text.
    """
    try:
        values = columns.apply(pd.to_numeric).to_numpy(np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"The battery {', '.join(map(str, columns.columns))} holds text: {error}. Name numeric columns."
        ) from error
    component = pd.Series(np.nan, index=columns.index, dtype=np.float64)
    complete = np.isfinite(values).all(axis=1)
    cases = values[complete]
    if len(cases) < 3 or not cases.shape[1]:
        return component
    cases = cases[:, np.ptp(cases, axis=0) > 0]
    if not cases.shape[1]:
        return component
    scores = (cases - cases.mean(axis=0)) / cases.std(axis=0, ddof=1)
    _, _, axes = np.linalg.svd(scores, full_matrices=False)
    projected = scores @ axes[0] * (1.0 if axes[0].sum() >= 0 else -1.0)
    component[complete] = projected / projected.std(ddof=1)
    return component
