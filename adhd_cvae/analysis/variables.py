"""Phenotype variables of the analysis: their scale, their values as numbers, and first components of batteries."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from adhd_cvae.errors import InputError

Scale = Literal["ratio", "nominal"]
Row = dict[str, float | str | None]
"""Of a table of results: column to value; what is not there is missing."""


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


def numeric_values(values: ArrayLike | pd.Series, scale: Scale, name: str = "values") -> NDArray[np.float64]:
    """Turn a variable into numbers: as they are (ratio) or one code a label (nominal); missing is NaN.

    Raises
    ------
    InputError
        A ratio variable holds text, or the scale is neither ratio nor nominal.
    """
    series = pd.Series(values)
    if scale == "nominal":
        codes, _ = pd.factorize(series.to_numpy())
        return np.where(codes < 0, np.nan, codes)
    if scale != "ratio":
        raise InputError(f"Variable '{name}' has scale {scale!r}; expected ratio or nominal.")
    numbers = pd.Series(pd.to_numeric(series, errors="coerce")).to_numpy(np.float64, na_value=np.nan)
    text = series.to_numpy(object)[series.notna().to_numpy() & np.isnan(numbers)]
    if len(text):
        raise InputError(
            f"Variable '{name}' holds {text[0]!r} but its scale is ratio. Declare it nominal or clean it."
        )
    return numbers


def check_rows(
    spaces: Mapping[str, NDArray], variables: pd.DataFrame, scales: Mapping[str, Scale], axis: int = 0
) -> None:
    """Raise InputError where a variable is absent or a space has another number of participants."""
    problems = [
        f"The analysis has no column '{name}' (found: {', '.join(map(str, variables.columns))})."
        for name in scales
        if name not in variables
    ]
    problems += [
        f"Space '{name}' has {np.shape(latents)[axis]} participants, the variables {len(variables)}."
        for name, latents in spaces.items()
        if np.shape(latents)[axis] != len(variables)
    ]
    if problems:
        raise InputError(*problems)
