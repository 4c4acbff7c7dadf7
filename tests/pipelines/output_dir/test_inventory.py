"""The record of what was written: survives a kill at any line, knows what version 0.1 wrote."""

import json
import os

import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import write_json, write_text
from pipelines.output_dir import inventory
from pipelines.output_dir.inventory import INVENTORY, seal


@pytest.fixture
def folder(tmp_path):
    write_text("one", tmp_path / "one.txt")
    write_text("two", tmp_path / "below" / "two.txt")
    for name in ("one.txt", "below/two.txt"):
        inventory.append(tmp_path, name, [seal(tmp_path / name)])
    return tmp_path


def test_what_was_appended_is_read(folder):
    assert inventory.read(folder) == {name: [seal(folder / name)] for name in ("one.txt", "below/two.txt")}


def test_a_folder_without_a_record_says_nothing(tmp_path):
    assert inventory.read(tmp_path) is None
    (tmp_path / INVENTORY).touch()
    assert inventory.read(tmp_path) is None


@pytest.mark.parametrize("kind", ["text", "folder", "pipe"])
def test_something_else_of_that_name_is_refused_in_a_line(tmp_path, kind):
    path = tmp_path / INVENTORY
    make = {"text": lambda: path.write_text("mine\n"), "folder": path.mkdir, "pipe": lambda: os.mkfifo(path)}
    make[kind]()
    with pytest.raises(InputError, match="is not adhd-cvae's list"):
        inventory.read(tmp_path)


def test_cut_short_anywhere_after_its_head_it_tells_the_whole_lines(folder):
    path = folder / INVENTORY
    whole = path.read_bytes()
    head = whole.index(b"\n") + 1
    for length in range(head, len(whole)):
        path.write_bytes(whole[:length])
        known = inventory.read(folder)
        assert set(known) <= {"one.txt", "below/two.txt"}
        assert len(known) >= whole[:length].count(b"\n") - 1


def test_settled_it_is_the_same_whatever_came_before(folder):
    inventory.rewrite(folder, inventory.read(folder))
    first = (folder / INVENTORY).read_bytes()
    inventory.append(folder, "one.txt", [[1, "of a file that never came"], seal(folder / "one.txt")])
    inventory.append(folder, "gone.txt", [None])
    inventory.rewrite(folder, inventory.read(folder))
    assert (folder / INVENTORY).read_bytes() == first


def test_settling_forgets_no_edit(folder):
    (folder / "one.txt").write_text("edited")
    inventory.rewrite(folder, inventory.read(folder))
    assert seal(folder / "one.txt") not in inventory.read(folder)["one.txt"]


def test_what_version_0_1_wrote_is_known_by_its_run_json_and_by_name(tmp_path):
    for part in (tmp_path, tmp_path / "ensemble"):
        content = {
            "format": 1,
            "software": {"adhd-cvae": "0.1.0"},
            "stages": {
                "prepare": {},
                "analyse": {"state": "done", "outputs": {"analysis/rsa.tsv": [3, "abc"]}},
            },
        }
        write_json(content, part / "run.json")
    write_text("x", tmp_path / "cohort.tsv")
    write_text("x", tmp_path / "my-notes.txt")
    known = inventory.of_earlier_version(tmp_path)
    assert known["analysis/rsa.tsv"] == known["ensemble/analysis/rsa.tsv"] == [[3, "abc"]]
    assert known["cohort.tsv"] == known["ensemble/run.json"] == [None]
    assert "my-notes.txt" not in known


@pytest.mark.parametrize("content", [{"stages": {"a": {}}}, {"software": {"fmriprep": "1"}}, [], "text"])
def test_another_programs_run_json_is_not_ours(tmp_path, content):
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert inventory.of_earlier_version(tmp_path) is None


def test_where_version_0_1_only_analysed_the_codes_are_somebodys(tmp_path):
    content = {"software": {"adhd-cvae": "0.1.0"}, "stages": {"analyse": {"outputs": {}}}}
    write_json(content, tmp_path / "run.json")
    for name in ("cohort.tsv", "latents.tsv", "report.html"):
        write_text("x", tmp_path / name)
    assert inventory.of_earlier_version(tmp_path).keys() == {"run.json", "report.html"}
