"""The columns a recipe names against those of a cohort."""

import pandas as pd
import pytest

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from bids_adapters.cohort import Cohort
from pipelines.recipes.checks import check_columns, check_covariates, nominal_columns
from pipelines.recipes.loader import load_recipe

FOUND = pd.DataFrame({"participant_id": ["sub-1"], "group": ["target"], "age": [9.0], "site": [1]})
SMALL = (
    "analysis.variables=[{name: age, scale: ratio}]",
    "analysis.batteries={}",
    "analysis.claims=[]",
)


def warnings_of(table: pd.DataFrame, *overrides: str) -> list[str]:
    recipe = load_recipe("smoke", (*SMALL, *overrides))
    return check_columns(table, recipe.cohort.site, recipe.analysis)


def test_a_cohort_with_every_column_is_taken_without_a_word():
    assert warnings_of(FOUND) == []


def test_without_the_usual_site_the_settings_to_change_are_named():
    with pytest.raises(InputError, match=r"--set analysis\.permute_within=null --set cohort\.site=null"):
        warnings_of(FOUND.drop(columns="site"))
    (warning,) = warnings_of(FOUND.drop(columns="site"), "analysis.permute_within=null")
    assert "no column 'site' (found: participant_id, group, age)" in warning


def test_a_site_that_was_named_must_be_there():
    with pytest.raises(InputError, match=r"no column 'scanner' for cohort\.site"):
        warnings_of(FOUND, "cohort.site=scanner")


def test_permuting_within_a_battery_is_no_missing_column():
    assert warnings_of(FOUND, "analysis.permute_within=pc", "analysis.batteries={pc: [age]}") == []


def test_variables_that_are_not_there_are_named_and_a_battery_needs_all_its_columns():
    variables = (
        "analysis.variables=[{name: age, scale: ratio}, {name: iq, scale: ratio}, {name: pc, scale: ratio}]"
    )
    (warning,) = warnings_of(FOUND, variables, "analysis.batteries={pc: [age, iq]}")
    assert "will do without iq, pc: no such column" in warning


def test_codes_are_nominal_unless_the_analysis_says_otherwise():
    columns = {"site": {"Levels": {"1": "Peking"}}, "age": {}, "group": {"Levels": {}}, "participant_id": {}}
    cohort = Cohort(FOUND, columns, FOUND.iloc[:0], FOUND.iloc[:0])
    variables = load_recipe("smoke", ("analysis.variables=[{name: site, scale: ratio}]",)).analysis.variables
    assert nominal_columns(cohort, ()) == ["group", "site"]
    assert nominal_columns(cohort, variables) == ["group"]


def test_codes_of_another_study_are_codes_without_words_for_them():
    """Sites 1 and 2 are no more alike than 1 and 10, whether or not a sidecar names them."""
    columns = {name: {} for name in ("participant_id", "site", "sex", "age")}
    table = pd.DataFrame({"participant_id": ["sub-1"], "site": [10], "sex": [2], "age": [9.0]})
    cohort = Cohort(table, columns, pd.DataFrame(), pd.DataFrame())
    assert nominal_columns(cohort, ()) == ["site", "sex"]


def told_of(table: pd.DataFrame, **settings) -> list[str]:
    folds = pd.Series([number // 2 % 2 for number in range(len(table))])
    return check_covariates(table, folds, CohortConfig(**settings))


def cohort_of(sites: list[int], groups: list[str]) -> pd.DataFrame:
    count = len(sites)
    ages = [8.0 + number % 5 for number in range(count)]
    return pd.DataFrame({"participant_id": range(count), "group": groups, "site": sites, "age": ages})


def test_what_is_held_constant_is_said_before_any_map_is_read():
    table = cohort_of([1, 1, 2, 2] * 6, ["target", "target", "background", "background"] * 6)
    assert told_of(table) == ["held constant: site, age"]
    gap = table.assign(tiv=[None, *[1400.0] * 23])
    assert "tiv is missing for 1 of 24 and not held constant" in told_of(gap)[1]
    with pytest.raises(InputError, match="'tiv' is missing for 1 of 24"):
        told_of(gap, covariates=("tiv",))
    assert told_of(gap, covariates=("tiv",), missing_covariates="impute") == ["held constant: site, tiv"]


def test_groups_that_are_sites_are_refused_where_sites_are_to_be_harmonised():
    groups = ["target", "background"] * 12
    with pytest.raises(InputError, match="patients only or controls only"):
        told_of(cohort_of([1, 2] * 12, groups), harmonise="combat")
    lines = told_of(cohort_of([1, 1, 2, 2] * 5 + [3] * 4, groups), harmonise="combat", smallest_site=6)
    assert lines[1] == "sites are harmonised by ComBat, in each fold anew"
    assert lines[2] == "too few to be harmonised, taken for the average site: 3"
    alone = cohort_of([1, 1, 1, 1, 2] * 5, (["target", "background"] * 2 + ["background"]) * 5)
    assert told_of(alone, harmonise="combat")[-1] == "one group alone, so that they tell nothing of it: 2"


def test_harmonising_needs_everybodys_site():
    table = cohort_of([1, 1, 2, 2] * 6, ["target", "target", "background", "background"] * 6)
    with pytest.raises(InputError, match=r"no column of sites \(cohort\.site=scanner\)"):
        told_of(table, harmonise="combat", site="scanner")
    with pytest.raises(InputError, match="'site' is missing for 1 of 24"):
        told_of(table.assign(site=[None, *table["site"][1:]]), harmonise="combat")
