"""No verb is forgotten by the campaign of foreign files; some of its combinations, and some of its bugs."""

import pytest
from typer.main import get_command

from pipelines.cli.main import app
from tests.robustness.foreign_files import (
    BUGS,
    ELSEWHERE,
    KINDS,
    VERBS,
    Ground,
    bugs_found,
    combination,
    watch,
    written_elsewhere,
)


def verbs(group, before=""):
    """Name every verb, those below others too."""
    for name, command in group.commands.items():
        yield from verbs(command, f"{name} ") if hasattr(command, "commands") else [f"{before}{name}"]


def test_every_verb_is_called_or_has_its_reason():
    assert set(verbs(get_command(app))) == {*VERBS, *ELSEWHERE}
    assert not {*VERBS} & {*ELSEWHERE}


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    made = Ground(tmp_path_factory.mktemp("ground"))
    made.make()
    return made


@pytest.mark.slow
def test_some_combinations_touch_nothing_foreign(ground, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    found = [combination(ground, seed) for seed in range(40)]
    assert [one for one in found if one[3]] == []
    assert len({kind for _, kind, *_ in found}) == len(KINDS)
    assert {verb for verb, *_ in found} == {*VERBS}


@pytest.mark.slow
@pytest.mark.parametrize("bug", ["nobody is asked", "every folder is ours"])
def test_a_bug_is_found(ground, monkeypatch, bug):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert bugs_found(ground, 40, {bug: BUGS[bug]})[bug] is not None


def test_what_is_written_elsewhere_is_seen(tmp_path):
    out, scratch = tmp_path / "here" / "out", tmp_path / "here"
    for folder in (out, scratch / "neighbour"):
        folder.mkdir(parents=True)
    watch().written, watch().on = [], True
    try:
        (out / "ours.txt").write_text("a")
        (scratch / "mlflow.db").write_text("a")
        (scratch / "neighbour" / "a.txt").write_text("a")
        (scratch / "neighbour" / "a.txt").rename(scratch / "neighbour" / "b.txt")
        (scratch / "neighbour" / "b.txt").read_text()
    finally:
        watch().on = False
    (scratch / "neighbour" / "c.txt").write_text("nobody is watching")
    found = list(written_elsewhere(watch().written, out, scratch))
    assert found == [f"{scratch / 'neighbour' / name} was written" for name in ("a.txt", "b.txt")]
