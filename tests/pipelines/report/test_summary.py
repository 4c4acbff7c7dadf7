"""The first paragraphs say what the tables say and no more."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.io import read_json, write_json
from pipelines.output_dir.results import Results
from pipelines.report import cautions, summary
from pipelines.report.page import write_report
from pipelines.report.sections import confounding
from tests.pipelines.report.invented_report import Page, cohort_table, rsa_table
from tests.pipelines.whole_tables import write_whole


def test_simulated_cohort_is_no_finding(page: Page, folder: Path) -> None:
    assert "Nothing on this page is a finding about ADHD" in page.text
    assert "severity striatal: 0.81 from salient s, 0.79 from contrastive PCA" in page.text
    assert "were analysed; everybody was held out once, in 5 folds." in page.text
    (folder / "analysis/recovery.tsv").unlink()
    (folder / "figures/recovery.svg").unlink()
    text = Page(write_report(Results(folder)).read_text(encoding="utf-8")).text
    assert "Simulated" not in text
    assert "This cohort is simulated" not in text


def test_three_answers_come_first_and_tests_are_counted(plotted: Path) -> None:
    apart, maps, confounds = summary.answers(Results(plotted))
    assert apart.startswith("Patients are not told from controls")
    assert maps.startswith("On the maps 430 of 704 voxels differ between patients and controls")
    assert maps.endswith("where they do most, patients have more gray matter.")
    assert confounds.startswith("1 of 2 sites have both groups, and 50 of 60 participants are there.")
    assert "Site, age and sex alone reach an AUC of 0.58" in confounds
    assert "30 patients and 30 controls" in summary.cohort(Results(plotted))
    assert summary.more(Results(plotted))[0].startswith("17 p-values in 1 family")


def test_what_the_maps_say_depends_on_what_was_tested(folder: Path) -> None:
    def maps(**changes: object) -> str:
        write_whole(tests.assign(**changes), folder / "analysis/group_maps.tsv")
        return summary.answers(Results(folder))[1]

    tests = pd.read_csv(folder / "analysis/group_maps.tsv", sep="\t", na_values="n/a", keep_default_na=False)
    assert maps(significant=0).startswith("On the maps no voxel of 704 differs")
    assert maps(largest=-4.0).endswith("patients have less gray matter.")
    unasked = maps(p_value=np.nan, note="one group at every site")
    assert unasked.startswith(
        "Patients and controls were not compared voxel by voxel: one group at every site."
    )
    assert unasked.endswith("The model draws a difference, which no test bears out.")
    (folder / "analysis/group_maps.tsv").unlink()
    assert (
        summary.answers(Results(folder))[1]
        == "Where in the brain is not known: there are no maps, only codes."
    )


def test_what_the_confounds_allow_depends_on_the_sites(folder: Path) -> None:
    cohort = cohort_table()
    said = []
    for site in (np.where(cohort["group"] == "target", 5, 7), 5, np.arange(60) // 2 % 3):
        write_whole(cohort.assign(site=site), folder / "cohort.tsv")
        said.append(confounding.summary(Results(folder)))
    assert said[0].startswith("No site has both groups")
    assert said[1].startswith("There is one site only")
    assert said[2].startswith("All 3 sites have both groups. Cramér's V of site and group is 0.00")


@pytest.mark.parametrize(("group", "word"), [("target", "patients"), ("background", "controls")])
def test_one_group_alone_is_compared_with_nobody(tmp_path: Path, group: str, word: str) -> None:
    write_whole(cohort_table().assign(group=group), tmp_path / "cohort.tsv")
    assert summary.answers(Results(tmp_path)) == [f"There are {word} only, so that nothing is compared here."]
    assert summary.more(Results(tmp_path)) == cautions.warnings(Results(tmp_path)) == []
    assert summary.cohort(Results(tmp_path)).startswith(f"60 {word} from 2 sites")


def test_the_studys_words_are_there_for_its_data_or_recipe_alone(folder: Path) -> None:
    def page(*, of_its_data: bool, recipe: str) -> str:
        cohort = (
            cohort_table() if of_its_data else cohort_table().drop(columns=["adhd_index", "adhd_measure"])
        )
        write_whole(cohort, folder / "cohort.tsv")
        run = read_json(folder / "run.json")
        run["recipe"]["name"] = recipe
        run["recipe"]["analysis"]["batteries"] = {}
        write_json(run, folder / "run.json")
        return Page(write_report(Results(folder)).read_text(encoding="utf-8")).text

    rsa = rsa_table()
    write_whole(pd.DataFrame(rsa[rsa["variable"] != "adhd_index"]), folder / "analysis/rsa.tsv")
    neutral = page(of_its_data=False, recipe="my_lab")
    for word in ("ADHD-200", "study's own statistic", "as published", "ADHD or about", "BrainHack"):
        assert word not in neutral, word
        assert word in page(of_its_data=True, recipe="my_lab"), word
        assert word in page(of_its_data=False, recipe="as-published"), word
