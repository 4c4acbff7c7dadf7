import tempfile

from pipelines.benchmarks.speed import stages as benchmark_speed
from pipelines.benchmarks.speed.rsa import Size
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe


def test_speed_is_measured_with_its_spread_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(benchmark_speed, "ROUNDS", 1)
    monkeypatch.setattr(benchmark_speed, "STUDY_MAPS", 1)
    recipe = load_recipe("smoke", ("image.shape=[16,16,16]", "image.voxel_size=12"))
    table = benchmark_speed.measure_speed(recipe, Silent(), 8, participants=5, size=Size(40, 20, 5))
    assert not list(tmp_path.iterdir())
    assert list(table.columns) == ["measure", "median", "lowest", "highest", "unit"]
    assert (table["lowest"] <= table["median"]).all()
    assert (table["median"] <= table["highest"]).all()
    assert (table["lowest"] > 0).all()
    for words in (
        "prepare one .nii map",
        "one .nii.gz map",
        "cold",
        "warm",
        "training step",
        "nothing to do",
        "peak memory",
        "n = 40",
        "scipy's",
    ):
        assert table["measure"].str.contains(words, regex=False).any()
