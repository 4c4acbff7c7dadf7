"""Training as a user calls it: both networks, interruptions, and what they have learnt."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LinearRegression

from adhd_cvae.config import ObjectiveConfig
from adhd_cvae.errors import InputError
from adhd_cvae.inference.decoding import decode
from adhd_cvae.inference.embedding import embed, standardised_voxels
from adhd_cvae.models.linear import fit_linear
from adhd_cvae.models.reference_background import fit_reference
from adhd_cvae.models.weights import load_model
from adhd_cvae.training.device import choose_precision
from adhd_cvae.training.train import train
from tests.adhd_cvae.training.small import RECIPE, recipe, rows_of, same, trainer_of, weights


def test_history_tells_every_epoch_of_both_models(trained):
    folder, result, rows = trained
    assert result.history.groupby("model")["epoch"].max().to_dict() == {"cvae": 4, "vae": 4}
    assert len(result.history) == 10  # of the first validation split
    measured = [row for row in rows if not row.get("refit")]
    assert [(row["split"], row["step"], row["epoch"]) for row in measured[:10]] == [
        (split, step, epoch)
        for split in (0, 1)
        for epoch, step in enumerate(("linear", "trained", "trained", "deep", "deep"))
    ]
    assert len(measured) == 20
    assert (folder / "history.tsv").is_file()
    assert sorted(path.name for path in folder.iterdir() if path.suffix == ".pt") == []
    measured = result.history.drop(columns=["model", "step", "critic_loss", "critic_accuracy"])
    assert np.isfinite(measured.to_numpy(float)).all()


def test_training_improves_on_a_random_start(data, tmp_path):
    images, cohort, _ = data
    result = train(
        images, cohort, recipe(model={"start": "random"}, training={"vae": False, "epochs": 6}), tmp_path
    )
    losses = result.history["validation_loss"]
    assert losses.iloc[-1] < losses.iloc[0]
    assert result.history["validation_reconstruction"].iloc[0] > 0.99  # it starts at the mean image


def test_a_trained_model_separates_what_only_patients_have(data, fitted, trained):
    images, cohort, severity = data
    model, _ = load_model(trained[0] / "cvae")
    codes = embed(model, images)
    target = (cohort["group"] == "target").to_numpy()
    new, known = target & ~fitted, target & fitted
    slopes = LinearRegression().fit(codes.salient_mean[known], severity[known])
    assert np.corrcoef(slopes.predict(codes.salient_mean[new]), severity[new])[0, 1] > 0.8
    spread = np.sqrt((codes.salient_mean**2).mean(axis=1))
    assert spread[~target].mean() < 0.5 * spread[target].mean()


def test_the_same_seed_gives_the_same_bits(data, fitted, trained, tmp_path):
    images, cohort, _ = data
    train(images, cohort, RECIPE, tmp_path, fitted=fitted)
    assert same(weights(tmp_path), weights(trained[0]))
    assert same(weights(tmp_path, "vae"), weights(trained[0], "vae"))
    assert not same(weights(tmp_path), weights(tmp_path, "vae"))


@pytest.mark.parametrize("stop_after", [1, 3, 6])
def test_interrupted_training_resumes_to_the_same_bits(data, fitted, trained, tmp_path, stop_after):
    images, cohort, _ = data
    seen = []

    def stop(row):
        seen.append(row)
        if len(seen) == stop_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(images, cohort, RECIPE, tmp_path, stop, fitted=fitted)
    (tmp_path / ".writing-killed.partial.pt").write_bytes(b"what a killed process was writing")
    result = train(images, cohort, RECIPE, tmp_path, fitted=fitted)
    assert same(weights(tmp_path), weights(trained[0]))
    assert same(weights(tmp_path, "vae"), weights(trained[0], "vae"))
    assert not list(tmp_path.glob(".*"))
    losses = ["model", "epoch", "train_loss", "validation_loss", "critic_loss"]
    pd.testing.assert_frame_equal(result.history[losses], trained[1].history[losses])


def test_the_classifier_resumes_with_the_rest(data, tmp_path):
    images, cohort, _ = data
    sepvae = recipe(
        objective=ObjectiveConfig.model_validate({"name": "sepvae"}).model_dump(),
        training={"epochs": 2, "vae": False, "train_salient": True},
    )

    def stop(row):
        if row["epoch"] == 1:
            raise KeyboardInterrupt

    undisturbed = train(images, cohort, sepvae, tmp_path / "undisturbed")
    with pytest.raises(KeyboardInterrupt):
        train(images, cohort, sepvae, tmp_path / "stopped", stop)
    resumed = train(images, cohort, sepvae, tmp_path / "stopped")
    assert same(weights(tmp_path / "stopped"), weights(tmp_path / "undisturbed"))
    told = ["classification", "train_loss"]
    pd.testing.assert_frame_equal(resumed.history[told], undisturbed.history[told])
    assert (resumed.history["classification"] > 0).all()


def test_a_finished_model_is_not_trained_again(data, fitted, trained):
    images, cohort, _ = data
    before = (trained[0] / "cvae.safetensors").stat().st_mtime_ns
    again = train(images, cohort, RECIPE, trained[0], fitted=fitted)
    assert (trained[0] / "cvae.safetensors").stat().st_mtime_ns == before
    assert len(again.history) == 10


def test_a_folder_of_other_settings_or_others_trained_on_is_refused(data, fitted, trained):
    images, cohort, _ = data
    with pytest.raises(InputError, match="other data or settings"):
        train(images, cohort, recipe(objective={"beta": 2.0}), trained[0], fitted=fitted)
    with pytest.raises(InputError, match="other data or settings"):
        train(images, cohort, RECIPE, trained[0])


def test_held_out_participants_change_nothing_by_map_group_or_site(data, fitted, trained, tmp_path):
    images, cohort, _ = data
    changed, other = images.copy(), cohort.copy()
    changed[~fitted] = 0.123
    other.loc[~fitted, "group"] = other.loc[~fitted, "group"].map(
        {"target": "background", "background": "target"}
    )
    other.loc[~fitted, "site"] = np.arange((~fitted).sum()) + 7
    train(changed, other, RECIPE, tmp_path, fitted=fitted)
    assert same(weights(tmp_path), weights(trained[0]))
    changed[np.flatnonzero(fitted)[0]] = 0.123
    train(changed, other, RECIPE, tmp_path / "other", fitted=fitted)
    assert not same(weights(tmp_path / "other"), weights(trained[0]))


def test_a_group_of_one_is_refused(data, tmp_path):
    images, cohort, _ = data
    fitted = (cohort["group"] == "background").to_numpy() | (cohort.index == 1)
    with pytest.raises(InputError, match=r"cohort\.tsv has 1 of the target group to train on"):
        train(images, cohort, RECIPE, tmp_path, fitted=fitted)


def test_the_kept_model_is_fitted_to_everyone_for_the_best_number_of_epochs(data, fitted, trained):
    images, cohort, _ = data
    rows = rows_of(cohort, RECIPE, fitted).with_everyone_fitted()
    assert len(rows.fitted) == fitted.sum() == len(rows.target) + len(rows.background)
    start = trainer_of(RECIPE).start(images, rows).finished_model()
    kept, _ = load_model(trained[0] / "cvae")
    assert torch.equal(kept.voxel_mean, start.voxel_mean)
    assert np.allclose(embed(kept, images).salient_mean, embed(start, images).salient_mean, atol=1e-5)


def test_divergence_is_said_in_words(data, tmp_path):
    images, cohort, _ = data
    with pytest.raises(InputError, match="diverged"):
        train(images, cohort, recipe(training={"learning_rate": 1e25, "gradient_clip": 1e30}), tmp_path)
    assert not (tmp_path / "cvae.safetensors").exists()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_mixed_precision_keeps_the_answer(data, tmp_path, precision):
    images, cohort, severity = data
    train(images, cohort, recipe(training={"precision": precision, "vae": False, "epochs": 1}), tmp_path)
    model, _ = load_model(tmp_path / "cvae")
    patients = severity > 0
    codes = embed(model, images).salient_mean[patients]
    assert max(abs(np.corrcoef(codes[:, unit], severity[patients])[0, 1]) for unit in range(2)) > 0.8
    assert choose_precision(precision, torch.device("cpu")) == getattr(torch, precision)


def test_the_studys_own_choices_train(data, tmp_path):
    images, cohort, _ = data
    as_published = recipe(
        image={"standardise": "none"},
        model={"start": "random", "noise": "fixed", "output": "sigmoid"},
        objective={
            "critic": "linear",
            "total_correlation": 100,
            "salient_of_background": 0,
            "effective_voxels": None,
        },
        training={"epochs": 1},
    )
    result = train(images, cohort, as_published, tmp_path)
    assert np.isfinite(result.history["validation_loss"]).all()


def test_a_linear_model_without_epochs_is_the_linear_fit(data, tmp_path):
    images, cohort, _ = data
    linear = RECIPE.model.linear.model_dump() | {"background_folds": 0}
    asked = recipe(model={"correction": False, "linear": linear}, training={"vae": False, "epochs": 0})
    train(images, cohort, asked, tmp_path)
    model, _ = load_model(tmp_path / "cvae")
    voxels = standardised_voxels(model, images)
    rows = rows_of(cohort, asked)
    units = asked.model.salient, asked.model.background
    sites = None if rows.sites is None else rows.sites[rows.fitted]
    training, is_target = rows.fitted, rows.is_target[rows.fitted]
    fitted = fit_linear("contrast", voxels[training], is_target, *units, sites=sites, seed=asked.seed)
    codes = embed(model, images)
    assert np.allclose(codes.salient_mean, fitted.salient.embed(voxels), atol=1e-3)
    assert np.allclose(codes.background_mean, fitted.background.embed(voxels), atol=1e-3)


@pytest.fixture(scope="module")
def of_two_sites(data):
    """The same maps, half of them of a second site, whose maps are darker; and a recipe conditioned on sites."""
    images, cohort, _ = data
    sites = np.array([1.0, 2.0])[np.arange(len(cohort)) // 2 % 2]
    darker = np.where(sites == 2, 0.05, 0)[:, None, None, None]
    asked = recipe(model={"condition_on_site": True}, training={"vae": False, "linear_epochs": 10})
    return (images - darker).astype(np.float16), cohort.assign(site=sites), asked


@pytest.mark.parametrize("start", ["contrast", "random"])
def test_a_network_conditioned_on_sites_is_trained_and_resumes_to_the_same_bits(
    of_two_sites, tmp_path, start
):
    images, cohort, asked = of_two_sites
    asked = asked.model_copy(update={"model": asked.model.model_copy(update={"start": start})})

    def stop(row):
        if row["epoch"] == (1 if start == "random" else 11):
            raise KeyboardInterrupt

    train(images, cohort, asked, tmp_path / "undisturbed")
    with pytest.raises(KeyboardInterrupt):
        train(images, cohort, asked, tmp_path / "stopped", stop)
    train(images, cohort, asked, tmp_path / "stopped")
    assert same(weights(tmp_path / "undisturbed"), weights(tmp_path / "stopped"))
    model, _ = load_model(tmp_path / "stopped" / "cvae")
    assert model.sites == ("1", "2")
    if start != "random":
        nothing = np.zeros((2, asked.model.background))
        one, other = decode(model, nothing, sites=np.array(["1", "2"]))
        assert np.mean(one - other) == pytest.approx(0.05, rel=0.2)


@pytest.mark.parametrize("deep", [False, True])
def test_a_step_is_taken_at_each_participants_own_site(of_two_sites, deep):
    images, cohort, asked = of_two_sites
    rows = rows_of(cohort, asked)
    trainer = trainer_of(asked)

    def unexplained(*, own):
        """At the start, and in the first steps."""
        state = trainer.start(images, rows)
        state = trainer.deepened(state, images) if deep else state
        assert np.array_equal(state.sites[:, 1].cpu().numpy(), cohort["site"] == 2)
        state.sites = state.sites if own else state.sites.flip(1)
        measured = trainer.evaluate(state, rows.fitted, rows.is_target), trainer.take_steps(state, rows, 1)
        return np.array([one["unexplained"] for one in measured])

    assert (unexplained(own=False) > 1.2 * unexplained(own=True)).all()


def test_what_is_borrowed_starts_the_network_and_is_part_of_what_training_is_named_by(data, tmp_path):
    images, cohort, _ = data
    asked = recipe(training={"vae": False, "epochs": 0})
    healthy = images[(cohort["group"] != "target").to_numpy()].reshape(-1, images[0].size).astype(np.float32)
    reference = fit_reference(healthy)
    train(images, cohort, asked, tmp_path / "own")
    train(images, cohort, asked, tmp_path / "borrowed", reference=reference)
    assert not same(weights(tmp_path / "own"), weights(tmp_path / "borrowed"))
    model, _ = load_model(tmp_path / "borrowed" / "cvae")  # without the reference
    assert np.isfinite(embed(model, images).salient_mean).all()
    with pytest.raises(InputError, match=r"other"):
        train(images, cohort, asked, tmp_path / "borrowed")
