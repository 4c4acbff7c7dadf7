"""Every p-value of the tables is listed once, and chance is counted over tests of participants alone."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.analysis.multiplicity import P_VALUE_COLUMNS, below_alpha, expected_by_chance, p_values

SPACES = ("salient", "background")


@pytest.fixture
def tables():
    rsa = pd.DataFrame({"space": SPACES, "variable": "age", "p_value": [0.01, 0.5], "p_fdr": [0.02, 0.5]})
    rsa["p_partial"] = [0.04, np.nan]
    separation = {
        "space": ["salient", "salient", "supervised"],
        "measure": "auc",
        "site": [None, "NYU", None],
    }
    maps = {"map": ["group", "salient_effect", "adhd_pc1"], "p_value": [0.03, np.nan, 0.6]}
    probes = {"space": SPACES, "target": "sex", "probe": "linear", "p_value": [0.2, 0.9]}
    independence = {"measure": ["hsic", "units"], "space": ["salient and background", "salient"]}
    return {
        "rsa": rsa,
        "as_published": pd.DataFrame({"space": SPACES, "variable": "age", "p_value": 1e-9}),
        "separation": pd.DataFrame({**separation, "p_value": [0.01, np.nan, 0.3]}),
        "group_maps": pd.DataFrame(maps),
        "probes": pd.DataFrame(probes),
        "independence": pd.DataFrame({**independence, "p_value": [0.7, np.nan]}),
        "claims": pd.DataFrame({"claim": ["s is related to age"], "p_fdr": [0.02]}),
    }


def test_each_p_value_is_listed_once_with_family_and_correction(tables):
    table = p_values(tables)
    assert list(table.columns) == P_VALUE_COLUMNS
    assert (
        len(table)
        == sum(int(one["p_value"].notna().sum()) for name, one in tables.items() if name != "claims") + 1
    )
    assert table["family"].unique().tolist() == [
        *(
            "separation",
            "group_maps",
            "rsa",
            "rsa, covariates held constant",
            "probes",
            "independence",
            "as_published",
        )
    ]
    corrections = dict(zip(table["family"], table["correction"], strict=True))
    assert corrections["rsa"] == "FDR"
    assert corrections["group_maps"] == "max-T over voxels"
    assert corrections["separation"] == corrections["probes"] == "none"
    assert table.loc[table["family"] == "rsa", "p_corrected"].tolist() == [0.02, 0.5]
    assert table.loc[table["correction"] == "none", "p_corrected"].isna().all()


def test_a_test_is_named_in_words(tables):
    words = p_values(tables)["test"].tolist()
    assert words[:4] == [
        *("salient s, auc", "supervised, auc"),
        *("any voxel, patients against controls", "any voxel, effect by adhd pc1"),
    ]
    assert "background z, sex, linear" in words
    assert "hsic, salient and background" in words


def test_the_studys_own_p_values_are_listed_and_not_counted(tables):
    table = p_values(tables)
    published = table[table["table"] == "as_published"]
    assert published["note"].str.contains("says nothing about participants").all()
    tests = len(table) - len(published)
    assert expected_by_chance(table) == pytest.approx(0.05 * tests)
    assert below_alpha(table) == 4  # separation, a map, rsa and its partial


def test_chance_finds_as_many_as_expected():
    rng = np.random.default_rng(0)
    rsa = pd.DataFrame({"space": "salient", "variable": "age", "p_value": rng.random(20_000), "p_fdr": 1.0})
    table = p_values({"rsa": rsa})
    assert expected_by_chance(table) == 1000
    assert below_alpha(table) == pytest.approx(1000, abs=4 * np.sqrt(950))


def test_no_table_is_no_test():
    table = p_values({})
    assert list(table.columns) == P_VALUE_COLUMNS
    assert (expected_by_chance(table), below_alpha(table)) == (0, 0)
