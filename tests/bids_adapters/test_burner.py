import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from bids_adapters import build_cohort, import_burner

AFFINE = np.diag([-1.5, 1.5, 1.5, 1.0])
TABLE = "ScanDir ID,Site,Gender,Age,DX,ADHD Measure,ADHD Index,Med Status\n"
ROWS = ("9001,5,1,10.5,1,2,70,-999", "9002,5,0,11,0,2,45,1", "9003,1,1,9,3,1,50,2", "1234567,1,0,9,0,1,20,1")
NAME_END = "space-MNI152Lin_label-GM_desc-modulated_probseg"


def write_map(folder: Path, name: str, shape: tuple[int, ...] = (4, 5, 6)) -> Path:
    folder.mkdir(exist_ok=True)
    values = np.random.default_rng(0).random(shape, dtype=np.float32) * 3
    nib.save(nib.Nifti1Image(values, AFFINE), folder / name)
    return folder / name


@pytest.fixture
def release(tmp_path: Path) -> tuple[Path, Path]:
    """Four maps and a table in the Burner release's form."""
    maps = tmp_path / "maps"
    for name in ("mwrc10009001.nii", "mwrc10009002.nii.gz", "mwrc10009003.nii", "mwrc11234567.nii.gz"):
        write_map(maps, name)
    table = tmp_path / "phenotype.csv"
    table.write_text(TABLE + "\n".join(ROWS))
    return maps, table


def test_maps_are_copied_byte_for_byte_under_bids_names(release: tuple[Path, Path], tmp_path: Path) -> None:
    maps, table = release
    calls: list[tuple[int, int]] = []
    summary = import_burner(maps, tmp_path / "bids", [table], lambda *call: calls.append(call))
    assert summary.imported == ("sub-0009001", "sub-0009002", "sub-0009003", "sub-1234567")
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    copy = tmp_path / "bids/sub-0009002/anat" / f"sub-0009002_{NAME_END}.nii.gz"
    assert copy.read_bytes() == (maps / "mwrc10009002.nii.gz").read_bytes()
    assert (tmp_path / "bids/sub-0009001/anat" / f"sub-0009001_{NAME_END}.nii").is_file()
    sidecar = json.loads(copy.with_suffix("").with_suffix(".json").read_text())
    assert sidecar["OriginalFile"] == "mwrc10009002.nii.gz"
    assert sidecar["SpatialReference"]


def test_the_import_is_a_cohort(release: tuple[Path, Path], tmp_path: Path) -> None:
    maps, table = release
    import_burner(maps, tmp_path / "bids", [table])
    cohort = build_cohort(tmp_path / "bids", CohortConfig())
    assert cohort.table["group"].tolist() == ["target", "background", "target", "background"]
    assert cohort.table["med_status"].isna().tolist() == [True, False, False, False]
    assert cohort.exclusions.empty
    assert cohort.columns["sex"]["Origin"] == "column 'Gender' of phenotype.csv"
    assert "-999" not in "".join(path.read_text() for path in (tmp_path / "bids").rglob("*.tsv"))


def test_the_official_validator_finds_no_error(release: tuple[Path, Path], tmp_path: Path) -> None:
    maps, table = release
    write_map(maps, "mwrc10009999.nii")
    import_burner(maps, tmp_path / "bids", [table])
    done = subprocess.run(
        [Path(sys.executable).with_name("bids-validator-deno"), "--format", "json", tmp_path / "bids"],
        capture_output=True,
        text=True,
        check=False,
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []


def test_what_cannot_be_imported_is_listed_and_told_again(release: tuple[Path, Path], tmp_path: Path) -> None:
    maps, table = release
    whole = (maps / "mwrc10009002.nii.gz").read_bytes()
    (maps / "mwrc10009002.nii.gz").write_bytes(whole[: len(whole) // 2])
    (maps / "mwrc10009003.nii").write_bytes(b"")
    write_map(maps, "mwrc10009999.nii")
    write_map(maps, "mwrc10009001.nii.gz")
    write_map(maps, "mwrc1991.nii")
    write_map(maps, "mwrc10009004.nii", (4, 5, 6, 2))
    table.write_text(TABLE + "\n".join([*ROWS, "9004,5,0,8,0,2,45,1", "9005,5,0,8,0,2,45,1"]))
    summary = import_burner(maps, tmp_path / "bids", [table])
    assert summary.imported == ("sub-0009001", "sub-1234567")
    assert summary.exclusions[["participant_id", "reason"]].to_numpy().tolist() == [
        ["n/a", "unrecognised_name"],
        ["sub-0009001", "duplicate_map"],
        ["sub-0009002", "unreadable_map"],
        ["sub-0009003", "unreadable_map"],
        ["sub-0009004", "not_a_volume"],
        ["sub-0009005", "no_map"],
        ["sub-0009999", "no_phenotype"],
    ]
    cohort = build_cohort(tmp_path / "bids", CohortConfig())
    assert cohort.exclusions.to_numpy().tolist() == summary.exclusions.to_numpy().tolist()


def test_conflicting_sources_are_not_imported_unless_one_is_preferred(
    release: tuple[Path, Path], tmp_path: Path
) -> None:
    maps, table = release
    other = tmp_path / "other.csv"
    other.write_text("ID,DX\n9001,0\n")
    summary = import_burner(maps, tmp_path / "bids", [table, other])
    assert summary.exclusions["reason"].tolist() == ["conflicting_phenotype"]
    assert (tmp_path / "bids/import_conflicts.tsv").read_text().count("sub-0009001") == 2
    assert len(import_burner(maps, tmp_path / "trusting", [table, other], prefer=table).imported) == 4


def test_an_interrupted_import_is_completed(release: tuple[Path, Path], tmp_path: Path) -> None:
    maps, table = release

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_burner(maps, tmp_path / "bids", [table], stop)
    summary = import_burner(maps, tmp_path / "bids", [table])
    assert (len(summary.imported), summary.already_there) == (4, 2)
    import_burner(maps, tmp_path / "straight", [table])
    assert contents(tmp_path / "bids") == contents(tmp_path / "straight")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_folder_that_holds_something_else_is_left_alone(release: tuple[Path, Path], tmp_path: Path) -> None:
    maps, table = release
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds something else"):
        import_burner(maps, tmp_path / "mine", [table])
    assert contents(tmp_path / "mine") == {"thesis.txt": b"years of work"}
    with pytest.raises(InputError, match="is a file"):
        import_burner(maps, tmp_path / "mine/thesis.txt", [table])


def test_an_import_of_other_maps_is_left_alone(release: tuple[Path, Path], tmp_path: Path) -> None:
    maps, table = release
    import_burner(maps, tmp_path / "bids", [table])
    before = contents(tmp_path / "bids")
    write_map(maps, "mwrc10009001.nii", (5, 5, 5))
    with pytest.raises(InputError, match="is not a copy of"):
        import_burner(maps, tmp_path / "bids", [table])
    (maps / "mwrc10009001.nii").unlink()
    with pytest.raises(InputError, match="holds sub-0009001, which"):
        import_burner(maps, tmp_path / "bids", [table])
    assert contents(tmp_path / "bids") == before


def test_nothing_to_import(release: tuple[Path, Path], tmp_path: Path) -> None:
    maps, table = release
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="no Burner maps found"):
        import_burner(tmp_path / "none", tmp_path / "bids", [table])
    with pytest.raises(InputError, match="no such folder"):
        import_burner(tmp_path / "absent", tmp_path / "bids", [table])
    with pytest.raises(InputError, match="needs a phenotype table"):
        import_burner(maps, tmp_path / "bids", [])
    table.write_text(TABLE + "77,5,1,10,1,2,70,1")
    with pytest.raises(InputError, match="none of its 4 maps belongs to one of the 1 participants"):
        import_burner(maps, tmp_path / "bids", [table])
    assert not (tmp_path / "bids").exists()


def test_all_maps_broken_is_one_line_each(release: tuple[Path, Path], tmp_path: Path) -> None:
    maps, table = release
    for path in maps.iterdir():
        path.write_bytes(b"broken")
    with pytest.raises(InputError) as failure:
        import_burner(maps, tmp_path / "bids", [table])
    assert len(failure.value.problems) == 4
