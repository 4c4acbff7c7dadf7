"""What site, age and sex share with the group, in sentences and tables."""

import re
from pathlib import Path

import pandas as pd
import pytest

from adhd_cvae.io import read_tsv, write_tsv
from pipelines.output_dir.results import Results
from pipelines.report.sections.confounding import (
    _differences_table,
    age_sentence,
    association_sentence,
    contrasts,
    sex_sentence,
    site_sentences,
    terminal_lines,
)
from tests.pipelines.report.invented_report import Page


def counts(**sites: tuple[int, int]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(sites, orient="index", columns=["target", "background"])


def test_a_site_of_one_group_is_named_with_what_it_means():
    sentences = site_sentences(counts(A=(10, 10), B=(0, 7)))
    assert sentences == [
        "B has controls only (7 participants): patients against controls is not identified there, and what it "
        "adds to any contrast of the groups cannot be told from a difference between scanners."
    ]


def test_several_sites_of_one_group_and_both_groups():
    sentences = site_sentences(counts(A=(10, 10), B=(0, 7), C=(0, 1), D=(1, 0)))
    assert sentences[0].startswith("D has patients only (1 participant): ")
    assert sentences[1].startswith("B and C have controls only (8 participants): ")
    assert "what they add" in sentences[1]


def test_sites_that_share_no_group():
    assert site_sentences(counts(A=(10, 0), B=(0, 7)))[0].startswith("No site has both groups")


def test_most_at_sites_of_one_group():
    sentences = site_sentences(counts(A=(8, 7), B=(0, 20)))
    assert sentences[-1] == (
        "57 % of the participants are at sites of one group: the contrast of the groups is not identified for most of "
        "the cohort, and rests on the others (15 participants)."
    )
    assert len(site_sentences(counts(A=(10, 10), B=(0, 20)))) == 1


def test_few_in_the_smaller_group():
    sentences = site_sentences(counts(A=(10, 10), B=(4, 70)))
    assert sentences == ["Hardly identified, with fewer than five in the smaller group: B (4)."]


def test_nothing_to_beware_of():
    assert site_sentences(counts(A=(10, 10), B=(5, 70))) == [
        "Every site has at least five participants of each group."
    ]
    assert "one site only" in site_sentences(counts(A=(10, 10)))[0]
    assert site_sentences(counts()) == []


@pytest.mark.parametrize(
    ("value", "word"),
    [(0.0, "hardly"), (0.2, "weakly"), (0.41, "clearly"), (0.5, "strongly"), (1.0, "strongly")],
)
def test_cramers_v_is_read(value, word):
    assert f"{value:.2f}" in (association_sentence(value) or "")
    assert f"{word} related" in (association_sentence(value) or "")


def test_no_association_without_two_sites():
    assert association_sentence(float("nan")) is None


def test_older_and_younger_patients():
    assert age_sentence(0.3) == (
        "Patients are older than controls by 0.30 standard deviations; differences between groups are partly "
        "differences of age."
    )
    assert "younger" in (age_sentence(-0.9) or "")
    assert age_sentence(0.2) is None
    assert age_sentence(float("nan")) is None


def test_sexes_that_differ():
    sentence = sex_sentence("male", (0.79, 0.53), 0.57)
    assert sentence is not None
    assert sentence.startswith("Sex differs by group: 79 % of patients and 53 % of controls are male")
    assert sex_sentence("male", (0.5, 0.52), -0.04) is None
    # No spread within either group: the difference has no number, and could not be larger.
    assert "100 % of patients and 0 %" in (sex_sentence("male", (1.0, 0.0), float("nan")) or "")


def test_site_of_one_group_is_not_identified(page: Page) -> None:
    assert (
        "WashU has controls only (10 participants): patients against controls is not identified" in page.text
    )


def test_code_without_words_is_named_by_its_column(folder: Path) -> None:
    (folder / "cohort.json").unlink()
    assert contrasts(Results(folder))[0].startswith("site 7 has controls only")


def test_age_sex_and_missing_values_are_shown_by_group(page: Page) -> None:
    assert "ADHD Index 10 of 30 10 of 30" in page.text
    assert re.search(r"age \d+\.\d \(\d\.\d\) \d+\.\d \(\d\.\d\) −?\d\.\d\d", page.text)
    assert re.search(r"sex: male \d+ \(\d+ %\) \d+ \(\d+ %\) −?\d\.\d\d", page.text)


def test_head_size_and_quality_are_shown_with_the_decimals_they_need(folder: Path) -> None:
    table = read_tsv(folder / "cohort.tsv")
    motion = [0.1, 0.1, 0.12, 0.12] * len(table)
    write_tsv(
        table.assign(tiv=range(1000, 1000 + len(table)), mriqc_fd_mean=motion[: len(table)]),
        folder / "cohort.tsv",
    )
    lines = "\n".join(terminal_lines(Results(folder)))
    assert re.search(r"head size \(ml\) +10\d\d\.\d \(\d+\.\d\)", lines)
    shown = _differences_table(Results(folder))
    assert shown is not None
    (row,) = [row for row in shown.blocks[""] if row[0] == "mean framewise displacement (mm)"]
    assert row[1] == "0.110 (0.010)"


def test_a_terminal_gets_the_tables_and_the_sentences(plotted: Path) -> None:
    lines = terminal_lines(Results(plotted))
    assert all(len(line) < 80 for line in lines)
    assert "Missing values  patients  controls" in lines
    assert "ADHD Index      10 of 30  10 of 30" in lines
    assert lines[lines.index("What this means for the analysis") + 1].startswith("- WashU has controls only")
