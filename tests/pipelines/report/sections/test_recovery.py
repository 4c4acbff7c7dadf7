"""How well planted factors come back."""

from pathlib import Path

import numpy as np

from adhd_cvae.io import read_tsv
from pipelines.output_dir.results import Results
from pipelines.report.sections import recovery
from tests.pipelines.whole_tables import write_whole


def test_scores_are_given_by_factor_and_space(folder: Path) -> None:
    results = Results(folder)
    assert "in patients, out of fold (correlation r)" in recovery.summary(results)
    assert "severity striatal: 0.81 from salient s, 0.79 from contrastive PCA" in recovery.summary(results)
    table = recovery.SECTION.tables[0](results)
    assert table is not None
    assert table.columns == ("factor", "codes", "metric", "salient s", "contrastive PCA")
    assert table.blocks == {"": [["severity striatal", "out of fold", "r", "0.81", "0.79"]]}


def test_scores_that_could_not_be_taken_are_no_zero(folder: Path) -> None:
    table = read_tsv(folder / "analysis/recovery.tsv").assign(score=np.nan)
    write_whole(table, folder / "analysis/recovery.tsv")
    assert "could not be scored" in recovery.summary(Results(folder))


def test_a_cohort_that_was_not_simulated_has_no_sentence(tmp_path: Path) -> None:
    assert recovery.summary(Results(tmp_path)) is None
