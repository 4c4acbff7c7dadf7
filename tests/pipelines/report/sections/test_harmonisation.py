"""What maps and codes hold of site and covariates, and what was done, in sentences."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.io import read_json, read_tsv, write_json
from pipelines.output_dir.results import Results
from pipelines.report.sections.harmonisation import SECTION
from tests.pipelines.report.invented_report import HOSTILE
from tests.pipelines.whole_tables import write_whole


def text_of(folder: Path) -> str:
    return "\n".join(SECTION.sentences(Results(folder)) or [])


def with_settings(folder: Path, **cohort: object) -> None:
    run = read_json(folder / "run.json")
    run["recipe"]["cohort"] |= cohort
    write_json(run, folder / "run.json")


def test_site_is_above_chance_or_not_in_each_group(folder: Path) -> None:
    text = text_of(folder)
    assert "Nothing was taken from the maps" in text
    assert (
        "Site read from the salient codes s: above chance in patients (patients 0.60, 95 % of chance below 0.55; "
        "controls 0.50, 95 % of chance below 0.55)." in text
    )
    assert "of the folds' linear models" not in text


def test_before_and_after_are_named(folder: Path) -> None:
    table = read_tsv(folder / "analysis/harmonisation.tsv")
    after = table.assign(stage="after", score=np.where(table["target"] == "site", 0.4, 0.3))
    write_whole(pd.concat([table, after]), folder / "analysis/harmonisation.tsv")
    with_settings(folder, harmonise="combat")
    text = text_of(folder)
    assert "(ComBat)" in text
    assert "Effects of age and sex were kept." in text
    assert "before, above chance in patients (" in text
    assert "; after, not above chance (patients 0.40, " in text
    with_settings(folder, harmonise="none", residualise=True, covariates=["age"])
    text = text_of(folder)
    assert "ComBat" not in text
    assert text.startswith("Effects of age, as the participants outside of each fold showed them")


def test_sites_that_are_too_small_or_of_one_group_are_named(folder: Path) -> None:
    with_settings(folder, harmonise="combat")
    assert "With one group only (WashU) what is taken" in text_of(folder)
    assert "average site" not in text_of(folder)
    # WashU has 10 participants, 2 of them in each fold.
    with_settings(folder, harmonise="combat", smallest_site=9)
    text = text_of(folder)
    assert "Fewer than 9 participants outside of a fold, and so taken for the average site: WashU." in text
    assert "With one group only" not in text


def test_what_was_not_tested_and_networks_of_folds(folder: Path) -> None:
    table = read_tsv(folder / "analysis/harmonisation.tsv")
    table = pd.concat([table, table.assign(stage="after", score=np.nan, null_p95=np.nan)])
    write_whole(table, folder / "analysis/harmonisation.tsv")
    arrays = dict(np.load(folder / "out_of_fold.npz"))
    np.savez(folder / "out_of_fold.npz", allow_pickle=False, **(arrays | {"linear": np.array(False)}))
    assert "after, not tested" in text_of(folder)
    assert "those of the folds' linear models" in text_of(folder)


def test_sites_that_are_folds_are_named_as_a_reason(folder: Path) -> None:
    assert "by models of its own" not in text_of(folder)
    with_settings(folder, folds="leave_site_out")
    assert "Each site is held out by models of its own" in text_of(folder)


def test_the_table_names_groups_by_their_members(folder: Path) -> None:
    (shown,) = (make(Results(folder)) for make in SECTION.tables)
    assert shown is not None
    assert shown.columns[:3] == ("target", "stage", "of")
    assert shown.blocks["salient s"][0][:4] == ["site", "before", "patients", "balanced accuracy"]
    assert HOSTILE in shown.blocks["salient s"][0]


@pytest.mark.parametrize("column", ["site", None])
def test_without_a_site_nothing_is_said_of_it(folder: Path, column: str | None) -> None:
    with_settings(folder, site=column)
    assert ("Site read from" in text_of(folder)) == (column is not None)
