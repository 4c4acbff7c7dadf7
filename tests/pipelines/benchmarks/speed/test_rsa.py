import numpy as np
import pytest

from pipelines.benchmarks.speed.rsa import SCALES, UNITS, Size, statistic_seconds, study, table_seconds

SMALL = Size(participants=20, permutations=5, bootstraps=5)


def test_the_table_of_a_study_has_its_size():
    spaces, variables = study(SMALL)
    assert {name: codes.shape for name, codes in spaces.items()} == {
        name: (20, units) for name, units in UNITS.items()
    }
    assert set(variables) == set(SCALES)
    assert variables["age"].is_unique  # no ties
    assert not study(Size())[1]["index"].is_unique
    np.testing.assert_array_equal(variables, study(SMALL)[1])


def test_a_size_names_what_is_measured():
    assert str(SMALL) == "8 variables × 3 spaces × 5 permutations, n = 20"


@pytest.mark.parametrize("variable", ["age", "index", "site"])
def test_one_statistic_is_timed_beside_scipys(variable):
    seconds = statistic_seconds(variable, SMALL, rounds=2)
    assert {"ours", "scipy"} <= set(seconds)
    assert all(len(values) == 2 for values in seconds.values())
    assert min(seconds["ours"]) > 0


def test_the_whole_table_takes_some_time():
    assert table_seconds(SMALL) > 0
