import numpy as np
import pandas as pd
import pytest
import torch

from adhd_cvae.config import ImageConfig, ModelConfig
from adhd_cvae.inference.decoding import TRAVERSAL_STEPS, decode, decode_cohort
from adhd_cvae.inference.embedding import draw, embed
from adhd_cvae.inference.linear_baselines import baseline_scores
from adhd_cvae.models.initialisation import initial_model

SHAPE = (16, 16, 16)


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(0)
    cohort = pd.DataFrame(
        {
            "participant_id": [f"sub-{number}" for number in range(30)],
            "group": np.where(np.arange(30) % 2, "target", "background"),
            "split": np.where(np.arange(30) % 3 == 0, "test", "train"),
        }
    )
    images = rng.uniform(0.2, 0.9, (30, *SHAPE)).astype(np.float16)
    config = ModelConfig(salient=2, background=4, channels=(2, 4), hidden=4)
    training = (cohort["split"] == "train").to_numpy()
    target = (cohort["group"] == "target").to_numpy()
    model = initial_model(config, ImageConfig(shape=SHAPE), images[training], target[training], 0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape))
    return model, images, cohort


def test_embedding_gives_means_and_is_repeatable(case):
    model, images, _ = case
    first, second = embed(model, images), embed(model, images, batch_size=16)
    assert np.array_equal(first.salient_mean, second.salient_mean)
    alone = embed(model, images[4:5])
    assert np.allclose(alone.background_mean, first.background_mean[4:5], atol=1e-5)
    assert (first.background_sd > 0).all()


def test_progress_ends_at_the_end(case):
    model, images, _ = case
    seen = []
    embed(model, images, batch_size=8, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(8, 30), (16, 30), (24, 30), (30, 30)]


def test_draws_have_the_posteriors_moments_and_follow_the_seed():
    mean, sd = np.array([[1.0, -2.0]]), np.array([[0.5, 2.0]])
    draws = draw(mean.astype(np.float32), sd.astype(np.float32), 20000, seed=3)
    assert np.allclose(draws.mean(axis=0), mean, atol=0.05)
    assert np.allclose(draws.std(axis=0), sd, rtol=0.05)
    assert np.array_equal(draws, draw(mean.astype(np.float32), sd.astype(np.float32), 20000, seed=3))


@pytest.fixture(scope="module")
def decoded(case):
    model, images, cohort = case
    return decode_cohort(model, images, cohort, embed(model, images))


def test_effect_is_patient_minus_twin(case, decoded):
    model, images, cohort = case
    codes = embed(model, images)
    target = (cohort["group"] == "target").to_numpy()
    expected = decode(model, codes.background_mean[target], codes.salient_mean[target])
    expected -= decode(model, codes.background_mean[target])
    assert np.allclose(decoded["effect"], expected, atol=1e-5)
    assert decoded["effect_participant_id"].tolist() == cohort["participant_id"][target].tolist()
    assert decoded["mask"].sum() == decoded["effect"].shape[1]


def test_controls_in_the_examples_are_their_own_twins(decoded):
    control = decoded["example_group"] == "background"
    full, twin, alone = (
        decoded["example"][control, 1],
        decoded["example"][control, 2],
        decoded["example"][control, 3],
    )
    assert np.array_equal(full, twin)
    assert not np.allclose(alone, full)
    assert not np.allclose(decoded["example"][~control, 1], decoded["example"][~control, 2])
    assert control.sum() == 1
    assert len(control) == 4


def test_traversals_pass_through_nothing_in_the_middle(decoded):
    middle = TRAVERSAL_STEPS.index(0.0)
    assert np.abs(decoded["traversal"][:, middle]).max() < 1e-6
    assert np.abs(decoded["traversal"][:, 0]).max() > 0
    assert decoded["traversal"].shape[:2] == decoded["traversal_values"].shape


def test_errors_are_shares_of_the_variation(decoded):
    assert ((decoded["pca_reconstruction_error"] >= 0) & (decoded["pca_reconstruction_error"] < 1.001)).all()
    assert (decoded["reconstruction_error"] > 0).all()
    for name, values in decoded.items():
        if values.dtype.kind == "f":
            assert np.isfinite(values).all(), name


def test_baselines_are_fitted_on_the_training_split_only(case):
    model, images, cohort = case
    scores = baseline_scores(model, images, cohort, seed=0)
    changed = images.copy()
    test = (cohort["split"] == "test").to_numpy()
    changed[test] = 0.5
    again = baseline_scores(model, changed, cohort, seed=0)
    columns = [name for name in scores if name.startswith(("pca_", "cpca_"))]
    assert len(columns) == 6 + 2
    assert np.allclose(scores.loc[~test, columns], again.loc[~test, columns], atol=1e-6)
