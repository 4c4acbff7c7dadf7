"""Covariates as columns of a design: which are held constant, and how those of a table become numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.preprocessing import SplineTransformer

from adhd_cvae.config import CohortConfig
from adhd_cvae.config.settings import Settings
from adhd_cvae.errors import InputError

USUAL = ("age", "sex", "tiv")
"""Held constant where they are known for everybody and nothing else is asked for; `tiv` is head size."""
NOMINAL = ("sex",)
"""Codes, whatever they are written as."""
TRENDS = {"linear": 1, "quadratic": 2, "cubic": 3}
"""Forms of age to the degree of their polynomial."""
_KNOTS = (0.05, 0.35, 0.65, 0.95)
"""Quantiles of age between which a spline's cubics meet (Harrell 2015, Regression Modeling Strategies, table 2.3)."""


class Column(Settings):
    """How one covariate becomes columns of numbers.

    Attributes
    ----------
    name
        In the cohort's table.
    levels
        Codes of a nominal one, the first of which has no column; none of a number.
    mean, spread
        Of a number in those it was fitted to.
    degree
        Of its polynomial.
    knots
        Where a spline's cubics meet, in standard units; none of a polynomial.
    fill
        What a missing value is taken to be; None where there must be none.
    """

    name: str
    levels: tuple[str, ...] = ()
    mean: float = 0.0
    spread: float = 1.0
    degree: int = 1
    knots: tuple[float, ...] = ()
    fill: str | float | None = None

    def of(self, table: pd.DataFrame) -> NDArray[np.float64]:
        """Numbers of a table's participants, (n, columns)."""
        if self.name not in table:
            raise InputError(
                f"there is no covariate '{self.name}', which the model was fitted with. Give it."
            )
        values = pd.Series(table[self.name])
        if values.isna().any() and self.fill is None:
            raise InputError(
                f"'{self.name}' is missing for {int(values.isna().sum())} of {len(values)} participants. Leave it out "
                "of cohort.covariates, or impute it with --set cohort.missing_covariates=impute."
            )
        known = values.astype(object).where(
            values.notna(), self.fill
        )  # a column of whole numbers takes no other
        return self._codes(known) if self.levels else self._numbers(known)

    def _codes(self, values: pd.Series) -> NDArray[np.float64]:
        codes = values.map(as_code).to_numpy()
        if others := sorted({*codes} - {*self.levels}):
            raise InputError(
                f"'{self.name}' is {others[0]}, which nobody is whom the model was fitted to (it knows "
                f"{', '.join(self.levels)})."
            )
        return np.column_stack(
            [codes == level for level in self.levels[1:]] or [np.empty((len(codes), 0))]
        ).astype(float)

    def _numbers(self, values: pd.Series) -> NDArray[np.float64]:
        standard = ((values.to_numpy(float) - self.mean) / self.spread)[:, None]
        if not self.knots:
            return standard ** np.arange(1, self.degree + 1)
        spline = SplineTransformer(
            knots=np.array(self.knots)[:, None],  # pyright: ignore[reportArgumentType]
            extrapolation="linear",
            include_bias=False,
        )
        return np.asarray(spline.fit(standard).transform(standard))


class CovariateDesign(Settings):
    """Covariates as columns of numbers, by what some participants showed.

    Attributes
    ----------
    columns
        One each covariate.
    means
        Of the numbers in those it was fitted to, so that 0 is the average.
    """

    columns: tuple[Column, ...] = ()
    means: tuple[float, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the covariates."""
        return tuple(column.name for column in self.columns)

    def of(self, table: pd.DataFrame) -> NDArray[np.float64]:
        """Numbers of a table's participants, (n, columns).

        Raises
        ------
        InputError
            A covariate or a value is missing, or a code is new.
        """
        return _beside(self.columns, table) - np.array(self.means)


def fit_design(
    table: pd.DataFrame, fitted: NDArray[np.integer], names: Sequence[str], settings: CohortConfig
) -> CovariateDesign:
    """Learn means and knots from some rows of a table; which codes there are from all of it.

    Raises
    ------
    InputError
        There is no such covariate, or values are missing that may not be imputed.
    """
    if absent := [name for name in names if name not in table]:
        raise InputError(
            f"there is no column '{absent[0]}' for cohort.covariates (found: {', '.join(map(str, table.columns))})."
        )
    columns = tuple(_fitted(pd.Series(table[name]), fitted, name, settings) for name in names)
    return CovariateDesign(
        columns=columns, means=tuple(_beside(columns, table.iloc[fitted]).mean(axis=0).tolist())
    )


def chosen_covariates(table: pd.DataFrame, settings: CohortConfig) -> tuple[str, ...]:
    """Name the covariates: those of the settings, else the usual ones that are known for everybody and vary."""
    if settings.covariates is not None:
        return settings.covariates
    found = {name: pd.Series(table[name]) for name in USUAL if name in table}
    return tuple(
        name
        for name, values in found.items()
        if values.notna().all() and len({*values}) > 1 and (name in NOMINAL or not is_nominal(values))
    )


def is_nominal(values: pd.Series) -> bool:
    """Whether a covariate of this name and these values is one of codes."""
    return values.name in NOMINAL or not pd.api.types.is_numeric_dtype(values)


def adjusting_columns(table: pd.DataFrame, settings: CohortConfig) -> list[str]:
    """Columns that what is taken from the maps depends on; none where nothing is."""
    if not settings.adjusts:
        return []
    site = [settings.site] if settings.site is not None and settings.site in table else []
    return [*site, *chosen_covariates(table, settings)]


def constant_columns(
    table: pd.DataFrame, site: str | None, settings: CohortConfig
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """What is held constant in a cohort: (n, columns) of numbers, and its names, the site first.

    Raises
    ------
    InputError
        As of `fit_design`.
    """
    design = fit_design(table, np.arange(len(table)), chosen_covariates(table, settings), settings)
    if site is None or site not in table:
        return design.of(table), design.names
    sites = pd.get_dummies(table[site], dummy_na=True).to_numpy(float)  # not known is a site of its own
    return np.column_stack([sites[:, sites.any(axis=0)], design.of(table)]), (site, *design.names)


def _fitted(values: pd.Series, fitted: NDArray[np.integer], name: str, settings: CohortConfig) -> Column:
    known = values.iloc[fitted].dropna()
    impute = settings.missing_covariates == "impute" and len(known)
    if is_nominal(values):
        fill = str(known.map(as_code).mode().iloc[0]) if impute else None
        return Column(name=name, levels=tuple(sorted(values.dropna().map(as_code).unique())), fill=fill)
    numbers = known.to_numpy(float)
    mean, spread = (float(numbers.mean()), float(numbers.std())) if len(numbers) else (0.0, 1.0)
    column = Column(
        name=name, mean=mean, spread=spread or 1.0, fill=float(np.median(numbers)) if impute else None
    )
    if name != "age":
        return column
    if settings.age_trend != "spline":
        return column.model_copy(update={"degree": TRENDS[settings.age_trend]})
    knots = np.unique((np.quantile(numbers, _KNOTS) - mean) / column.spread)
    return column.model_copy(update={"knots": tuple(knots.tolist()) if len(knots) > 1 else ()})


def _beside(columns: Sequence[Column], table: pd.DataFrame) -> NDArray[np.float64]:
    return np.column_stack([np.empty((len(table), 0)), *[column.of(table) for column in columns]])


def site_codes(table: pd.DataFrame, site: str | None) -> NDArray[np.str_] | None:
    """(n,) scanning sites as text; None where the table has no such column."""
    return None if site is None or site not in table else table[site].map(as_code).to_numpy(dtype=str)


def as_code(value: Any) -> str:
    """A code as one text, whether a table holds 1 or 1.0."""
    is_whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if is_whole else str(value)
