import pytest

from pipelines.benchmarks.speed.training_step import KINDS, OTHER, _brains, _shares, measure_step
from pipelines.recipes.loader import load_recipe


def test_a_step_is_timed_counted_and_divided():
    small = ("image.shape=[16,16,16]", "image.voxel_size=12", "training.batch_size=4")
    speed = measure_step(load_recipe("smoke", small), rounds=2)
    assert len(speed.step) == len(speed.loading) == 2
    assert min(speed.step) > 0
    assert set(speed.shares) == {*KINDS, OTHER}
    assert sum(speed.shares.values()) == pytest.approx(1)
    assert speed.operations > 1e5
    assert speed.ceiling > 1e8


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
