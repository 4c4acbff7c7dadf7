"""Tables and folders made to mislead: one clear line each, in bounded time, and nothing outside what was asked."""

import os
import time
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from adhd_cvae.io import read_json
from bids_adapters import build_cohort
from bids_adapters.identifiers import participant_label
from bids_adapters.images.index import index_images, walk
from bids_adapters.phenotype import text_table
from bids_adapters.phenotype.text_table import read_text_table
from pipelines.output_dir.table import read_table

NAME = "sub-{0}/anat/sub-{0}_space-MNI152Lin_label-GM_probseg.nii.gz"
SECONDS = 5.0
"""Of processor: what misleads would take minutes, and a busy machine is no fault."""


def dataset(root: Path, table: str | bytes, people: tuple[str, ...] = ("01", "02")) -> Path:
    for one in people:
        (root / NAME.format(one)).parent.mkdir(parents=True)
        (root / NAME.format(one)).touch()
    path = root / "participants.tsv"
    path.write_bytes(table if isinstance(table, bytes) else table.encode())
    return root


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("participant_id\t" + "\t".join(map(str, range(10**6))), "1000001 columns; expected at most 20000"),
        ("participant_id\tage\nsub-01\t3" + "\t" * 10**6, "columns; expected at most"),
        ("participant_id\tage\nsub-01\t" + "9" * 10**7, "field larger than field limit"),
        ("participant_id\tage\nsub-01\t3\0\n", "binary file"),
        ("\0" * 10**6, "binary file"),
    ],
    ids=["a million columns", "a million cells", "a long cell", "NUL", "nothing but NUL"],
)
def test_a_table_that_is_none_is_one_line_soon(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "participants.tsv"
    path.write_text(content)
    started = time.process_time()
    with pytest.raises(InputError, match=says) as refused:
        read_text_table(path)
    assert time.process_time() - started < SECONDS
    assert len(str(refused.value)) < 300
    assert "\n" not in str(refused.value)


def test_a_table_larger_than_the_memory_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "participants.tsv"
    path.touch()
    os.truncate(path, 2**40)
    with pytest.raises(InputError, match="larger than 128 MiB"):
        read_text_table(path)
    os.truncate(path, text_table.LARGEST + 1)
    with pytest.raises(InputError, match="larger than 128 MiB"):
        read_text_table(path)


def test_no_pipe_or_device_is_read_as_a_table(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tsv")
    (tmp_path / "endless.tsv").symlink_to("/dev/zero")
    (tmp_path / "random.tsv").symlink_to("/dev/urandom")
    (tmp_path / "folder.tsv").mkdir()
    for path in tmp_path.iterdir():
        with pytest.raises(InputError, match="is a pipe, a device or a folder"):
            read_text_table(path)
        with pytest.raises(InputError, match=r"is a pipe, a device or a folder.*adhd-cvae embed"):
            read_table(path, "embed")


@pytest.mark.parametrize("header", ["x" * 5000, "\t".join(map(str, range(10_000)))])
def test_what_was_found_is_named_in_bounds(tmp_path: Path, header: str) -> None:
    """Found by `make fuzz`."""
    with pytest.raises(InputError, match="no column tells the participants apart") as refused:
        build_cohort(dataset(tmp_path, f"{header}\n1\n"), CohortConfig())
    assert len(str(refused.value)) < 1000


def test_control_characters_reach_no_terminal(tmp_path: Path) -> None:
    path = tmp_path / "participants.tsv"
    path.write_text("participant_id\tsi\x1b[2Jte\nsub-01\tA\x07\u202eB\n")
    table = read_text_table(path)
    assert table.headers == ("participant_id", "si[2Jte")
    assert table.rows == (("sub-01", "AB"),)


def test_columns_of_one_name_are_compared_and_a_difference_is_told(tmp_path: Path) -> None:
    table = "participant_id\tdx\tage\tage\nsub-01\t1\t9\t9\nsub-02\t0\t9\t10\nsub-03\t0\t8\t8\n"
    cohort = build_cohort(dataset(tmp_path, table, ("01", "02", "03")), CohortConfig())
    assert cohort.table["participant_id"].tolist() == ["sub-01", "sub-03"]
    assert list(cohort.table.columns).count("age") == 1
    assert sorted(cohort.conflicts["value"]) == ["10", "9"]


@pytest.mark.parametrize(
    "identifier",
    [
        *("../../etc/passwd", "sub-../../x", "/etc/passwd", "sub-01/../../02", "..", "C:\\x", "a\nb", "a\0b"),
        *(
            "=cmd|' /C calc'!A0",
            "@SUM(1+1)",
            "-1+1",
            "=1+1",
            "<script>alert(1)</script>",
            "sub-",
            "\u202e01",
            "١٢",
        ),
    ],
)
def test_no_identifier_is_a_path_a_formula_or_a_tag(identifier: str) -> None:
    label = participant_label(identifier)
    assert label is None or (label.isascii() and label.replace("+", "").isalnum())


def test_odd_identifiers_have_a_line_each_and_nothing_else(tmp_path: Path) -> None:
    odd = ["../../x", "=cmd|' /C calc'!A0", "@SUM(A1)", '"two lines"', "..", "/"]
    rows = "".join(f"{one}\t1\n" for one in odd)
    root = dataset(tmp_path, f"participant_id\tdx\nsub-01\t1\nsub-02\t0\n{rows}")
    cohort = build_cohort(root, CohortConfig())
    assert cohort.table["participant_id"].tolist() == ["sub-01", "sub-02"]
    assert len(cohort.exclusions) == len(odd)
    text = cohort.exclusions[["participant_id", "detail"]].astype(str)
    assert not text.apply(lambda column: column.str.contains("\n") | column.str.match("[=@]")).any(axis=None)


@pytest.mark.parametrize("content", ["[" * 100_000, '{"age":' * 100_000, "\0", "[" * 10 + "]" * 9])
def test_a_sidecar_nested_or_broken_describes_nothing(tmp_path: Path, content: str) -> None:
    root = dataset(tmp_path, "participant_id\tdx\nsub-01\t1\nsub-02\t0\n")
    expected = build_cohort(root, CohortConfig()).table
    (root / "participants.json").write_text(content)
    with pytest.raises(ValueError, match=r"."):
        read_json(root / "participants.json")
    pd.testing.assert_frame_equal(build_cohort(root, CohortConfig()).table, expected)


def test_a_json_file_larger_than_the_memory_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "participants.json"
    path.touch()
    os.truncate(path, 2**40)
    with pytest.raises(ValueError, match="larger than 256 MiB"):
        read_json(path)


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    root = dataset(tmp_path / "bids", "participant_id\tdx\nsub-01\t1\nsub-02\t0\n")
    expected = index_images(root)
    (root / "sub-01" / "again").symlink_to(root)
    (root / "sub-01" / "up").symlink_to(tmp_path)
    (root / "itself").symlink_to(root / "itself")
    (root / "one").symlink_to(root / "two")
    (root / "two").symlink_to(root / "one")
    assert index_images(root) == expected


def test_links_that_double_at_every_step_are_entered_once(tmp_path: Path) -> None:
    steps = [tmp_path / f"step-{number}" for number in range(30)]
    for step in steps:
        step.mkdir()
    for step, following in pairwise(steps):
        for side in ("left", "right"):
            (step / side).symlink_to(following)
    (steps[-1] / "map.nii").touch()
    started = time.process_time()
    found = walk(steps[0], lambda _: False)
    assert time.process_time() - started < SECONDS
    assert [path.rpartition("/")[2] for path in found.files] == ["map.nii"]


def test_a_participant_linked_from_elsewhere_is_found_and_named_within_the_folder(tmp_path: Path) -> None:
    store = dataset(tmp_path / "store", "", ("02",))
    root = dataset(tmp_path / "bids", "participant_id\tdx\nsub-01\t1\nsub-02\t0\n", ("01",))
    (root / "sub-02").symlink_to(store / "sub-02")
    cohort = build_cohort(root, CohortConfig())
    assert cohort.table["image"].tolist() == [NAME.format("01"), NAME.format("02")]
