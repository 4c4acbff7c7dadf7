"""Covariates of a table as columns of numbers."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.cohort.covariates import (
    CovariateDesign,
    chosen_covariates,
    constant_columns,
    fit_design,
    site_codes,
)
from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError

TABLE = pd.DataFrame(
    {
        "scanner": [1, 2, 1, 2, 1, 2],
        "age": [8.0, 9, 10, 11, 12, 16],
        "sex": [0.0, 1, 1, 0, 1, 0],
        "tiv": [1300.0, 1400, 1500, 1450, 1350, 1600],
        "hand": ["left", "right", "both", "right", "right", "left"],
        "iq": [100.0, np.nan, 110, 90, 120, 105],
    }
)
EVERYBODY = np.arange(6)


def design(*names, rows=EVERYBODY, **settings):
    return fit_design(TABLE, rows, names, CohortConfig(**settings))


def test_the_usual_ones_are_held_constant_where_they_are_known_for_everybody_and_vary():
    assert chosen_covariates(TABLE, CohortConfig()) == ("age", "sex", "tiv")
    gap = TABLE.assign(tiv=[np.nan, *TABLE["tiv"][1:]], sex=1)
    assert chosen_covariates(gap, CohortConfig()) == ("age",)
    assert chosen_covariates(TABLE.assign(age=list("abcdef")), CohortConfig()) == ("sex", "tiv")
    assert chosen_covariates(TABLE, CohortConfig(covariates=("iq",))) == ("iq",)
    assert chosen_covariates(TABLE, CohortConfig(covariates=())) == ()


def test_numbers_are_standardised_and_codes_have_indicators():
    columns = design("age", "sex", "hand").of(TABLE)
    assert columns.shape == (6, 1 + 1 + 2)
    np.testing.assert_allclose(columns.mean(axis=0), 0, atol=1e-12)
    assert np.corrcoef(columns[:, 0], TABLE["age"])[0, 1] == pytest.approx(1)
    assert {*np.round(columns[:, 1] - columns[:, 1].min(), 9)} == {0.0, 1.0}


def test_only_those_it_is_fitted_to_decide():
    rows = np.array([0, 1, 2, 3])
    changed = TABLE.assign(age=[*TABLE["age"][:4], 90.0, 1.0])
    for trend in ("linear", "quadratic", "cubic", "spline"):
        settings = CohortConfig(age_trend=trend)
        one, other = (fit_design(table, rows, ("age", "sex"), settings) for table in (TABLE, changed))
        assert one == other


@pytest.mark.parametrize(("trend", "columns"), [("linear", 1), ("quadratic", 2), ("cubic", 3), ("spline", 5)])
def test_age_has_a_form(trend, columns):
    found = design("age", age_trend=trend).of(TABLE)
    assert found.shape == (6, columns)
    assert np.isfinite(found).all()
    far = design("age", age_trend=trend).of(TABLE.assign(age=40.0))
    assert np.isfinite(far).all()


def test_codes_are_the_same_whether_whole_numbers_or_not():
    whole = TABLE.assign(sex=TABLE["sex"].astype(int))
    np.testing.assert_array_equal(design("sex").of(whole), design("sex").of(TABLE))


def test_missing_values_are_refused_or_imputed():
    with pytest.raises(InputError, match="'iq' is missing for 1 of 6 participants"):
        design("age", "iq")
    imputed = design("iq", missing_covariates="impute")
    median = TABLE.assign(iq=TABLE["iq"].fillna(TABLE["iq"].median()))
    np.testing.assert_array_equal(imputed.of(TABLE), imputed.of(median))
    gaps = TABLE.assign(hand=["right", *TABLE["hand"][1:5], None])
    found = fit_design(gaps, EVERYBODY, ("hand",), CohortConfig(missing_covariates="impute")).of(gaps)
    np.testing.assert_array_equal(found[-1], found[0])  # most are right


def test_columns_of_whole_numbers_with_gaps_are_imputed():
    whole = pd.DataFrame({"sex": [0, 1, 1, None], "iq": [90, 101, 110, None]}, dtype="Int64")
    settings = CohortConfig(missing_covariates="impute")
    found = fit_design(whole, np.arange(3), ("sex", "iq"), settings).of(whole)
    np.testing.assert_array_equal(found[3], found[1])  # the commonest and the median


def test_what_the_design_does_not_know_is_refused():
    with pytest.raises(InputError, match=r"there is no column 'height' for cohort.covariates"):
        design("height")
    with pytest.raises(InputError, match="there is no covariate 'age'"):
        design("age").of(TABLE.drop(columns="age"))
    with pytest.raises(InputError, match="'hand' is neither, which nobody is"):
        design("hand").of(TABLE.assign(hand="neither"))


def test_a_design_is_saved_as_json():
    found = design("age", "hand", age_trend="spline")
    again = CovariateDesign.model_validate_json(found.model_dump_json())
    assert again == found
    np.testing.assert_array_equal(again.of(TABLE), found.of(TABLE))


def test_the_site_is_held_constant_beside_them():
    columns, names = constant_columns(TABLE, "scanner", CohortConfig())
    assert names == ("scanner", "age", "sex", "tiv")
    np.testing.assert_array_equal(columns[:, :2], np.eye(2)[[0, 1] * 3])
    unknown = TABLE.assign(scanner=[np.nan, *TABLE["scanner"][1:]])
    assert constant_columns(unknown, "scanner", CohortConfig())[0].shape[1] == columns.shape[1] + 1
    assert constant_columns(TABLE, None, CohortConfig())[1] == ("age", "sex", "tiv")
    assert constant_columns(TABLE[["scanner"]], "site", CohortConfig())[0].shape == (6, 0)


def test_sites_are_texts_whether_a_table_holds_numbers_or_not():
    table = pd.DataFrame({"site": [2.0, 1.0, 2.0]})
    assert site_codes(table, "site").tolist() == ["2", "1", "2"]
    assert site_codes(table, None) is None
    assert site_codes(table, "scanner") is None
