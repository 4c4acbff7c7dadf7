"""Every figure that the tables allow, the same bytes twice, and none of an earlier run."""

from pathlib import Path

from adhd_cvae.figures.style import save_figure
from pipelines.output_dir.results import Results
from pipelines.report.figures import plot_figures
from pipelines.report.page import write_report
from pipelines.report.sections import SECTIONS
from tests.pipelines.report.invented_report import cohort_table
from tests.pipelines.whole_tables import write_whole


def test_same_files_give_the_same_page_and_figures(folder: Path, plotted: Path) -> None:
    results = Results(folder)
    pictures = [one for section in SECTIONS for one in section.pictures if one.folder == "figures"]
    for picture in pictures:
        if picture.name in ("rsa", "effect_map", "reconstructions", "umap_salient_variables"):
            (folder / picture.file).unlink()
            figure = picture.plot(results)
            assert figure is not None
            save_figure(figure, folder / picture.file)
        assert (folder / picture.file).read_bytes() == (plotted / picture.file).read_bytes()
    assert write_report(results).read_bytes() == (plotted / "report.html").read_bytes()


def test_a_cohort_alone_gives_its_flow_and_takes_an_earlier_runs_figure_away(tmp_path: Path) -> None:
    write_whole(cohort_table().drop(columns=["site", "age", "sex"]), tmp_path / "cohort.tsv")
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/rsa.svg").write_text("of an earlier run")
    steps: list[tuple[int, int]] = []
    written = plot_figures(Results(tmp_path), lambda done, total: steps.append((done, total)))
    assert [path.stem for path in written] == ["flow"]
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["flow.svg"]
    assert steps[-1] == (len(steps), len(steps))


def test_nothing_is_plotted_of_nothing(tmp_path: Path) -> None:
    assert plot_figures(Results(tmp_path)) == []
