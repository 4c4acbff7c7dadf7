"""What else differs between patients and controls: site, age, sex, head size, quality. Pandas in, pandas out.

Nothing here is a test: a difference between the groups confounds whether or not it is significant.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from adhd_cvae.names import GROUP_LABELS

ALWAYS = {"age": "ratio", "sex": "nominal", "tiv": "ratio"}
"""Compared between the groups wherever the cohort has them."""
_RATIOS = ("quality_iqr", "mriqc_cjv", "mriqc_cnr", "mriqc_efc", "mriqc_snr_total", "mriqc_fd_mean")
_MOTION = ("fd_mean", "mean_fd", "meanfd", "mean_framewise_displacement", "framewise_displacement")
_SCANS = (f"qc_{scan}_{one}" for scan in ("anatomical", "anat", "rest") for one in range(1, 5))
_OF_ADHD200 = ("qc_athena", "qc_niak", *_SCANS)
QUALITY = {**dict.fromkeys((*_RATIOS, *_MOTION), "ratio"), **dict.fromkeys(_OF_ADHD200, "nominal")}
"""Likewise, after the analysed variables: quality and motion of scans. Patients often move more than controls."""
NOT_PHENOTYPE = ("participant_id", "image", "group", "split", "fold", "image_choice")
CONFOUNDING_COLUMNS = ("statistic", "variable", "level", "group", "n", "value")


def site_counts(cohort: pd.DataFrame, site: str) -> pd.DataFrame:
    """Count participants by site (rows) and group (columns `target` and `background`)."""
    counts = pd.crosstab(cohort[site], cohort["group"])
    return counts.reindex(columns=list(GROUP_LABELS), fill_value=0)


def cramers_v(counts: pd.DataFrame) -> float:
    """Cramér's V of a table of counts: 0 where site says nothing of the group, 1 where it tells it.

    Corrected for what chance alone would give (Bergsma 2013, J. Korean Stat. Soc. 42:323); NaN where there is
    one row or one column only.
    """
    observed = counts.to_numpy(float)
    observed = observed[observed.sum(axis=1) > 0][:, observed.sum(axis=0) > 0]
    rows, columns = observed.shape
    total = observed.sum()
    if min(rows, columns) < 2:
        return float("nan")
    expected = observed.sum(axis=1, keepdims=True) * observed.sum(axis=0, keepdims=True) / total
    phi2 = ((observed - expected) ** 2 / expected).sum() / total
    phi2 = max(0.0, phi2 - (rows - 1) * (columns - 1) / (total - 1))
    sides = [side - (side - 1) ** 2 / (total - 1) for side in (rows, columns)]
    return float(min(1.0, np.sqrt(phi2 / (min(sides) - 1)))) if min(sides) > 1 else float("nan")


def described(cohort: pd.DataFrame, scales: Mapping[str, str], site: str | None) -> dict[str, str]:
    """Give the variables to compare between the groups and their scales, in the cohort's order of asking.

    Age, sex and head size come first, quality last; the site has its own table. A ``ratio`` variable that holds no
    numbers is left out.
    """
    asked = {**ALWAYS, **scales}
    asked |= {name: scale for name, scale in QUALITY.items() if name not in asked}
    return {
        name: scale
        for name, scale in asked.items()
        if name in cohort
        and name != site
        and (scale == "nominal" or pd.api.types.is_numeric_dtype(cohort[name]))
    }


def compare_groups(cohort: pd.DataFrame, scales: Mapping[str, str]) -> pd.DataFrame:
    """Describe variables by group.

    Parameters
    ----------
    cohort
        One row a participant, with `group`.
    scales
        Variable to ``ratio`` or ``nominal``.

    Returns
    -------
    pandas.DataFrame
        Columns :data:`CONFOUNDING_COLUMNS`. `mean` and `sd` of a ratio variable, `count` and `share` of each level of
        a nominal one, and `difference`: target minus background divided by the square root of the mean of both
        variances (Austin 2009, Stat. Med. 28:3083); NaN where neither group varies.
    """
    rows: list[tuple[Any, ...]] = []
    for name, scale in scales.items():
        values = [cohort.loc[cohort["group"] == group, name].dropna() for group in GROUP_LABELS]
        rows += _ratio(name, values) if scale == "ratio" else _nominal(name, values)
    return _tidy(rows)


def _tidy(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Make a table in which a code or a count stays the whole number it is."""
    return pd.DataFrame(rows, columns=list(CONFOUNDING_COLUMNS), dtype=object)


def _ratio(name: str, values: Sequence[pd.Series]) -> list[tuple[Any, ...]]:
    numbers = [part.to_numpy(float) for part in values]
    means = [float(part.mean()) if len(part) else np.nan for part in numbers]
    spreads = [float(part.std(ddof=1)) if len(part) > 1 else np.nan for part in numbers]
    rows = []
    for group, part, mean, spread in zip(GROUP_LABELS, numbers, means, spreads, strict=True):
        rows += [("mean", name, None, group, len(part), mean), ("sd", name, None, group, len(part), spread)]
    difference = _standardised(means, [spread**2 for spread in spreads])
    return [*rows, ("difference", name, None, None, sum(map(len, numbers)), difference)]


def _nominal(name: str, values: Sequence[pd.Series]) -> list[tuple[Any, ...]]:
    rows = []
    for level in sorted({code for part in values for code in part}, key=_natural):
        counts = [int((part == level).sum()) for part in values]
        shares = [
            count / len(part) if len(part) else np.nan for count, part in zip(counts, values, strict=True)
        ]
        for group, part, count, share in zip(GROUP_LABELS, values, counts, shares, strict=True):
            rows += [("count", name, level, group, len(part), count)]
            rows += [("share", name, level, group, len(part), share)]
        difference = _standardised(shares, [share * (1 - share) for share in shares])
        rows.append(("difference", name, level, None, sum(map(len, values)), difference))
    return rows


def _natural(code: object) -> tuple[bool, float, str]:
    number = isinstance(code, int | float | np.number)
    return (not number, float(code) if isinstance(code, int | float | np.number) else 0.0, str(code))


def _standardised(means: Sequence[float], variances: Sequence[float]) -> float:
    spread = np.sqrt(np.mean(variances))
    return (means[0] - means[1]) / float(spread) if spread > 0 else float("nan")


def missing_counts(cohort: pd.DataFrame, variables: Sequence[str]) -> pd.DataFrame:
    """Count missing values: rows are variables, columns `target` and `background`."""
    missing = cohort[list(variables)].isna()
    counts = {group: missing[cohort["group"] == group].sum() for group in GROUP_LABELS}
    return pd.DataFrame(counts, index=list(variables), columns=list(GROUP_LABELS)).astype(int)


def confounding_table(cohort: pd.DataFrame, site: str | None, scales: Mapping[str, str]) -> pd.DataFrame:
    """Everything above in one tidy table, one value a row, no participant named.

    Parameters
    ----------
    site
        Column of the site; None where the cohort has none.
    scales
        The analysis' variables and their scales; age, sex, head size and the quality of scans are added.

    Returns
    -------
    pandas.DataFrame
        Columns :data:`CONFOUNDING_COLUMNS`; missing values of every phenotype column.
    """
    sizes = {group: list(cohort["group"]).count(group) for group in GROUP_LABELS}
    compared = compare_groups(cohort, described(cohort, scales, site))
    of_site: list[tuple[Any, ...]] = []
    if site is not None:
        association = cramers_v(site_counts(cohort, site))
        values = [cohort.loc[cohort["group"] == group, site].dropna() for group in GROUP_LABELS]
        of_site = [
            ("cramers_v", site, None, None, sum(map(len, values)), association),
            *_nominal(site, values),
        ]
    columns = [str(name) for name in cohort.columns if name not in NOT_PHENOTYPE]
    missing: list[tuple[Any, ...]] = [
        ("missing", name, None, group, sizes[str(group)], count)
        for name, counts in missing_counts(cohort, columns).iterrows()
        for group, count in counts.items()
    ]
    return pd.concat([_tidy(of_site), compared, _tidy(missing)], ignore_index=True)
