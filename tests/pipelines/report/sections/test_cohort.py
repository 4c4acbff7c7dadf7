"""Who was analysed and left out, in numbers."""

from pathlib import Path

from adhd_cvae.io import read_tsv
from pipelines.output_dir.results import Results
from pipelines.report.sections import cohort
from pipelines.report.sections.cohort import count_left_out
from tests.pipelines.report.invented_report import Page, cohort_table
from tests.pipelines.whole_tables import write_whole


def test_left_out_counts_a_participant_once_and_none_that_was_kept(folder: Path) -> None:
    extra = read_tsv(folder / "exclusions.tsv")
    extra.loc[len(extra)] = ["sub-77001", "prepare", "second_map", ""]
    write_whole(extra, folder / "exclusions.tsv")
    assert count_left_out(Results(folder)) == 1


def test_groups_and_reasons_are_counted(page: Page) -> None:
    assert "participants 30 30  held out in each of 5 folds 6 6" in page.text
    assert "no map prepare 1" in page.text


def test_folds_of_others_or_none_are_not_spoken_of(folder: Path) -> None:
    write_whole(read_tsv(folder / "folds.tsv").iloc[1:], folder / "folds.tsv")
    of_groups, _ = cohort.SECTION.tables
    for _ in range(2):
        table = of_groups(Results(folder))
        assert table is not None
        assert [row[0] for row in table.blocks[""]] == ["participants"]
        (folder / "folds.tsv").unlink(missing_ok=True)


def test_age_and_sex_need_values_of_both(tmp_path: Path) -> None:
    write_whole(cohort_table().assign(sex=None), tmp_path / "cohort.tsv")
    picture = next(picture for picture in cohort.SECTION.pictures if picture.name == "age_sex")
    assert picture.plot(Results(tmp_path)) is None
