"""Whether patients are told from controls: what the first sentence says, and what it may not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.analysis.separation import UNIDENTIFIED
from pipelines.output_dir.results import Results
from pipelines.report.sections import separation
from tests.pipelines.report.invented_report import separation_table
from tests.pipelines.whole_tables import write_whole

SECTION = separation.SECTION


def of(folder: Path, table: pd.DataFrame) -> Results:
    write_whole(table, folder / "analysis/separation.tsv")
    return Results(folder)


def test_a_null_result_is_the_verdict_and_says_what_everything_reaches(folder: Path) -> None:
    first = separation.summary(of(folder, separation_table(p=0.31))) or ""
    assert first.startswith(
        "Patients are not told from controls: by the salient codes s of models that have not met them, the AUC is "
        "0.53 (95 % interval 0.44 to 0.62 with the models as they are), where 0.5 is a coin and groups permuted within "
        "site give 0.51 (p 0.310). "
        "That is no proof"
    )
    assert "leak" not in first
    results = Results(folder)
    said = (SECTION.sentences(results) or [])[0]
    for text in (said, separation.beside_covariates(results) or ""):
        assert "Site, age and sex alone reach an AUC of 0.58 (permuted 0.51, p 0.310)" in text
        assert "less what site, age and sex say of it, s reaches 0.50 (permuted 0.51, p 0.310)." in text
    assert "(ridge logistic regression on the same maps) reaches 0.55" in said
    assert "no score of one participant says whether they are a patient" in said


def test_a_difference_is_the_verdict_and_a_z_that_knows_it_a_leak(folder: Path) -> None:
    results = of(folder, separation_table(p=0.005))
    first = separation.summary(results) or ""
    assert first.startswith("Patients are told from controls: ")
    assert first.endswith("The background code z, which should not, tells them too.")
    assert "tells them too (AUC 0.53, p 0.005): a leak" in " ".join(SECTION.sentences(results) or [])


def test_the_largest_of_twenty_values_counts_as_found_as_it_does_in_sensitivity(folder: Path) -> None:
    first = separation.summary(of(folder, separation_table(p=1 / 20))) or ""
    assert first.startswith("Patients are told from controls: ")


def test_a_z_that_does_not_know_the_groups_is_no_leak(folder: Path) -> None:
    paragraphs = SECTION.sentences(of(folder, separation_table(p=0.31))) or []
    assert (
        "The background code z does not tell the groups (AUC 0.53, p 0.310): no leak was found." in paragraphs
    )
    assert (
        paragraphs[-1] == "No p-value: supervised classifier. They are not fitted again to permuted groups."
    )


def test_of_networks_the_linear_models_carry_the_test(folder: Path) -> None:
    table = separation_table(p=0.02)
    deep = table[table["space"].isin(["salient", "background"])].assign(p_value=np.nan, value=0.61)
    table["space"] = table["space"].replace({"salient": "linear_salient", "background": "linear_background"})
    results = of(folder, pd.concat([deep, table]))
    first = separation.summary(results) or ""
    assert first.startswith("Patients are told from controls: by the salient codes s of linear models that")
    assert "so their codes have no p of their own: their s reaches an AUC of 0.61" in first
    without = (SECTION.sentences(results) or [])[-1]
    assert without.startswith("No p-value: salient s, background z and supervised classifier.")


def test_codes_without_refits_are_untested(folder: Path) -> None:
    first = separation.summary(of(folder, separation_table(p=np.nan))) or ""
    assert first.startswith(
        "Whether patients are told from controls was not tested: s reaches an AUC of 0.53"
    )
    assert "fitted again, each time" not in " ".join(SECTION.sentences(Results(folder)) or [])


def test_sites_of_one_group_leave_the_question_open(folder: Path) -> None:
    table = separation_table(p=np.nan).assign(note=f"no p-value: {UNIDENTIFIED}")
    first = separation.summary(of(folder, table)) or ""
    assert first.startswith(
        "Whether patients are told from controls cannot be answered: each site has one group only"
    )
    assert "not told from controls" not in first
    assert "No p-value" not in " ".join(SECTION.sentences(Results(folder)) or [])


def test_codes_without_folds_are_in_sample_or_unknown(folder: Path) -> None:
    table = pd.DataFrame({"space": ["salient"], "measure": "auc", "in_sample": 1.0, "n": 60})
    results = of(folder, table)
    assert "in sample or unknown" in (separation.summary(results) or "")
    (paragraph,) = SECTION.sentences(results) or []
    assert "in sample or unknown" in paragraph
    shown = [made for make in SECTION.tables if (made := make(results)) is not None]
    assert len(shown) == 1
    assert shown[0].caption.startswith("In sample or unknown")
    assert shown[0].blocks[""] == [["salient s", "1.00"]]


def test_tables_show_everybody_then_optimism_then_sites_folded(folder: Path) -> None:
    results = of(folder, separation_table(p=0.31))
    everybody, optimism, sites = (make(results) for make in SECTION.tables)
    assert everybody is not None
    assert everybody.blocks[""][0] == [
        *("salient s", "0.53 (0.44 to 0.62)", "0.51", "0.310", "0.52 (0.44 to 0.62)", "0.310"),
        *("0.50 (0.44 to 0.62)", "0.51", "0.310"),
    ]
    assert sum(size for _, size in everybody.spans) == len(everybody.columns)
    assert optimism is not None
    assert optimism.blocks[""] == [["salient s", "1.00", "0.53"]]
    assert "salient s has an AUC of 1.00 in sample and of 0.53 out of fold" in optimism.caption
    assert sites is not None
    assert [table.title for table in (everybody, optimism, sites)] == [
        "Every measure, by space",
        "In sample beside out of fold",
        "Site by site",
    ]
    assert [row[0] for row in sites.blocks["salient s"]][1] == "WashU"


def test_scores_are_plotted_by_each_folds_own_discriminant(folder: Path) -> None:
    picture = SECTION.pictures[0]
    figure = picture.plot(Results(folder))
    assert figure is not None
    assert len(figure.axes[0].get_yticks()) == 5
    (folder / "out_of_fold.npz").unlink()
    assert picture.plot(Results(folder)) is None


@pytest.mark.parametrize("make", SECTION.tables)
def test_without_the_table_there_is_nothing(tmp_path: Path, make) -> None:
    assert make(Results(tmp_path)) is None
    assert not separation.summary(Results(tmp_path))
