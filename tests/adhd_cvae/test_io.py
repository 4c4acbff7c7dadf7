import os

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import (
    append_text,
    atomic_path,
    copy,
    fingerprint,
    guarded,
    how_to_fetch,
    link_folder,
    new_array_file,
    read_json,
    read_object,
    read_tsv,
    remove,
    write_text,
    write_tsv,
)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text("old")

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("disk")

    with pytest.raises(RuntimeError, match="disk"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_floats_missing_values_and_padded_identifiers_survive_a_round_trip(tmp_path):
    values = np.random.default_rng(0).standard_normal(50) * 10.0 ** np.arange(-25, 25)
    table = pd.DataFrame({"participant_id": [f"00{i}" for i in range(50)], "value": values})
    table.loc[3, "value"] = np.nan
    write_tsv(table, tmp_path / "t.tsv")
    assert "n/a" in (tmp_path / "t.tsv").read_text()
    pd.testing.assert_frame_equal(read_tsv(tmp_path / "t.tsv"), table, check_exact=True)


def test_only_the_bids_missing_code_is_missing(tmp_path):
    (tmp_path / "t.tsv").write_text("participant_id\tnote\nsub-1\tNA\nsub-2\tn/a\n")
    assert read_tsv(tmp_path / "t.tsv")["note"].isna().tolist() == [False, True]


def test_a_quotation_mark_is_a_character_and_an_end_of_line_within_a_text_a_space(tmp_path):
    table = pd.DataFrame({"participant_id": ["sub-1", "sub-2"], "note": ['he said "so"', "a\tb\r\nc"]})
    write_tsv(table, tmp_path / "t.tsv")
    assert (tmp_path / "t.tsv").read_text().splitlines()[1] == 'sub-1\the said "so"'
    assert read_tsv(tmp_path / "t.tsv")["note"].tolist() == ['he said "so"', "a b c"]


def test_no_reader_takes_a_text_for_the_start_of_a_quoted_cell(tmp_path):
    table = pd.DataFrame({"participant_id": ["sub-1", "sub-2", "sub-3"], "note": ['"so', "b", '"c" d']})
    write_tsv(table, tmp_path / "t.tsv")
    assert len(pd.read_csv(tmp_path / "t.tsv", sep="\t")) == 3
    assert read_tsv(tmp_path / "t.tsv")["note"].tolist() == ["'so", "b", "'c\" d"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("/annex/objects/MD5E-s99--0f.tsv\n", "datalad get t.tsv, or git annex get t.tsv"),
        ("../.git/annex/objects/Zz/9X/MD5E-s99--0f.tsv/MD5E-s99--0f.tsv", "datalad get t.tsv"),
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "git lfs pull --include t.tsv",
        ),
    ],
)
def test_a_pointer_is_not_fetched(tmp_path, content, says):
    (tmp_path / "t.tsv").write_text(content)
    assert says in (how_to_fetch(tmp_path / "t.tsv") or "")


def test_a_link_is_not_fetched_until_its_target_is_there(tmp_path):
    annex = tmp_path / ".git/annex/objects/MD5E-s2--0f"
    (tmp_path / "t.tsv").symlink_to(annex)
    assert "datalad get t.tsv" in (how_to_fetch(tmp_path / "t.tsv") or "")
    annex.parent.mkdir(parents=True)
    annex.write_text("a\n")
    assert how_to_fetch(tmp_path / "t.tsv") is None
    assert how_to_fetch(tmp_path / "absent.tsv") is None
    (tmp_path / "lost.tsv").symlink_to(tmp_path / "nowhere")
    assert how_to_fetch(tmp_path / "lost.tsv") == "not fetched: a link whose target is not there"


def test_fingerprint_ignores_key_order_but_not_values():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o027, 0o640), (0o022, 0o644)])
def test_files_are_as_open_as_the_umask_says(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_text("a", tmp_path / "a.txt")
        write_tsv(pd.DataFrame({"a": [1]}), tmp_path / "a.tsv")
        append_text("a", tmp_path / "b.txt")
        new_array_file(tmp_path / "a.npy", (2,))
        copy(tmp_path / "a.txt", tmp_path / "c.txt")
        write_text("a", tmp_path / "below" / "further" / "a.txt")
    finally:
        os.umask(before)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 6
    assert {path.stat().st_mode & 0o777 for path in files} == {mode}
    folders = {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_dir()}
    assert folders == {0o777 & ~umask}


def test_a_pipe_or_a_device_as_json_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "endless.json").symlink_to("/dev/zero")
    for path in tmp_path.iterdir():
        with pytest.raises(ValueError, match="is not a regular file"):
            read_json(path)
        assert read_object(path) == {}


class Refusing:
    """A guard that lets nothing happen, and remembers what was asked."""

    def __init__(self):
        self.asked = []

    def replacing(self, path, new):
        self.asked.append((path.name, new is not None))
        raise InputError(f"{path.name} stays")

    def removing(self, path):
        self.asked.append((path.name, None))
        raise InputError(f"{path.name} stays")


def test_a_guard_is_asked_before_anything_is_written_replaced_or_removed(tmp_path):
    path, guard = tmp_path / "a.txt", Refusing()
    path.write_text("old")
    acts = (
        lambda: write_text("new", path),
        lambda: append_text("new", path),
        lambda: new_array_file(path, (2,)),
        lambda: copy(path, tmp_path / "b.txt"),
        lambda: link_folder(tmp_path / "c", tmp_path),
        lambda: remove(path),
    )
    with guarded(guard):
        for act in acts:
            with pytest.raises(InputError, match="stays"):
                act()
    asked = [
        ("a.txt", True),
        ("a.txt", False),
        ("a.txt", False),
        ("b.txt", True),
        ("c", False),
        ("a.txt", None),
    ]
    assert guard.asked == asked
    assert os.listdir(tmp_path) == ["a.txt"]
    assert path.read_text() == "old"
