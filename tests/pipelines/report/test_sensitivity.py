"""Pictures of their own folder, the page again where there is one, and the words of its section."""

from pathlib import Path

from pipelines.output_dir.results import Results
from pipelines.report.sensitivity import show
from tests.pipelines.report.invented_report import HOSTILE, Page
from tests.pipelines.report.invented_sensitivity import write_sensitivity


def test_the_page_shows_it_and_the_cohorts_own_pictures_stay(folder: Path) -> None:
    before = {path: path.read_bytes() for path in (folder / "figures").iterdir()}
    write_sensitivity(folder, notes=[HOSTILE])
    told = show(Results(folder))
    assert {path.name for path in (folder / "sensitivity/figures").iterdir()} == {
        "power.svg",
        "false_positives.svg",
    }
    assert {path: path.read_bytes() for path in (folder / "figures").iterdir()} == before
    raw = (folder / "report.html").read_text(encoding="utf-8")
    page = Page(raw)
    assert HOSTILE not in raw
    assert [one.get("href") for one in page.all("a")].count("#sensitivity") == 2
    assert told[0] in page.text
    assert "How often a known effect is found." in page.text
    first = page.text.index("in the striatum would have been found in 35 %")
    assert first < page.text.rindex("What could this cohort have shown?")


def test_a_folder_of_its_own_gets_pictures_and_no_page(tmp_path: Path) -> None:
    write_sensitivity(tmp_path)
    assert show(Results(tmp_path))
    assert (tmp_path / "sensitivity/figures/power.svg").is_file()
    assert not (tmp_path / "report.html").exists()
