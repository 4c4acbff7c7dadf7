"""Pairwise dissimilarities of participants: in a space, and by a variable."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import pdist, squareform

from adhd_cvae.errors import InputError

Scale = Literal["ratio", "nominal"]
MINIMUM_PARTICIPANTS = 10
"""No statistic of pairs is given for fewer."""


def latent_dissimilarity(latents: NDArray[np.floating]) -> NDArray[np.float64]:
    """Euclidean distances between the rows of an (n, units) array, as a symmetric (n, n) one."""
    return squareform(pdist(np.asarray(latents, np.float64)))


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


def model_dissimilarity(numbers: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Pairwise (n, n) model of a variable: absolute difference (ratio), or unequal = 1 (nominal)."""
    difference = np.abs(numbers[:, None] - numbers[None, :])
    return difference if scale == "ratio" else (difference > 0).astype(np.float64)


def without_rounding_error(dissimilarity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale to 1 and round to twelve digits: 7.3 - 7.1 and 7.5 - 7.3 become the tie that they are."""
    largest = float(dissimilarity.max(initial=0.0))
    return np.round(dissimilarity / largest, 12) if largest > 0 else dissimilarity


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
