"""Batteries: the first component of complete cases, pointing the way of its columns."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import scale

from adhd_cvae.analysis.variables import battery_component
from adhd_cvae.errors import InputError


def battery(n=50):
    rng = np.random.default_rng(0)
    common = rng.normal(size=n)
    columns = {name: weight * common + rng.normal(size=n) for name, weight in (("a", 1), ("b", 2), ("c", 30))}
    return pd.DataFrame(columns, index=[f"sub-{k}" for k in range(n)])


def test_component_is_that_of_z_scores_whatever_the_units():
    frame = battery()
    component = battery_component(frame)
    expected = PCA(1).fit_transform(scale(frame))[:, 0]
    assert abs(np.corrcoef(component, expected)[0, 1]) == pytest.approx(1, abs=1e-9)
    rescaled = battery_component(frame.assign(c=frame["c"] * 1000 + 5))
    np.testing.assert_allclose(component, rescaled, atol=1e-9)
    assert component.std() == pytest.approx(1)
    assert component.index.equals(frame.index)


def test_component_rises_with_the_columns():
    frame = battery()
    assert (frame.corrwith(battery_component(frame)) > 0).all()
    np.testing.assert_allclose(battery_component(-frame), -battery_component(frame), atol=1e-9)


def test_incomplete_cases_are_missing_and_do_not_count():
    frame = battery()
    holes = frame.copy()
    holes.iloc[3, 0] = np.nan
    holes.iloc[7, 2] = np.nan
    component = battery_component(holes)
    assert component.isna().sum() == 2
    kept = battery_component(frame.drop(index=["sub-3", "sub-7"]))
    np.testing.assert_allclose(component.dropna(), kept)


def test_constant_column_is_left_out_and_nothing_is_missing_everywhere():
    frame = battery()
    np.testing.assert_allclose(battery_component(frame.assign(d=4.0)), battery_component(frame))
    assert battery_component(pd.DataFrame({"a": [1.0] * 8, "b": [2.0] * 8})).isna().all()
    assert battery_component(frame.iloc[:2]).isna().all()
    assert battery_component(frame.assign(e=np.nan)).isna().all()


def test_nullable_integers_and_text():
    frame = battery().round().astype("Int64")
    frame.iloc[0, 0] = pd.NA
    assert battery_component(frame).isna().sum() == 1
    with pytest.raises(InputError, match="Name numeric columns"):
        battery_component(pd.DataFrame({"a": ["x", "y", "z"]}))
