import pandas as pd
import pytest

from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from tests.validation import training_beside_the_study


@pytest.mark.slow
def test_training_is_measured_beside_the_studys_network(tmp_path):
    small = ("image.shape=[32,32,32]", "image.voxel_size=6")
    table = training_beside_the_study.measure_training(
        tmp_path, load_recipe("smoke", small), Silent(), participants=24, epochs=1
    )
    assert table["model"].tolist() == [training_beside_the_study.STUDY, "ours, linear start", "ours, trained"]
    assert table["times_processor"][0] == 1
    assert (table["weights"][1:] < table["weights"][0] / 10).all()
    assert (table[["processor_s", "memory_gib", "unexplained"]] > 0).all(axis=None)
    assert table["unexplained"][1] < 1 < table["unexplained"][0]  # after one epoch
    again = training_beside_the_study.measure_training(
        tmp_path, load_recipe("smoke", small), Silent(), participants=24, epochs=1
    )
    pd.testing.assert_frame_equal(again, table)  # times too: nothing was trained again
    assert {path.suffix for path in tmp_path.iterdir()} == {".json"}
