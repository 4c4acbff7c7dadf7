"""The page of `--help`, as a terminal of 80 columns and 24 lines shows it."""

import pytest

from pipelines.cli import main
from pipelines.cli.verbs import PANELS


@pytest.fixture
def page(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main.main(["-h"])
    assert ended.value.code == 0
    return capsys.readouterr().out.splitlines()


def test_it_fits_one_screen(page):
    assert len(page) < 24
    assert max(map(len, page)) <= 80


def test_verbs_stand_below_what_they_are_for(page):
    places = [next(at for at, line in enumerate(page) if line.startswith(panel)) for panel in PANELS]
    assert places == sorted(places)
    start, run, stages, reuse, check = (page.index(page[at]) for at in places)
    of = {line[9:].split()[0]: at for at, line in enumerate(page) if start <= at and line[9:10].isalpha()}
    assert start <= of["demo"] < run <= of["run"] < stages <= of["train"] < reuse <= of["ui"] < check
    assert check <= of["benchmark"]


def test_no_line_is_cut(page):
    assert [line for line in page[3:] if line.endswith(("...", "…"))] == []
