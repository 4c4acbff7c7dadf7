"""Every path lies in OUTPUT_DIR, and asking for one creates nothing."""

from pathlib import Path

from pipelines.output_dir.paths import OutputPaths


def test_every_path_lies_below_the_folder_and_none_is_created(tmp_path):
    paths = OutputPaths(tmp_path / "out")
    found = [getattr(paths, name) for name in vars(OutputPaths) if not name.startswith("_")]
    below = [path for path in found if isinstance(path, Path)]
    assert len(below) > 20
    assert all(path.is_relative_to(tmp_path / "out") for path in below)
    assert paths.member(3).folder.is_relative_to(paths.ensemble.folder)
    assert paths.table("rsa") == tmp_path / "out" / "analysis" / "rsa.tsv"
    assert not (tmp_path / "out").exists()
