"""Every path lies in OUTPUT_DIR, and asking for one creates nothing."""

from pipelines.output_dir.paths import OutputPaths


def test_every_path_lies_below_the_folder_and_none_is_created(tmp_path):
    paths = OutputPaths(tmp_path / "out")
    names = [name for name, value in vars(OutputPaths).items() if isinstance(value, property)]
    found = [getattr(paths, name) for name in names]
    assert len(found) > 20
    for path in found:
        place = getattr(path, "folder", path)
        assert place.is_relative_to(tmp_path / "out")
    assert paths.table("rsa") == tmp_path / "out" / "analysis" / "rsa.tsv"
    assert not (tmp_path / "out").exists()
