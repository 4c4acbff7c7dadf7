"""The columns a recipe names against the ones a cohort has, before anything takes long."""

from collections.abc import Sequence

import pandas as pd

from adhd_cvae.config import AnalysisConfig, CohortConfig, Variable
from adhd_cvae.errors import InputError
from bids_adapters.cohort import Cohort
from bids_adapters.phenotype.codebook import BY_NAME


def check_columns(table: pd.DataFrame, site: str | None, analysis: AnalysisConfig) -> list[str]:
    """Compare the columns that a recipe names with the cohort's; return, in words, what will be done without.

    Raises
    ------
    InputError
        A column without which a later stage would stop is not there.
    """
    found = f"(found: {', '.join(map(str, table.columns))})"
    within = analysis.permute_within
    problems, warnings = [], []
    if site is not None and site not in table:
        if site == CohortConfig().site:
            warnings.append(
                f"no column '{site}' {found}: sites are not told apart. Name it with cohort.site."
            )
        else:
            problems.append(
                f"there is no column '{site}' for cohort.site {found}. Name another, or set it to null."
            )
    if within is not None and within not in table and within not in analysis.batteries:
        problems.append(
            f"there is no column '{within}' for analysis.permute_within {found}. {_go_on(within, site)}"
        )
    if problems:
        raise InputError(*problems)
    batteries = {name for name, columns in analysis.batteries.items() if {*columns} <= {*table}}
    asked = [variable.name for variable in analysis.variables]
    absent = [name for name in asked if name not in table and name not in batteries]
    if absent:
        warnings.append(f"the analysis will do without {', '.join(absent)}: no such column {found}.")
    return warnings


def _go_on(within: str, site: str | None) -> str:
    """Say what to add to the command; where it is the site that is not there, for both settings that name it."""
    keys = ["analysis.permute_within", *(["cohort.site"] if site == within else [])]
    freely, named = (" ".join(f"--set {key}={value}" for key in keys) for value in ("null", "COLUMN"))
    return f"Give {freely} to permute freely, or {named} to name another."


def nominal_columns(cohort: Cohort, variables: Sequence[Variable]) -> list[str]:
    """Name the columns whose values are codes: by their Levels or the code book, or as the analysis calls them."""
    called = {variable.name: variable.scale for variable in variables}
    coded = {name for name, column in BY_NAME.items() if column.kind == "code"}
    coded |= {name for name, entry in cohort.columns.items() if "Levels" in entry}
    names = map(str, cohort.table.columns)
    return [name for name in names if called.get(name, "nominal" if name in coded else "ratio") == "nominal"]
