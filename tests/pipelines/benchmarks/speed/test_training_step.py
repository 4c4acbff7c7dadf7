import pytest

from pipelines.benchmarks.speed.training_step import KINDS, OTHER, _brains, _shares, step_rows
from pipelines.recipes.loader import load_recipe


def test_a_step_is_timed_counted_and_divided():
    small = ("image.shape=[16,16,16]", "image.voxel_size=12", "training.batch_size=4")
    rows = {one["measure"]: one for one in step_rows(load_recipe("smoke", small), rounds=2)}
    assert 0 < rows["training step, 4 + 4 maps"]["lowest"] < rows["training step, 4 + 4 maps"]["highest"]
    shares = [rows[f"of it {kind}"]["median"] for kind in (*KINDS, OTHER)]
    assert sum(shares) == pytest.approx(1)
    assert rows["reading and augmenting its maps"]["median"] > 0
    assert rows["operations of the step"]["median"] > 1e-4
    assert rows["matrix products in its precision"]["median"] > 0.1
    assert rows["the step's share of that"]["highest"] > 0


def test_operators_are_sorted_by_the_words_in_their_names():
    shares = _shares(
        {"aten::conv3d": 6.0, "aten::addmm": 2.0, "aten::copy_": 1.0, "Optimizer.step#adam": 1.0}
    )
    assert shares == pytest.approx(
        {"convolutions": 0.6, "matrix products": 0.2, "optimiser": 0.1, OTHER: 0.1}
    )


def test_brains_are_balls_of_noise_half_of_them_patients():
    images, cohort = _brains(4, (16, 16, 16))
    assert images.shape == (4, 16, 16, 16)
    assert (images[:, 0, 0, 0] == 0).all()
    assert (images[:, 8, 8, 8] > 0).all()
    assert cohort["group"].tolist() == ["background", "target"] * 2
