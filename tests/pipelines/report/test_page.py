"""The page stands alone, says what the tables say and no more, and shows nobody."""

import base64
import hashlib
import re
import shutil
from pathlib import Path

import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.figures.style import save_figure
from adhd_cvae.io import write_tsv
from pipelines.output_dir.results import Results
from pipelines.report import methods
from pipelines.report.figures import draw_figures
from pipelines.report.page import SECTIONS, write_report
from pipelines.report.sections.cohort import DRAWERS
from pipelines.report.sections.figure import PICTURES
from tests.pipelines.report.invented_report import HOSTILE, Page, cohort_table, rsa_table


def test_every_picture_is_registered_drawn_and_shown(drawn: Path, page: Page) -> None:
    assert [picture.name for picture in PICTURES] == list(DRAWERS)
    assert {picture.section for picture in PICTURES} <= {name for name, *_ in SECTIONS}
    assert {path.name for path in (drawn / "figures").iterdir()} == {picture.file for picture in PICTURES}
    assert [image["alt"] for image in page.all("img")] == [
        picture.alt for name, *_ in SECTIONS for picture in PICTURES if picture.section == name
    ]


def test_page_needs_nothing_from_outside(page: Page) -> None:
    for image in page.all("img"):
        assert (image["src"] or "").startswith("data:image/svg+xml;base64,")
        assert int(image["width"] or 0) > 100
    assert {link["href"] for link in page.all("a")} == {
        f"#{name}" for name in [*(name for name, *_ in SECTIONS), "methods", "reproducibility"]
    }
    assert not page.all("link") + page.all("iframe")


def test_the_viewers_script_is_the_only_one_that_may_run(drawn: Path, page: Page) -> None:
    policy = [meta["content"] or "" for meta in page.all("meta") if meta.get("http-equiv")]
    assert len(policy) == 1
    assert policy[0].startswith(
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'"
    )
    script = re.findall(
        r"<script>(.*?)</script>", (drawn / "report.html").read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(script) == len(page.all("script")) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert policy[0].endswith(f"script-src 'sha256-{digest}'")


def test_no_script_where_there_is_no_map(folder: Path) -> None:
    shutil.rmtree(folder / "maps")
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert not page.all("script")
    assert "script-src" not in str(page.all("meta"))


def test_peaks_and_components_are_told(page: Page) -> None:
    assert re.search(r"1 1\.5, −9\.0, 3\.0 −0\.125 −5\.5 2700 Putamen", page.text)
    assert re.search(r"WashU 10 0\.32 0\.60 0\.45 0\.92 0\.32", page.text)


def test_page_can_be_read_by_machines(page: Page) -> None:
    assert len(page.all("h1")) == 1
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(heading.get("scope") for heading in page.all("th"))
    assert page.all("html")[0]["lang"] == "en"
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_page_shows_nobody_and_no_machine(drawn: Path, page: Page) -> None:
    raw = (drawn / "report.html").read_text(encoding="utf-8")
    drawings = [base64.b64decode((image["src"] or "").split(",")[1]).decode() for image in page.all("img")]
    for text in (raw, *drawings):
        for private in ("sub-77", "sub-99", "someone", "secret-host", "/home", str(drawn), "61.25"):
            assert private not in text


def test_values_from_data_are_escaped(drawn: Path, page: Page) -> None:
    raw = (drawn / "report.html").read_text(encoding="utf-8")
    assert HOSTILE not in raw
    assert "&lt;script&gt;" in raw
    assert HOSTILE in page.text


def test_same_files_give_the_same_page_and_figures(folder: Path, drawn: Path) -> None:
    for name in ("rsa", "effect_map", "reconstructions", "umap_group"):
        (folder / f"figures/{name}.svg").unlink()
        figure = DRAWERS[name](Results(folder))
        assert figure is not None
        save_figure(figure, folder / f"figures/{name}.svg")
    write_report(folder)
    for name in ("report.html", *(f"figures/{picture.file}" for picture in PICTURES)):
        assert (folder / name).read_bytes() == (drawn / name).read_bytes()


def test_claims_and_the_test_of_one_cluster_are_told(page: Page, folder: Path) -> None:
    assert "the study's 2 claims, judged by this cohort, 1 supported and 1 not testable" in page.text
    assert re.search(
        r"s is related to age supported .* age 30 0\.10 \(0\.05 to 0\.15\) 0\.010 −0\.12", page.text
    )
    assert "rejected by diag, not by full" in page.text
    (folder / "analysis/claims.tsv").unlink()
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert "claims" not in {section.get("id") for section in page.all("section")}


def test_partial_tau_and_ceiling_are_shown_where_they_are(page: Page, folder: Path) -> None:
    assert "partial τ" not in page.text
    table = rsa_table().assign(tau_partial=0.0712, p_partial=0.0345, noise_ceiling=0.8123)
    write_tsv(table, folder / "analysis/rsa.tsv")
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert "partial τ partial p mean" in page.text
    assert "salient s space, ceiling 0.81" in page.text
    assert re.search(r"0\.071 0\.03[45] 0\.100 12\.5 \(9\)", page.text)
    assert "neighbours in age within sites" in methods.paragraph(Results(folder))


def test_text_in_a_result_table_is_shown_as_it_is(page: Page) -> None:
    assert "above 12 or not (median)" in page.text


def test_checklist_has_checksums_and_counts_images(page: Page) -> None:
    assert "e" * 64 in page.text
    assert "…/table.csv" in page.text
    assert "1 images and maps" in page.text
    assert "analysis.permutations" in page.text


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
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert "30 patients and 30 controls" in page.text
    if absent == "analysis":
        assert "rsa" not in {section.get("id") for section in page.all("section")}
    if absent == "figures":
        assert not page.all("img")


def test_cohort_alone_is_enough(tmp_path: Path) -> None:
    write_tsv(cohort_table().drop(columns=["site", "age", "sex"]), tmp_path / "cohort.tsv")
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/rsa.svg").write_text("of an earlier run")
    assert [path.stem for path in draw_figures(tmp_path)] == ["flow"]
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["flow.svg"]
    assert "30 patients" in Page(write_report(tmp_path).read_text(encoding="utf-8")).text


def test_no_cohort_is_a_clear_error(tmp_path: Path) -> None:
    assert draw_figures(tmp_path) == []
    with pytest.raises(InputError, match=r"no cohort\.tsv"):
        write_report(tmp_path)
