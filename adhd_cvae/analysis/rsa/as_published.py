"""The study's own statistic, computed to be shown beside the honest one."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student

from adhd_cvae.analysis.rsa.dissimilarity import latent_dissimilarity, model_dissimilarity
from adhd_cvae.analysis.rsa.kendall import kendall_tau
from adhd_cvae.analysis.variables import Row, Scale, check_rows, numeric_values

PUBLISHED_COLUMNS = ["space", "variable", "mean", "t", "df", "p_value", "n", "note"]


def as_published_table(
    samples: Mapping[str, NDArray], variables: pd.DataFrame, scales: Mapping[str, Scale]
) -> pd.DataFrame:
    """Compute the study's own statistic: arctan of tau in each posterior sample, a one-sample t over the samples.

    Reported for comparison only. The samples come from one model of one cohort, so that they are no sample of
    participants, and the arctan stands where Fisher's arctanh was meant: p-values say nothing about participants.

    Parameters
    ----------
    samples
        Space: (samples, n, units).
    variables, scales
        As in `rsa_table`.

    Returns
    -------
    pandas.DataFrame
        space, variable, mean, t, df, p_value, n, note
    """
    check_rows(samples, variables, scales, axis=1)
    rows = []
    for space, values in samples.items():
        for name, scale in scales.items():
            numbers = numeric_values(variables[name], scale, name)
            kept = np.isfinite(numbers) & np.isfinite(values).all(axis=(0, 2))
            rows.append(
                {"space": space, "variable": name, **_published(values[:, kept], numbers[kept], scale)}
            )
    return pd.DataFrame(rows, columns=PUBLISHED_COLUMNS)


def _published(samples: NDArray, numbers: NDArray[np.float64], scale: Scale) -> Row:
    row: Row = {"n": len(numbers)}
    if len(numbers) < 3 or len(samples) < 2:
        return {**row, "note": "at least 3 participants with a value and 2 posterior samples are needed"}
    model = model_dissimilarity(numbers, scale)
    angles = np.arctan([kendall_tau(latent_dissimilarity(sample), model) for sample in samples])
    if not np.ptp(angles) > 0:
        return {**row, "note": "tau is constant over posterior samples or not defined"}
    df = len(angles) - 1
    t = float(angles.mean() / (angles.std(ddof=1) / np.sqrt(len(angles))))
    p_value = float(2 * student.sf(abs(t), df))
    return {**row, "mean": float(angles.mean()), "t": t, "df": df, "p_value": p_value}
