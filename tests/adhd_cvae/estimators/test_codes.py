"""What estimators of two spaces share."""

import numpy as np
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.estimators import ContrastivePCA


def test_the_larger_label_is_the_patients(rng):
    values, severity = rng.standard_normal((80, 6)), 6 * rng.standard_normal(80)
    values[::2, 3] += severity[::2]
    for controls, patients in ((0, 1), (False, True), ("control", "patient"), (-1, 3)):
        model = ContrastivePCA(1, 2).fit(values, np.where(np.arange(80) % 2, controls, patients))
        assert list(model.classes_) == [controls, patients]
        codes = model.transform(values)[::2, 0]
        assert abs(np.corrcoef(codes, severity[::2])[0, 1]) > 0.9


@pytest.mark.parametrize(
    ("groups", "message"),
    [([0] * 8, "1 classes"), ([0, 1, 2, 3] * 2, "4 classes"), ([0] * 7 + [1], "one has one")],
)
def test_two_groups_of_two_are_needed(rng, groups, message):
    with pytest.raises(InputError, match=message):
        ContrastivePCA(1, 2).fit(rng.standard_normal((8, 6)), groups)
