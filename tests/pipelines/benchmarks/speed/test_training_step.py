import pytest

from pipelines.benchmarks.speed.training_step import KINDS, OTHER, _brains, _shares, step_rows
from pipelines.recipes.loader import load_recipe


def test_steps_epoch_and_embedding_are_timed_counted_and_divided():
    small = ("image.shape=[16,16,16]", "image.voxel_size=12", "training.batch_size=4", "model.patch=4")
    found = step_rows(load_recipe("smoke", small), 2, participants=24, products=50.0, memory=10.0)
    rows = {one["measure"]: one for one in found}
    for kind in ("linear maps on scores", "patches", "convolutions"):
        assert rows[f"training step, 4 + 4 maps, {kind}"]["lowest"] > 0
    assert (
        rows["epoch of 24 participants, patches"]["median"]
        > rows["training step, 4 + 4 maps, patches"]["lowest"]
    )
    assert rows["embedding a map"]["median"] > 0
    shares = [rows[f"of it {kind}"]["median"] for kind in (*KINDS, OTHER)]
    assert sum(shares) == pytest.approx(1)
    seconds = rows["training step, 4 + 4 maps, patches"]["median"]
    for work, rate in (("operations", ("products", 50.0)), ("bytes", ("memory", 10.0))):
        name = "operations of the step" if work == "operations" else "bytes of the step, at least"
        share = rows[f"its share of the rate of {rate[0]}"]["median"]
        assert share == pytest.approx(rows[name]["median"] / seconds / rate[1], rel=0.5)


def test_operators_are_sorted_by_the_words_in_their_names():
    shares = _shares({"aten::addmm": 6.0, "aten::mm": 2.0, "aten::copy_": 1.0, "Optimizer.step#adam": 1.0})
    assert shares == pytest.approx({"matrix products": 0.8, "optimiser": 0.1, OTHER: 0.1})


def test_brains_are_balls_of_noise_half_of_them_patients():
    images, cohort = _brains(4, (16, 16, 16))
    assert images.shape == (4, 16, 16, 16)
    assert (images[:, 0, 0, 0] == 0).all()
    assert (images[:, 8, 8, 8] > 0).all()
    assert cohort["group"].tolist() == ["background", "target"] * 2
