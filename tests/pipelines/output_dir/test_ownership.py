"""Whose folder it is: what is not ours stays, whatever a command writes."""

import os
import shutil

import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import remove, write_json, write_text
from pipelines.output_dir import inventory
from pipelines.output_dir.inventory import INVENTORY
from pipelines.output_dir.ownership import check, clear, may_write, owned


@pytest.fixture
def ours(tmp_path):
    """A folder with one file of ours and one of somebody's."""
    folder = tmp_path / "out"
    with owned(folder):
        write_text("ours", folder / "analysis" / "rsa.tsv")
    (folder / "analysis" / "notes.txt").write_text("theirs")
    return folder


def test_a_new_and_an_empty_folder_are_ours(tmp_path):
    for folder in (tmp_path / "new", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with owned(folder):
            write_text("a", folder / "a.txt")
        assert (folder / INVENTORY).is_file()


def test_a_folder_with_somebodys_files_is_refused_with_another_to_use(tmp_path):
    (tmp_path / "thesis.docx").write_text("theirs")
    with (
        pytest.raises(InputError, match=r"did not write \(thesis.docx\).*adhd-cvae"),
        owned(tmp_path, overwrite=True),
    ):
        pass
    assert os.listdir(tmp_path) == ["thesis.docx"]


def test_a_file_as_folder_is_refused(tmp_path):
    (tmp_path / "out").write_text("theirs")
    with pytest.raises(InputError, match="is a file"), owned(tmp_path / "out"):
        pass


def test_a_way_in_is_added_to_and_not_replaced(tmp_path):
    for name in ("cohort.tsv", "latents.tsv"):
        (tmp_path / name).write_text("theirs")
    with pytest.raises(InputError, match="did not write"), owned(tmp_path):
        pass
    with owned(tmp_path, way_in=True):
        write_text("ours", tmp_path / "analysis" / "rsa.tsv")
        with pytest.raises(InputError, match=r"cohort\.tsv was not written by adhd-cvae"):
            write_text("ours", tmp_path / "cohort.tsv")
    with owned(tmp_path, overwrite=True), pytest.raises(InputError, match=r"latents\.tsv was not written"):
        write_text("ours", tmp_path / "latents.tsv")
    assert (tmp_path / "cohort.tsv").read_text() == (tmp_path / "latents.tsv").read_text() == "theirs"


@pytest.mark.parametrize("overwrite", [False, True])
def test_neither_writing_nor_removing_touches_a_strangers_file(ours, overwrite):
    theirs = ours / "analysis" / "notes.txt"
    with owned(ours, overwrite=overwrite):
        for act in (lambda: write_text("ours", theirs), lambda: remove(theirs)):
            with pytest.raises(InputError, match="was not written by adhd-cvae"):
                act()
        clear(ours, ["analysis"])
    assert theirs.read_text() == "theirs"
    assert not (ours / "analysis" / "rsa.tsv").exists()


def test_an_edited_file_is_kept_beside_its_replacement(ours):
    edited = ours / "analysis" / "rsa.tsv"
    for number, name in enumerate(("rsa.tsv.bak", "rsa.tsv.bak1")):
        edited.write_text(f"edit {number}")
        with owned(ours), pytest.raises(InputError, match="was changed since"):
            write_text("new", edited)
        assert edited.read_text() == f"edit {number}"
        with owned(ours, overwrite=True):
            write_text("new", edited)
        assert edited.read_text() == "new"
        assert edited.with_name(name).read_text() == f"edit {number}"


def test_trouble_is_known_before_the_work(ours):
    (ours / "cohort.tsv").write_text("theirs")
    (ours / "analysis" / "rsa.tsv").write_text("edited")
    with owned(ours):
        with pytest.raises(InputError) as refused:
            check(ours, ["analysis", "cohort.tsv"])
        assert [line.split(" was ")[0].split("/")[-1] for line in refused.value.problems] == [
            "cohort.tsv",
            "rsa.tsv",
        ]
        assert not may_write(ours / "cohort.tsv")
        assert not may_write(ours / "analysis" / "rsa.tsv")
        assert may_write(ours / "README.md")
    with owned(ours, overwrite=True):
        check(ours, ["analysis"])
        assert not may_write(ours / "cohort.tsv")
        assert may_write(ours / "analysis" / "rsa.tsv")


@pytest.mark.parametrize("how", ["copied", "moved", "by a link"])
def test_a_folder_stays_ours(ours, tmp_path, how):
    other = tmp_path / "other"
    if how == "by a link":
        other.symlink_to(ours)
    elif how == "moved":
        ours.rename(other)
    else:
        shutil.copytree(ours, other)
    with owned(other):
        write_text("new", other / "analysis" / "rsa.tsv")
    assert (other / "analysis" / "rsa.tsv").read_text() == "new"


def test_a_part_of_ours_is_ours(ours):
    with owned(ours / "analysis"):
        write_text("new", ours / "analysis" / "rsa.tsv")
    assert not (ours / "analysis" / INVENTORY).exists()


def test_a_folder_that_is_a_link_to_elsewhere_is_not_written_through(ours, tmp_path):
    elsewhere = tmp_path / "theirs"
    elsewhere.mkdir()
    (ours / "maps").symlink_to(elsewhere)
    with owned(ours, overwrite=True), pytest.raises(InputError, match="is not in"):
        write_text("new", ours / "maps" / "a.txt")
    with owned(ours), pytest.raises(InputError, match="is not in"):
        write_text("new", ours / "maps" / ".." / ".." / "escaped.txt")
    assert os.listdir(elsewhere) == []
    assert not (tmp_path / "escaped.txt").exists()


def test_a_link_in_the_place_of_a_file_is_replaced_and_what_it_leads_to_is_not(ours, tmp_path):
    target, link = tmp_path / "target.txt", ours / "analysis" / "rsa.tsv"
    target.write_text("theirs")
    link.unlink()
    link.symlink_to(target)
    with owned(ours), pytest.raises(InputError, match="was changed"):
        write_text("new", link)
    with owned(ours, overwrite=True):
        write_text("new", link)
    assert target.read_text() == "theirs"
    assert link.with_name("rsa.tsv.bak").readlink() == target


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "bids"
    write_json({"Name": "raw", "BIDSVersion": "1.10.0"}, folder / "dataset_description.json")
    (folder / "sub-1").mkdir()
    return folder


@pytest.mark.parametrize("where", ["", "sub-1", "sub-2", "code/results", "derivatives"])
@pytest.mark.parametrize("named", [True, False])
def test_nothing_is_written_in_a_raw_dataset(dataset, where, named):
    before = sorted(dataset.rglob("*"))
    given = owned(dataset / where, overwrite=True, dataset=dataset if named else None)
    with (
        pytest.raises(InputError, match=r"nothing is written but below derivatives/.*derivatives/adhd-cvae"),
        given,
    ):
        pass
    assert sorted(dataset.rglob("*")) == before


def test_derivatives_of_a_dataset_are_for_us(dataset):
    with owned(dataset / "derivatives" / "adhd-cvae", dataset=dataset) as folder:
        write_text("a", folder.folder / "a.txt")
    assert (dataset / "derivatives" / "adhd-cvae" / "a.txt").is_file()


@pytest.mark.parametrize("spelling", ["link", "dots", "folder by a link"])
def test_however_a_dataset_is_spelt(dataset, tmp_path, spelling):
    if spelling == "dots":
        place = tmp_path / "bids" / "sub-1" / ".." / "sub-9"
    elif spelling == "link":
        (tmp_path / "link").symlink_to(dataset)
        place = tmp_path / "link" / "sub-9"
    else:
        (tmp_path / "out").symlink_to(dataset / "sub-1")
        place = tmp_path / "out"
    with pytest.raises(InputError, match="nothing is written but below"), owned(place, dataset=dataset):
        pass


def test_a_dataset_without_a_description_is_known_where_it_goes_in(tmp_path):
    (tmp_path / "bids" / "sub-1").mkdir(parents=True)
    with (
        pytest.raises(InputError, match="nothing is written"),
        owned(tmp_path / "bids" / "x", dataset=tmp_path / "bids"),
    ):
        pass


def test_without_a_record_nobody_takes_the_folder_for_ours_later(tmp_path):
    with owned(tmp_path / "bundle", listed=False):
        write_text("a", tmp_path / "bundle" / "a.txt")
        write_text("b", tmp_path / "bundle" / "a.txt")
    assert os.listdir(tmp_path / "bundle") == ["a.txt"]
    with pytest.raises(InputError, match="did not write"), owned(tmp_path / "bundle"):
        pass


def test_a_file_left_by_a_kill_between_note_and_name_is_not_taken_for_edited(ours):
    path = ours / "analysis" / "rsa.tsv"
    with owned(ours, shared=True) as folder:  # as after a kill, nothing is settled
        folder.replacing(path, ours / "analysis" / "notes.txt")  # noted, and never replaced
    with owned(ours):
        write_text("new", path)
    assert path.read_text() == "new"


def test_killed_twice_between_note_and_name_it_is_still_ours(ours):
    path, other = ours / "analysis" / "rsa.tsv", ours / "analysis" / "notes.txt"
    for content in ("one", "two"):
        other.write_text(content)
        with owned(ours, shared=True) as folder:
            folder.replacing(path, other)
    with owned(ours):
        write_text("new", path)
    assert path.read_text() == "new"


def test_what_another_process_listed_meanwhile_stays_listed(tmp_path):
    with owned(tmp_path / "out") as folder:
        write_text("a", tmp_path / "out" / "a.txt")
        write_text("b", tmp_path / "out" / ".writing-b")  # as another process would
        (tmp_path / "out" / ".writing-b").rename(tmp_path / "out" / "b.txt")
        inventory.append(folder.folder, "b.txt", [inventory.seal(tmp_path / "out" / "b.txt")])
    assert set(inventory.read(tmp_path / "out")) == {"a.txt", "b.txt"}
