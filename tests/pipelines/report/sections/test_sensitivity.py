"""What a cohort could have shown, in words: as the tables have it, with every limit named."""

from pathlib import Path

import pandas as pd
import pytest

from adhd_cvae.io import remove, write_json
from pipelines.output_dir.results import Results
from pipelines.report.sections import sensitivity
from tests.pipelines.report.invented_sensitivity import (
    NOTE,
    facts,
    false_positives_table,
    power_table,
    smallest_table,
    write_sensitivity,
)
from tests.pipelines.whole_tables import write_whole


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    write_sensitivity(tmp_path)
    return tmp_path


def text_of(folder: Path) -> str:
    return "\n".join(sensitivity.paragraphs(Results(folder)))


def test_an_effect_is_quoted_with_and_without_the_reference_and_the_extrapolation_named(asked: Path) -> None:
    text = text_of(asked)
    assert text.startswith(
        "An effect of d = 0.5 in the striatum would have been found in 35 % of cohorts like yours (280 participants; "
        "extrapolated), in 70 % with the reference you named; one in the amygdala in 18 %, in "
        "35 % with it."
    )
    assert "cohorts of at most 140 participants can be made" in text
    assert "in 18 % (7 to 28 %) of them, in 35 % (25 to 45 %) with it." in text
    assert "d = 0.50 (0.40 to 0.70) in the striatum, with the reference 0.40 (0.30 to 0.60);" in text
    assert "larger than any planted (1.2) in the amygdala, with the reference 0.40 (0.30 to 0.60)." in text
    assert "The reference: pool (482 participants)." in text
    assert "within this sample: the cohorts share the same 140 controls" in text
    assert text.endswith(NOTE)
    assert "--quick" not in text
    assert sensitivity.summary(Results(asked)) in text


def test_without_a_reference_of_the_cohorts_own_size_nothing_more_is_said(tmp_path: Path) -> None:
    write_sensitivity(tmp_path, references=[], lent=0, n=140, patients=70, quick=True)
    write_whole(power_table(lent=(0,), sizes=(140,)), tmp_path / "sensitivity/power.tsv")
    text = text_of(tmp_path)
    assert "in 18 % (7 to 28 %) of cohorts like yours (140 participants)." not in text
    assert "of cohorts like yours (140 participants); one in the amygdala in 9 %" in text
    assert "--quick" in text
    for absent in ("extrapol", "The reference", "with it"):
        assert absent not in text


def test_cohorts_smaller_than_the_own_are_called_so(tmp_path: Path) -> None:
    write_sensitivity(tmp_path)
    write_whole(power_table(sizes=(70, 140)), tmp_path / "sensitivity/power.tsv")
    assert "of cohorts of 140 participants, 70 of them patients (yours has 280), in" in text_of(tmp_path)


def test_groups_alone_carry_the_size_of_the_cohorts(asked: Path) -> None:
    table = power_table()
    write_whole(pd.DataFrame(table[table["measure"] != "r"]), asked / "sensitivity/power.tsv")
    found = "Patients would have been told from controls in 35 % of cohorts like yours (280 participants"
    assert found in text_of(asked)
    assert found in sensitivity.summary(Results(asked))


@pytest.mark.parametrize(("share", "verdict"), [(0.065, "no interval lies above that"), (0.3, "(30 %)")])
def test_tests_that_find_what_is_not_there_are_named(asked: Path, share: float, verdict: str) -> None:
    write_whole(false_positives_table(share), asked / "sensitivity/false_positives.tsv")
    text = text_of(asked)
    assert verdict in text
    assert ("above that lie salient auc" in text) == (share > 0.1)
    assert f"in 2 to {100 * share:.0f} % of cohorts (3 tests)" in text


def test_an_interval_that_reaches_beyond_what_was_planted_is_called_so(asked: Path) -> None:
    write_whole(smallest_table().assign(ci_high=None), asked / "sensitivity/smallest.tsv")
    assert "d = 0.50 (0.40 to more than was planted) in the striatum" in text_of(asked)


def test_tables_have_every_effect_and_say_what_was_made(asked: Path) -> None:
    made, power, smallest, false = (make(Results(asked)) for make in sensitivity.SECTION.tables)
    assert made is not None
    assert made.blocks[""] == [
        ["your cohort", "280", "140"],
        ["largest cohort made of its 140 controls", "140", "70"],
        ["lent by pool", "482", "0"],
    ]
    assert power is not None
    assert power.columns == ("test", "d = 0.2", "d = 0.5", "d = 1.2")
    assert power.blocks["140 participants, own controls alone"][1][:3] == [
        "Severity of striatum",
        "7 (0 to 17)",
        "18 (7 to 28)",
    ]
    assert list(power.blocks)[-1] == "280 participants, with the reference, extrapolated"
    assert smallest is not None
    assert smallest.blocks["own controls alone"][2][:3] == ["Severity of striatum", "140", "0.70"]
    assert false is not None
    assert false.blocks["own controls alone"][0] == ["salient auc", "6.5", "4.5", "10.5", "200"]


def test_where_nothing_could_be_asked_the_notes_say_why(asked: Path) -> None:
    for name in ("power", "smallest", "false_positives"):
        remove(asked / f"sensitivity/{name}.tsv")
    write_json(facts(controls=12, notes=["fewer than 40 controls."]), asked / "sensitivity/sensitivity.json")
    assert text_of(asked).endswith("fewer than 40 controls.")
    assert "would have been" not in text_of(asked)
    made, *others = (make(Results(asked)) for make in sensitivity.SECTION.tables)
    assert made is not None
    assert others == [None] * 3
    assert [picture.plot(Results(asked)) for picture in sensitivity.SECTION.pictures] == [None, None]


def test_a_page_that_never_asked_points_to_the_verb(folder: Path, tmp_path: Path) -> None:
    assert "adhd-cvae sensitivity BIDS_DIR OUTPUT_DIR " in sensitivity.summary(Results(folder))
    assert sensitivity.paragraphs(Results(folder)) == []
    assert [make(Results(folder)) for make in sensitivity.SECTION.tables] == [None] * 4
    assert sensitivity.summary(Results(tmp_path / "empty")) == ""
