"""The comparison of results before and after a change: it finds what it should, and passes over what is listed."""

import gzip
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.validation.same_results import run
from tests.validation.same_results.compare import compare
from tests.validation.same_results.renamed import Renaming, parse_renamings

CHANGELOG = r"""# Changelog

## [0.2.0]

### Renamed

Names of tables, in results made with the same recipe and seed.

| file | what | before | after |
|---|:---:|---|---|
| `latents.tsv` | column | `split` | `fold` |
| `*.tsv` | value | `train` | `fitted` |
| `analysis/*.tsv` | value of space | `vae` | `plain` |
| `analysis/voxelwise.tsv` | file | `analysis/voxelwise.tsv` | `analysis/group_maps.tsv` |
| `draws.npz` | column | `a\|b` | `c` |

### Added

| file | what |
|---|---|
| not | ours |
"""
LATENTS = "participant_id\tsplit\ts_00\nsub-1\ttrain\t0.12345678\nsub-2\ttest\tn/a\n"


@pytest.fixture
def before(tmp_path):
    """Results as an OUTPUT_DIR holds them."""
    folder = tmp_path / "before"
    for name in ("analysis", "maps", "checkpoints"):
        (folder / name).mkdir(parents=True)
    (folder / "latents.tsv").write_text(LATENTS)
    (folder / "analysis" / "rsa.tsv").write_text("space\tvariable\ttau\nvae\tvae\t0.5\n")
    (folder / "analysis" / "voxelwise.tsv").write_text("space\tt\nvae\t2.5\n")
    (folder / "checkpoints" / "history.tsv").write_text("epoch\tloss\tseconds\ttime_ms\n0\t1.5\t0.1\t10\n")
    np.savez(
        folder / "draws.npz", participant_id=np.array(["sub-1", "train"]), salient=np.array([0.0, np.nan])
    )
    with gzip.open(folder / "maps" / "effect.nii.gz", "wb") as file:
        file.write(b"voxels" * 100)
    return folder


@pytest.fixture
def after(before, tmp_path):
    """The same, to be changed by a test."""
    return shutil.copytree(before, tmp_path / "after")


def differences(before, after, *renamings):
    found = compare(before, after, renamings)
    return {verdict.file: verdict.differences for verdict in found if not verdict.same}


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_copy_is_the_same_and_every_file_was_looked_at(before, after):
    found = compare(before, after)
    assert [verdict.file for verdict in found] == [
        *("analysis/rsa.tsv", "analysis/voxelwise.tsv", "checkpoints/history.tsv", "draws.npz"),
        *("latents.tsv", "maps/effect.nii.gz"),
    ]
    assert all(verdict.same and verdict.renamed == 0 for verdict in found)


def test_one_changed_digit_is_found_and_named(before, after):
    replace(after / "latents.tsv", "0.12345678", "0.12345679")
    assert differences(before, after) == {
        "latents.tsv": ("row 1, s_00: 0.12345679, expected 0.12345678",),
    }


def test_many_differences_are_counted(before, after):
    for folder, digit in ((before, 1), (after, 2)):
        (folder / "latents.tsv").write_text("x\n" + f"{digit}\n" * 10)
    assert differences(before, after)["latents.tsv"][-1] == "and 7 more"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            LATENTS.replace("\ts_00", "").replace("\t0.12345678", "").replace("\tn/a", ""),
            "column s_00 is missing",
        ),
        (LATENTS.replace("split", "fold"), "column split is missing"),
        (LATENTS.replace("participant_id\tsplit", "split\tparticipant_id"), "another order"),
        (LATENTS.replace("s_00", "s_00\textra"), "column extra is not expected"),
        (LATENTS.removesuffix("sub-2\ttest\tn/a\n"), "lines below the header"),
        (LATENTS.removesuffix("\n"), "lines below the header"),
        (LATENTS.replace("\tn/a", ""), "row 2: 'sub-2\\ttest', expected"),
        (LATENTS.replace("n/a", "n/a\r"), "row 2, s_00"),
        (LATENTS.replace("n/a", ""), "row 2, s_00"),
    ],
)
def test_another_table_is_found(before, after, text, found):
    (after / "latents.tsv").write_bytes(text.encode())
    (lines,) = differences(before, after).values()
    assert found in lines[0]


def test_a_file_missing_on_either_side_is_a_difference(before, after):
    (after / "analysis" / "rsa.tsv").unlink()
    (after / "analysis" / "new.tsv").write_text("a\n")
    assert differences(before, after) == {
        "analysis/new.tsv": ("is missing before",),
        "analysis/rsa.tsv": ("is missing after",),
    }


def test_listed_columns_words_and_files_are_the_same(before, after):
    replace(after / "latents.tsv", "split", "fold")
    replace(after / "latents.tsv", "train", "fitted")
    (after / "analysis" / "rsa.tsv").write_text("space\tvariable\ttau\nplain\tvae\t0.5\n")
    (after / "analysis" / "voxelwise.tsv").rename(after / "analysis" / "group_maps.tsv")
    replace(after / "analysis" / "group_maps.tsv", "vae", "plain")
    renamings = parse_renamings(CHANGELOG)
    found = {verdict.file: verdict for verdict in compare(before, after, renamings)}
    assert not differences(before, after, *renamings)
    assert found["latents.tsv"].renamed == 2
    assert "analysis/voxelwise.tsv" not in found


def test_a_listed_name_that_was_not_changed_is_a_difference(before, after):
    renaming = Renaming("latents.tsv", "column", "split", "fold")
    assert "column fold is missing" in differences(before, after, renaming)["latents.tsv"][0]


def test_a_name_listed_for_another_file_does_not_count(before, after):
    replace(after / "latents.tsv", "split", "fold")
    assert differences(before, after, Renaming("cohort.tsv", "column", "split", "fold"))


def test_times_are_passed_over_and_losses_are_not(before, after):
    history = after / "checkpoints" / "history.tsv"
    replace(history, "0.1\t10", "0.2\t99")
    assert not differences(before, after)
    replace(history, "1.5", "1.6")
    assert differences(before, after) == {"checkpoints/history.tsv": ("row 1, loss: 1.6, expected 1.5",)}


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        ({"salient": np.array([-0.0, np.nan])}, "array salient: 1 of 2 numbers differ"),
        ({"salient": np.array([0.0, np.nan], dtype=np.float32)}, "array salient: is of float32"),
        ({"salient": np.array([0.0])}, "array salient: has shape (1,)"),
        ({"z": np.array([0.0, np.nan])}, "array salient is missing"),
        ({"salient": np.array([0.0, np.nan]), "z": np.zeros(1)}, "array z is not expected"),
    ],
)
def test_other_arrays_are_found(before, after, arrays, found):
    np.savez(after / "draws.npz", participant_id=np.array(["sub-1", "train"]), **arrays)
    (lines,) = differences(before, after).values()
    assert found in lines[0]


def test_listed_arrays_and_words_in_arrays_are_the_same(before, after):
    np.savez(after / "draws.npz", participant_id=np.array(["sub-1", "fitted"]), s=np.array([0.0, np.nan]))
    listed = (
        Renaming("draws.npz", "column", "salient", "s"),
        Renaming("*.npz", "value of participant_id", "train", "fitted"),
    )
    assert not differences(before, after, *listed)
    assert differences(before, after, listed[0])


def test_maps_are_compared_without_what_gzip_adds(before, after):
    path = after / "maps" / "effect.nii.gz"
    path.write_bytes(gzip.compress(b"voxels" * 100, compresslevel=1, mtime=5))
    assert not differences(before, after)
    path.write_bytes(gzip.compress(b"voxelS" * 100))
    assert differences(before, after) == {"maps/effect.nii.gz": ("100 of 600 bytes differ",)}


def test_the_table_of_the_changelog_is_read():
    assert parse_renamings(CHANGELOG) == (
        Renaming("latents.tsv", "column", "split", "fold"),
        Renaming("*.tsv", "value", "train", "fitted"),
        Renaming("analysis/*.tsv", "value of space", "vae", "plain"),
        Renaming("analysis/voxelwise.tsv", "file", "analysis/voxelwise.tsv", "analysis/group_maps.tsv"),
        Renaming("draws.npz", "column", "a|b", "c"),
    )


@pytest.mark.parametrize(
    "changelog", ["", "# Changelog\n\n### Added\n", "### Renamed\n\nNothing.\n\n### Added\n"]
)
def test_without_a_table_nothing_was_renamed(changelog):
    assert parse_renamings(changelog) == ()


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("| a.tsv | column | x |", "4 filled cells"),
        ("| a.tsv | column | x | |", "4 filled cells"),
        ("| a.tsv | picture | x | y |", "'picture' was renamed"),
    ],
)
def test_a_row_that_says_no_renaming_is_refused(row, why):
    with pytest.raises(ValueError, match=why):
        parse_renamings(f"### Renamed\n\n| file | what | before | after |\n|---|---|---|---|\n{row}\n")


def test_a_table_with_other_columns_is_refused():
    with pytest.raises(ValueError, match="has the columns"):
        parse_renamings("### Renamed\n\n| before | after |\n|---|---|\n| a | b |\n")


def test_two_new_names_for_one_are_refused(before, after):
    listed = [Renaming("*.tsv", "column", "split", new) for new in ("fold", "use")]
    with pytest.raises(ValueError, match="renamed to fold and to use"):
        compare(before, after, listed)


def test_the_changelog_of_this_version_can_be_read():
    assert parse_renamings((run.ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))


@pytest.fixture
def version(tmp_path):
    """A checkout of an invented version."""
    for package in run.PACKAGES:
        (tmp_path / "version" / package).mkdir(parents=True)
        (tmp_path / "version" / package / "__init__.py").touch()
    (tmp_path / "version" / "pyproject.toml").write_text('[project.scripts]\nadhd-cvae = "pipelines:main"\n')
    return tmp_path / "version"


def test_a_version_runs_with_its_own_packages(version):
    run.check_origin(version)
    shutil.rmtree(version / "pipelines")
    with pytest.raises((RuntimeError, subprocess.CalledProcessError)):
        run.check_origin(version)


def test_the_command_of_a_version_is_the_one_it_names(version, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://example.org")
    code = "def main():\n    import os, sys\n    print(sys.argv[1:], os.environ.get('MLFLOW_TRACKING_URI'))\n"
    (version / "pipelines" / "__init__.py").write_text(code)
    folder = run.demo(version, tmp_path / "out", ["--seed", "3"], threads=1)
    assert folder == tmp_path / "out" / "derivatives" / "adhd-cvae"
    assert (tmp_path / "out.log").read_text() == f"['demo', '{tmp_path / 'out'}', '--seed', '3'] None\n"


def test_a_version_that_fails_ends_the_comparison(version, tmp_path):
    (version / "pipelines" / "__init__.py").write_text("def main():\n    raise SystemExit(1)\n")
    with pytest.raises(SystemExit, match="ended with 1"):
        run.demo(version, tmp_path / "out", [], threads=1)


def test_verdicts_are_laid_out(before, after):
    (after / "latents.tsv").unlink()
    shown = run.table(compare(before, after)).splitlines()
    assert any(line.split() == ["latents.tsv", "DIFFERENT"] for line in shown)
    assert shown[-1] == "6 files, 1 different"
