"""The page stands alone, shows nobody, and leaves out what has no files."""

import base64
import hashlib
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from adhd_cvae.errors import InputError
from pipelines.output_dir.results import Results
from pipelines.report.page import write_report
from pipelines.report.sections import SECTIONS
from pipelines.report.sections.confounding import sizes_table
from tests.pipelines.report.invented_report import HOSTILE, Page, cohort_table
from tests.pipelines.whole_tables import write_whole


def test_every_picture_is_plotted_and_shown_in_its_section(plotted: Path, page: Page) -> None:
    pictures = [one for section in SECTIONS for one in section.pictures if one.folder == "figures"]
    assert {f"figures/{path.name}" for path in (plotted / "figures").iterdir()} == {
        picture.file for picture in pictures
    }
    shown = [image["alt"] for image in page.all("img")]
    (lead,) = [picture.alt for picture in pictures if picture.name == "group_test"]
    assert shown[0] == lead
    assert shown[1:] == [picture.alt for picture in pictures if picture.alt != lead]


def test_without_a_group_map_the_models_own_difference_comes_first(folder: Path) -> None:
    alt = {picture.name: picture.alt for section in SECTIONS for picture in section.pictures}
    for name in ("group_test", "effect_map"):
        (folder / f"figures/{name}.svg").unlink()
        page = Page(write_report(Results(folder)).read_text(encoding="utf-8"))
        first = page.all("img")[0]["alt"]
        assert first == alt["effect_map" if name == "group_test" else "held_out_scores"]


def test_every_picture_of_participants_says_how_many(page: Page) -> None:
    for words in ("n = 60 (30 patients, 30 controls).", "n = 30 patients.", "n = 60.", "n = 30."):
        assert words in page.text


def test_the_first_screen_counts_the_largest_sites_alone(folder: Path) -> None:
    write_whole(cohort_table().assign(site=np.arange(60) % 40), folder / "cohort.tsv")
    table = sizes_table(Results(folder))
    assert [row[0] for row in table.blocks[""]][-1] == "35 more sites"
    everybody, *sites = [[int(cell) for cell in row[1:]] for row in table.blocks[""]]
    assert everybody == [30, 30] == [sum(column) for column in zip(*sites, strict=True)]


def test_page_needs_nothing_from_outside(page: Page) -> None:
    for image in page.all("img"):
        assert (image["src"] or "").startswith("data:image/svg+xml,%3C?xml")
        assert int(image["width"] or 0) > 100
    named = {section.name for section in SECTIONS} - {"background", "sensitivity"}  # not asked for here
    assert {link["href"] for link in page.all("a")} == {
        f"#{one}" for one in (*named, "summary", "main", "methods", "reproducibility")
    }
    assert not page.all("link") + page.all("iframe")


def test_the_viewers_script_is_the_only_one_that_may_run(plotted: Path, page: Page) -> None:
    policy = [meta["content"] or "" for meta in page.all("meta") if meta.get("http-equiv")]
    assert len(policy) == 1
    assert policy[0].startswith(
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'"
    )
    script = re.findall(
        r"<script>(.*?)</script>", (plotted / "report.html").read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(script) == len(page.all("script")) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert policy[0].endswith(f"script-src 'sha256-{digest}'")


def test_no_script_where_there_is_no_map(folder: Path) -> None:
    shutil.rmtree(folder / "maps")
    page = Page(write_report(Results(folder)).read_text(encoding="utf-8"))
    assert not page.all("script")
    assert "script-src" not in str(page.all("meta"))


def test_page_can_be_read_by_machines(page: Page) -> None:
    assert len(page.all("h1")) == 1
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(heading.get("scope") for heading in page.all("th"))
    assert page.all("html")[0]["lang"] == "en"
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_page_shows_nobody_and_no_machine(plotted: Path, page: Page) -> None:
    raw = (plotted / "report.html").read_text(encoding="utf-8")
    drawings = [unquote((image["src"] or "").split(",", 1)[1]) for image in page.all("img")]
    assert all(drawing.startswith("<?xml") and drawing.endswith("</svg>") for drawing in drawings)
    for text in (raw, *drawings):
        for private in ("sub-77", "sub-99", "someone", "secret-host", "/home", str(plotted), "61.25"):
            assert private not in text


def test_values_from_data_are_escaped(plotted: Path, page: Page) -> None:
    raw = (plotted / "report.html").read_text(encoding="utf-8")
    assert HOSTILE not in raw
    assert "&lt;script&gt;" in raw
    assert HOSTILE in page.text


@pytest.mark.parametrize(
    "absent",
    [
        "analysis",
        "checkpoints",
        "figures",
        "exclusions.tsv",
        "run.json",
        "cohort.json",
        "decoded.npz",
        "latents.tsv",
    ],
)
def test_a_section_without_its_files_is_left_out(folder: Path, absent: str) -> None:
    path = folder / absent
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    if absent == "analysis":  # analyse clears both
        shutil.rmtree(folder / "figures")
    page = Page(write_report(Results(folder)).read_text(encoding="utf-8"))
    assert "30 patients and 30 controls" in page.text
    if absent == "analysis":
        assert "rsa" not in {section.get("id") for section in page.all("section")}
    if absent == "figures":
        assert not page.all("img")


def test_every_table_of_codes_without_folds_says_so(folder: Path) -> None:
    def captions() -> dict[str, list[str]]:
        page = write_report(Results(folder)).read_text(encoding="utf-8")
        sections = re.findall(r'<section id="(\w+)".*?</section>', page, flags=re.DOTALL)
        parts = re.findall(r'<section id="\w+".*?</section>', page, flags=re.DOTALL)
        found = (re.findall(r"<caption>(.*?)</caption>", part) for part in parts)
        return dict(zip(sections, found, strict=True))

    assert not any("In sample" in one for one in captions()["rsa"])
    (folder / "out_of_fold.tsv").unlink()
    found = captions()
    for name, said in (("rsa", True), ("claims", True), ("clusters", True), ("cohort", False)):
        assert found[name], name
        assert all(one.startswith("In sample or unknown. ") == said for one in found[name]), name


def test_cohort_alone_is_enough(tmp_path: Path) -> None:
    write_whole(cohort_table().drop(columns=["site", "age", "sex"]), tmp_path / "cohort.tsv")
    told: list[tuple[int, int, str]] = []
    written = write_report(Results(tmp_path), lambda *one: told.append(one))
    assert "30 patients" in Page(written.read_text(encoding="utf-8")).text
    assert [number for number, *_ in told] == list(range(len(SECTIONS)))


def test_no_cohort_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no cohort\.tsv"):
        write_report(Results(tmp_path))
