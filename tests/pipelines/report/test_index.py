"""The index shows every result beside the others, names nobody, and serves nothing else."""

import http.client
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pipelines.report.index import index_page, results_in, served
from tests.pipelines.report.invented_report import HOSTILE, Page


@pytest.fixture
def lab(plotted: Path, tmp_path: Path) -> Path:
    """Two results, one of which cannot be read, and a folder of somebody else."""
    shutil.copytree(plotted, tmp_path / "a b")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/run.json").write_text("[", encoding="utf-8")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/report.html").write_text("secret", encoding="utf-8")
    return tmp_path


def test_results_stand_beside_each_other_and_name_nobody(lab: Path) -> None:
    assert [folder.name for folder in results_in(lab)] == ["a b", "broken"]
    text = index_page(lab)
    page = Page(text)
    assert "a b demo 3 30 30 2 0.53 (0.44 to 0.62) 0.310" in page.text
    assert "broken (no page yet) cannot be read" in page.text
    assert [link["href"] for link in page.all("a")] == ["a%20b/report.html"]
    for private in ("sub-77", "someone", "secret", str(lab.parent), HOSTILE):
        assert private not in text


def test_a_folder_of_no_results_has_an_empty_index(tmp_path: Path) -> None:
    assert results_in(tmp_path / "no/where") == []
    assert Page(index_page(tmp_path / "no/where")).all("a") == []


def test_only_pages_of_results_are_served_and_only_to_this_computer(lab: Path) -> None:
    def answer(path: str, host: str | None = None) -> tuple[int, bytes]:
        asked = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=30)
        asked.request("GET", path, headers={"Host": host or place.netloc})
        given = asked.getresponse()
        return given.status, given.read()

    with served(lab, 5800) as address:
        place = urlsplit(address)
        assert place.hostname == "127.0.0.1"
        assert answer("/") == (200, index_page(lab).encode())
        assert answer("/a%20b/report.html") == (200, (lab / "a b/report.html").read_bytes())
        refused = (
            "/foreign/report.html",
            "/broken/report.html",
            "/a b/../foreign/report.html",
            "/a%20b/cohort.tsv",
        )
        for path in (*refused[:2], refused[3], refused[2].replace(" ", "%20"), "/..%2fforeign/report.html"):
            assert answer(path) == (404, b"not here"), path
        assert answer("/", "evil.example:5801")[0] == 404
        with served(lab, 5800) as second:  # the first one's port is passed over
            assert urlsplit(second).port != place.port
    with pytest.raises(ConnectionRefusedError):
        answer("/")
