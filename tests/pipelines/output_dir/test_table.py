"""A described table: its sidecar is written with it, and what is not the table is refused when it is read."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import read_json, write_tsv
from pipelines.output_dir.table import OutputArrays, OutputTable, read_table

TABLE = OutputTable(
    {
        "participant_id": {"Description": "Participant"},
        "group": {"Description": "Group", "Levels": {"target": "patient", "background": "control"}},
        "s_00…": {"Description": "Unit"},
        "note": {"Description": "Words"},
    },
    "embed",
    key="participant_id",
    words=frozenset({"participant_id", "note"}),
    optional=frozenset({"note"}),
    renamed={"salient_00": "s_00"},
)
ROWS = pd.DataFrame(
    {
        "participant_id": ["sub-1", "sub-2"],
        "group": ["target", "background"],
        "s_00": [0.5, 1.0],
        "s_01": [2.0, 3.0],
    }
)


def test_what_is_written_is_read_and_the_sidecar_says_what_each_column_means(tmp_path):
    path = tmp_path / "latents.tsv"
    TABLE.write(ROWS, path, origin={"Sources": ["x"]})
    pd.testing.assert_frame_equal(TABLE.read(path), ROWS)
    sidecar = read_json(path.with_suffix(".json"))
    assert sidecar["s_01"] == {"Description": "Unit"}
    assert sidecar["group"]["Levels"]["target"] == "patient"
    assert sidecar["Sources"] == ["x"]


@pytest.mark.parametrize("content", [b"", b"\x82\x00\xff", b"a\tb\n1\t2\n3\t4\t5\n"])
def test_what_is_no_table_is_refused_with_its_name_and_what_to_do(tmp_path, content):
    (tmp_path / "t.tsv").write_bytes(content)
    with pytest.raises(InputError, match=r"t\.tsv cannot be read as a table.*adhd-cvae embed"):
        read_table(tmp_path / "t.tsv", "embed")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.drop(columns="group"), "has no column group"),
        (
            lambda rows: rows.assign(group="sick"),
            "column 'group' holds 'sick'; expected target or background",
        ),
        (lambda rows: rows.assign(s_01=["a", "b"]), "column 's_01' holds 'a'; expected numbers"),
        (lambda rows: rows.assign(participant_id="sub-1"), "names sub-1 twice"),
    ],
)
def test_what_is_not_the_table_is_one_line_with_advice(tmp_path, change, words):
    write_tsv(change(ROWS), tmp_path / "latents.tsv")
    with pytest.raises(InputError) as caught:
        TABLE.read(tmp_path / "latents.tsv")
    (line,) = caught.value.problems
    assert words in line
    assert "run `adhd-cvae embed` again" in line


def test_an_old_column_has_its_name_of_today_and_an_allowed_gap_is_none(tmp_path):
    write_tsv(ROWS.rename(columns={"s_00": "salient_00"}), tmp_path / "old.tsv")
    assert list(TABLE.read(tmp_path / "old.tsv")) == list(ROWS)
    write_tsv(ROWS.drop(columns="group"), tmp_path / "new.tsv")
    assert "group" not in TABLE.read(tmp_path / "new.tsv", lacking=["group"])


def test_arrays_are_whole_named_and_never_pickled(tmp_path):
    arrays, path = OutputArrays("embed", ("mask",)), tmp_path / "decoded.npz"
    arrays.write({"mask": np.arange(3)}, path)
    assert np.array_equal(arrays.read(path)["mask"], np.arange(3))
    arrays.write({"other": np.arange(3)}, path)
    with pytest.raises(InputError, match="has no array 'mask'"):
        arrays.read(path)
    np.savez(path, mask=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="without pickle"):
        arrays.read(path)
