"""Every table of OUTPUT_DIR is described: each column has a meaning, and terms have their names of today."""

import pandas as pd

from adhd_cvae.config.identity import RENAMED_TERMS
from adhd_cvae.names import TARGET
from pipelines.output_dir.tables import ANALYSIS, ARRAYS, COHORT, HISTORY, LATENTS, TABLES, headlines


def test_every_column_says_what_it_means():
    for name, table in TABLES.items():
        assert table.columns, name
        assert all(meaning["Description"] for meaning in table.columns.values()), name


def test_groups_and_units_are_described_once_for_all():
    assert TARGET in COHORT.meaning("group")["Levels"]
    assert "salient" in LATENTS.meaning("s_07")["Description"]
    assert LATENTS.meaning("x_00") == {}


def test_the_history_reads_the_terms_of_version_0_1():
    assert HISTORY.renamed["background_salient"] == "salient_of_background"
    assert set(HISTORY.renamed) == set(RENAMED_TERMS)


def test_the_tables_of_the_contract_are_there():
    assert {"rsa", "as_published", "silhouette", "mixture", "umap", "probes", "independence"} <= set(ANALYSIS)
    assert {"draws.npz", "decoded.npz"} <= set(ARRAYS)


def test_headlines_are_of_their_space_alone_and_in_reading_order():
    spaces = ["maps", "background", "salient", "salient"]
    table = pd.DataFrame({"measure": ["dice", "auc", "r", "auc"], "space": spaces})
    assert [(row["measure"], row["space"]) for row in headlines(table)] == [
        ("auc", "salient"),
        ("r", "salient"),
        ("dice", "maps"),
    ]
    assert headlines(None) == []
