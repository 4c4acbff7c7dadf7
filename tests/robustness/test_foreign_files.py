"""No verb is forgotten by the campaign of foreign files, and what it watches is seen."""

from typer.main import get_command

from pipelines.cli.main import app
from tests.robustness.foreign_files import ELSEWHERE, VERBS, watch, written_elsewhere


def verbs(group, before=""):
    """Name every verb, those below others too."""
    for name, command in group.commands.items():
        yield from verbs(command, f"{name} ") if hasattr(command, "commands") else [f"{before}{name}"]


def test_every_verb_is_called_or_has_its_reason():
    assert set(verbs(get_command(app))) == {*VERBS, *ELSEWHERE}
    assert not {*VERBS} & {*ELSEWHERE}


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
