"""The columns a recipe names against the ones a cohort has, before anything takes long."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from adhd_cvae.cohort.covariates import USUAL, as_code, chosen_covariates, constant_columns, fit_design
from adhd_cvae.config import AnalysisConfig, CohortConfig, Variable
from adhd_cvae.errors import InputError
from adhd_cvae.models.harmonisation import fit_combat
from adhd_cvae.names import TARGET
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


def check_covariates(table: pd.DataFrame, folds: pd.Series, settings: CohortConfig) -> list[str]:
    """Make sure, before maps are read, that each fold can hold the covariates constant; say what will be done.

    Parameters
    ----------
    folds
        Number of each participant's fold.

    Raises
    ------
    InputError
        A covariate, or somebody's value of it, is missing; or sites cannot be told from groups outside of a fold.
    """
    _, names = constant_columns(table, settings.site, settings)
    lines = [f"held constant: {', '.join(names) or 'nothing'}"]
    if settings.covariates is None:
        gaps = {name: pd.Series(table[name]).isna().sum() for name in USUAL if name in table}
        lines += [
            f"{name} is missing for {gap} of {len(table)} and not held constant; cohort.covariates with "
            "cohort.missing_covariates=impute would"
            for name, gap in gaps.items()
            if gap
        ]
    if not settings.adjusts:
        return lines
    sites = np.full(len(table), "")
    if settings.site is not None and settings.site in table:
        sites = table[settings.site].map(as_code).to_numpy(dtype=str)
    if settings.harmonise == "combat":
        _check_sites(table, settings.site)
    is_target = (table["group"] == TARGET).to_numpy()
    for fold in np.unique(folds):
        outside = (folds != fold).to_numpy()
        design = fit_design(table, np.flatnonzero(outside), chosen_covariates(table, settings), settings)
        nothing = np.zeros((int(outside.sum()), 1))
        fit_combat(nothing, sites[outside], design.of(pd.DataFrame(table[outside])), is_target[outside])
    if settings.residualise:
        lines.append("their effects, but for the site's, are taken from the maps, in each fold anew")
    if settings.harmonise == "combat":
        lines.append("sites are harmonised by ComBat, in each fold anew")
        names, counts = np.unique(sites, return_counts=True)
        few = [name for name, count in zip(names, counts, strict=True) if count < settings.smallest_site]
        alone = [name for name in names if len({*is_target[sites == name]}) == 1]
        lines += [f"too few to be harmonised, taken for the average site: {', '.join(few)}"] if few else []
        lines += [f"one group alone, so that they tell nothing of it: {', '.join(alone)}"] if alone else []
    return lines


def _check_sites(table: pd.DataFrame, site: str | None) -> None:
    if site is None or site not in table:
        raise InputError(
            f"cohort.harmonise is combat, but there is no column of sites (cohort.site={site}). Name it, or "
            "--set cohort.harmonise=none."
        )
    if gap := list(table[site].isna()).count(True):
        raise InputError(
            f"cohort.harmonise is combat, but '{site}' is missing for {gap} of {len(table)} participants. Complete it, "
            "or --set cohort.harmonise=none."
        )


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
