import pytest

from adhd_cvae.files import read_tsv
from pipelines.benchmarks import measure as benchmark
from pipelines.benchmarks import speed as benchmark_speed
from pipelines.benchmarks import training_speed
from pipelines.benchmarks.rsa_speed import Size
from pipelines.progress import Silent
from pipelines.settings import load_recipe


def test_speed_is_measured_with_its_spread_and_leaves_only_its_table(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark_speed, "ROUNDS", 1)
    monkeypatch.setattr(benchmark_speed, "STUDY_MAPS", 1)
    measure = benchmark_speed.measure_speed
    monkeypatch.setattr(
        benchmark,
        "measure_speed",
        lambda folder, recipe, progress, maps: measure(
            folder, recipe, progress, maps, participants=5, size=Size(40, 20, 5)
        ),
    )
    told = benchmark.speed(tmp_path, load_recipe("smoke"), Silent(), maps=8)
    table = read_tsv(tmp_path / "speed.tsv")
    assert [path.name for path in tmp_path.iterdir()] == ["speed.tsv"]
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
        "peak memory",
        "n = 40",
        "scipy's",
    ):
        assert table["measure"].str.contains(words, regex=False).any()
        assert words in told


@pytest.mark.slow
def test_training_is_measured_beside_the_studys_network(tmp_path):
    small = ("image.shape=[32,32,32]", "image.voxel_size=6", "cohort.test_fraction=0.3")
    table = training_speed.measure_training(
        tmp_path, load_recipe("smoke", small), Silent(), participants=24, epochs=1
    )
    assert table["model"].tolist() == [training_speed.STUDY, "ours, linear start", "ours, trained"]
    assert table["times_processor"][0] == 1
    assert (table["weights"][1:] < table["weights"][0] / 10).all()
    assert (table[["processor_s", "memory_gib", "unexplained"]] > 0).all(axis=None)
    assert table["unexplained"][1] < 1 < table["unexplained"][0]  # after one epoch
    assert not list(tmp_path.iterdir())
