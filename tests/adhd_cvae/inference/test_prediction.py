"""What a frozen model finds of new maps, and which of them it flags."""

import numpy as np
import pytest

from adhd_cvae.inference.embedding import embed
from adhd_cvae.inference.prediction import predict
from adhd_cvae.names import column_names
from tests.adhd_cvae.inference.maps import anatomy


def test_one_training_map_in_a_hundred_is_flagged_and_a_usual_one_is_at_one(described):
    model, images, reference = described
    predicted = predict(model, reference, images)
    assert predicted["out_of_distribution"].sum() == 2
    assert predicted["out_of_distribution"].dtype == bool
    assert np.square(predicted["distance"]).mean() == pytest.approx(1)


def test_new_maps_of_the_same_kind_pass_and_others_do_not(described):
    model, _, reference = described
    new = anatomy(100, 1)
    assert predict(model, reference, new)["out_of_distribution"].mean() < 0.2
    rng = np.random.default_rng(2)
    for name, changed in {
        "noise": new + rng.normal(size=new.shape) * 0.2,
        "brighter": new * 1.5,
    }.items():
        assert predict(model, reference, changed)["out_of_distribution"].mean() > 0.95, name


def test_columns_come_in_the_stated_order_with_spreads(described):
    model, images, reference = described
    predicted = predict(model, reference, images[:3])
    assert list(predicted) == column_names(2, 4)
    codes = embed(model, images[:3])
    np.testing.assert_array_equal(predicted["s_01_sd"], codes.salient_sd[:, 1].astype(float))
    np.testing.assert_array_equal(predicted["z_03"], codes.background_mean[:, 3].astype(float))
