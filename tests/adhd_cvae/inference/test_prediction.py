"""What a frozen model tells of new maps, and which of them it flags."""

import numpy as np
import pytest

from adhd_cvae.config import ImageConfig, ModelConfig
from adhd_cvae.errors import ImageError, InputError
from adhd_cvae.images.nifti import check_array
from adhd_cvae.inference.embedding import embed
from adhd_cvae.inference.out_of_distribution import (
    code_matrix,
    fit_reference,
    load_reference,
    residuals,
    save_reference,
)
from adhd_cvae.inference.prediction import predict
from adhd_cvae.models.initialisation import initial_model
from adhd_cvae.names import column_names

SHAPE = (16, 16, 16)
GRID = ImageConfig(shape=SHAPE, min_template_correlation=None, max_offset=None)


def anatomy(people, seed):
    """Maps that differ along six directions, the same for every seed."""
    directions = np.random.default_rng(99).normal(size=(6, *SHAPE)) * 0.05
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(people, 6))
    noise = rng.normal(size=(people, *SHAPE)) * 0.02
    return (0.5 + np.tensordot(weights, directions, 1) + noise).astype(np.float16)


@pytest.fixture(scope="module")
def case():
    images = anatomy(200, 0)
    config = ModelConfig(salient=2, background=4, channels=(2, 4), hidden=4, start="contrastive_pca")
    model = initial_model(config, GRID, images, np.arange(200) % 2 == 1, 0)
    codes = embed(model, images)
    return model, images, fit_reference(code_matrix(codes), residuals(model, images, codes), 99.0)


def test_one_training_map_in_a_hundred_is_flagged_and_a_usual_one_is_at_one(case):
    model, images, reference = case
    told = predict(model, reference, images)
    assert told["out_of_distribution"].sum() == 2
    assert told["out_of_distribution"].dtype == bool
    assert np.square(told["distance"]).mean() == pytest.approx(1)


def test_new_maps_of_the_same_kind_pass_and_others_do_not(case):
    model, _, reference = case
    new = anatomy(100, 1)
    assert predict(model, reference, new)["out_of_distribution"].mean() < 0.2
    rng = np.random.default_rng(2)
    for name, changed in {
        "noise": new + rng.normal(size=new.shape) * 0.2,
        "brighter": new * 1.5,
    }.items():
        assert predict(model, reference, changed)["out_of_distribution"].mean() > 0.95, name


def test_codes_alone_can_be_far_where_the_reconstruction_is_good(case):
    model, images, reference = case
    codes = embed(model, images[:1])
    near = reference.distances(codes, np.zeros(1))
    codes.background_mean[0] += 20
    far = reference.distances(codes, np.zeros(1))
    assert far > reference.limit > near
    assert reference.out_of_distribution(np.array([np.nan])).all()


def test_columns_come_in_the_stated_order_with_spreads(case):
    model, images, reference = case
    told = predict(model, reference, images[:3])
    assert list(told) == column_names(2, 4)
    codes = embed(model, images[:3])
    np.testing.assert_array_equal(told["s_01_sd"], codes.salient_sd[:, 1].astype(float))
    np.testing.assert_array_equal(told["z_03"], codes.background_mean[:, 3].astype(float))


def test_a_reference_survives_the_disk_and_a_damaged_one_is_named(case, tmp_path):
    _, _, reference = case
    path = tmp_path / "cvae-reference.safetensors"
    save_reference(reference, path)
    loaded = load_reference(path)
    for name, value in vars(reference).items():
        np.testing.assert_array_equal(getattr(loaded, name), value)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"cvae-reference\.safetensors is missing or damaged"):
        load_reference(path)


def test_an_array_must_fit_the_grid():
    with pytest.raises(ImageError, match=r"shape \(16, 16\); expected \(16, 16, 16\)"):
        check_array(np.zeros((16, 16)), GRID, "row 3")
    with pytest.raises(ImageError, match="not finite"):
        check_array(np.full(SHAPE, np.nan), GRID, "row 3")
    assert check_array(np.full(SHAPE, 0.1), GRID, "row 3").dtype == np.float16
