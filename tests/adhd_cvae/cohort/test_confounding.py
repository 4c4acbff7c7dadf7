import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats.contingency import association

from adhd_cvae.cohort.confounding import (
    CONFOUNDING_COLUMNS,
    compare_groups,
    confounding_table,
    cramers_v,
    described,
    missing_counts,
    site_counts,
)
from adhd_cvae.io import read_tsv, write_tsv
from pipelines.output_dir.tables import CONFOUNDING


def invented() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{one}" for one in range(8)],
            "group": ["target"] * 3 + ["background"] * 5,
            "site": pd.array([1, 1, 2, 1, 2, 2, 3, None], dtype="Int64"),
            "age": [10.0, 12.0, 14.0, 9.0, 10.0, 11.0, 12.0, np.nan],
            "sex": pd.array([1, 1, None, 0, 0, 1, 1, 0], dtype="Int64"),
            "iq": [100.0, np.nan, np.nan, 90, 110, 120, 130, 100],
            "words": ["a", "b", "a", "b", "a", "a", "a", "a"],
        }
    )


def value(table: pd.DataFrame, statistic: str, variable: str, group: str | None, level: object = None):
    found = table[(table["statistic"] == statistic) & (table["variable"] == variable)]
    found = found[found["group"].isna() if group is None else found["group"] == group]
    found = found[found["level"].isna() if level is None else found["level"] == level]
    assert len(found) == 1
    return found["value"].item()


def test_sites_are_counted_by_group():
    counts = site_counts(invented(), "site")
    assert counts.to_dict() == {"target": {1: 2, 2: 1, 3: 0}, "background": {1: 1, 2: 2, 3: 1}}


def test_a_group_nobody_belongs_to_is_counted_too():
    patients = invented().head(3)
    assert site_counts(patients, "site")["background"].tolist() == [0, 0]


def test_cramers_v_from_nothing_to_everything():
    assert cramers_v(pd.DataFrame({"target": [20, 40], "background": [30, 60]})) == 0
    assert cramers_v(pd.DataFrame({"target": [50, 0], "background": [0, 60]})) == pytest.approx(1)
    assert math.isnan(cramers_v(pd.DataFrame({"target": [50], "background": [60]})))
    assert math.isnan(cramers_v(pd.DataFrame({"target": [50, 10], "background": [0, 0]})))


def test_cramers_v_is_that_of_scipy_where_chance_gives_nothing():
    counts = pd.DataFrame({"target": [4000, 3000, 100], "background": [1000, 3000, 5000]})
    assert cramers_v(counts) == pytest.approx(association(counts.to_numpy(), "cramer"), abs=1e-3)


def test_chance_alone_does_not_look_like_an_association():
    rng = np.random.default_rng(0)
    drawn = [
        cramers_v(pd.DataFrame({"target": rng.poisson(5, 8) + 1, "background": rng.poisson(5, 8) + 1}))
        for _ in range(200)
    ]
    assert np.mean(drawn) < 0.12


def test_groups_are_compared_by_hand_computed_numbers():
    table = compare_groups(invented(), {"age": "ratio", "sex": "nominal"})
    assert tuple(table.columns) == CONFOUNDING_COLUMNS
    assert value(table, "mean", "age", "target") == 12
    assert value(table, "mean", "age", "background") == 10.5
    assert value(table, "sd", "age", "target") == 2
    spread = math.sqrt((4 + np.var([9, 10, 11, 12], ddof=1)) / 2)
    assert value(table, "difference", "age", None) == pytest.approx(1.5 / spread)
    assert value(table, "count", "sex", "background", 1) == 2
    assert value(table, "share", "sex", "background", 1) == pytest.approx(0.4)
    assert value(table, "share", "sex", "target", 0) == 0
    assert value(table, "difference", "sex", None, 1) == pytest.approx(0.6 / math.sqrt(0.24 / 2))


def test_what_does_not_vary_or_is_not_known_has_no_difference():
    cohort = invented().assign(age=10.0, iq=[np.nan] * 3 + [90.0] * 5)
    table = compare_groups(cohort, {"age": "ratio", "iq": "ratio"})
    assert math.isnan(value(table, "difference", "age", None))
    assert math.isnan(value(table, "mean", "iq", "target"))


def test_variables_are_age_sex_and_what_is_analysed_without_the_site():
    asked = {"iq": "ratio", "site": "nominal", "gone": "ratio", "words": "ratio"}
    assert described(invented(), asked, "site") == {"age": "ratio", "sex": "nominal", "iq": "ratio"}
    assert described(invented(), {"words": "nominal"}, None)["words"] == "nominal"


def test_head_size_and_the_quality_of_scans_are_compared_by_name():
    cohort = invented().assign(tiv=range(8), fd_mean=0.1, quality_iqr="none", qc_rest_1=[1, 0] * 4)
    names = described(cohort, {"iq": "ratio"}, "site")
    assert list(names) == ["age", "sex", "tiv", "iq", "fd_mean", "qc_rest_1"]
    assert described(cohort, {"qc_rest_1": "ratio"}, None)["qc_rest_1"] == "ratio"
    table = confounding_table(cohort, "site", {})
    assert value(table, "share", "qc_rest_1", "target", 1) == pytest.approx(2 / 3)
    assert value(table, "mean", "tiv", "background") == 5


def test_missing_values_are_counted_by_group():
    counts = missing_counts(invented(), ["age", "sex", "iq"])
    assert counts.to_dict("index") == {
        "age": {"target": 0, "background": 1},
        "sex": {"target": 1, "background": 0},
        "iq": {"target": 2, "background": 0},
    }


def test_the_tidy_table_holds_all_of_it_and_nobody(tmp_path):
    table = confounding_table(invented(), "site", {"iq": "ratio"})
    write_tsv(table, tmp_path / "confounding.tsv")
    text = (tmp_path / "confounding.tsv").read_text()
    assert "sub-" not in text
    assert "count\tsite\t3\tbackground\t4\t1\n" in text
    described = CONFOUNDING.columns
    assert list(read_tsv(tmp_path / "confounding.tsv")) == list(described)
    assert set(table["statistic"]) == set(described["statistic"]["Levels"])
    assert value(table, "missing", "iq", "target") == 2
    assert not {"image", "group", "participant_id"} & set(table["variable"])


def test_a_cohort_without_site_has_no_association():
    table = confounding_table(invented().drop(columns="site"), None, {})
    assert "cramers_v" not in set(table["statistic"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["target", "background"]),
            st.sampled_from([1, 2, 3, None]),
            st.one_of(st.none(), st.floats(-1e6, 1e6)),
            st.sampled_from(["a", "b", None]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_any_cohort_can_be_described(rows):
    cohort = pd.DataFrame(rows, columns=["group", "site", "age", "sex"]).astype(
        {"site": "Int64", "age": float}
    )
    table = confounding_table(cohort, "site", {})
    for group, part in cohort.groupby("group"):
        assert value(table, "missing", "age", str(group)) == part["age"].isna().sum()
        counts = table[
            (table["statistic"] == "count") & (table["variable"] == "site") & (table["group"] == group)
        ]
        assert counts["value"].sum() == part["site"].notna().sum()
