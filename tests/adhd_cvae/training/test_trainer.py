import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from sklearn.linear_model import LinearRegression

from adhd_cvae.cohort.split import split_cohort
from adhd_cvae.config import ObjectiveConfig, Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.inference.embedding import embed, standardised_voxels
from adhd_cvae.models.linear import fit_linear
from adhd_cvae.models.weights import load_model
from adhd_cvae.training.sampler import deal_rows
from adhd_cvae.training.state import choose_precision, new_learner, save_state
from adhd_cvae.training.trainer import load_batch, take_step, train

SHAPE = (16, 16, 16)
RECIPE = Recipe.model_validate(
    {
        "image": {"shape": SHAPE, "voxel_size": 12.0},
        "model": {"salient": 2, "background": 4, "channels": [2, 4], "hidden": 4},
        "training": {"epochs": 3, "batch_size": 8},
    }
)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    count = 60
    group = np.where(np.arange(count) % 2, "target", "background")
    cohort = pd.DataFrame(
        {"participant_id": [f"sub-{number:02d}" for number in range(count)], "group": group, "site": 1}
    )
    cohort["split"] = split_cohort(cohort, 0.3, 0, "site")
    shared = np.einsum("nk,kxyz->nxyz", rng.standard_normal((count, 4)), rng.standard_normal((4, *SHAPE)))
    severity = rng.gamma(2, 0.5, count) * (group == "target")
    blob = np.zeros(SHAPE)
    blob[4:8, 4:8, 4:8] = -0.15
    maps = (
        0.5
        + 0.03 * shared
        + severity[:, None, None, None] * blob
        + 0.02 * rng.standard_normal((count, *SHAPE))
    )
    return maps.astype(np.float16), cohort, severity


def recipe(**parts):
    content = RECIPE.model_dump()
    for part, values in parts.items():
        content[part] |= values
    return Recipe.model_validate(content)


def weights(folder, name="cvae"):
    return load_file(folder / f"{name}.safetensors")


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    images, cohort, _ = data
    rows = []
    result = train(images, cohort, RECIPE, folder, rows.append)
    return folder, result, rows


def test_history_tells_every_epoch_of_both_models(trained):
    folder, result, rows = trained
    assert result.history.groupby("model")["epoch"].max().to_dict() == {"cvae": 3, "vae": 3}
    assert len([row for row in rows if not row.get("refit")]) == len(result.history) == 8
    assert (folder / "history.tsv").is_file()
    assert sorted(path.name for path in folder.iterdir() if path.suffix == ".pt") == []
    measured = result.history.drop(columns=["model", "critic_loss", "critic_accuracy"])
    assert np.isfinite(measured.to_numpy(float)).all()


def test_training_improves_on_a_random_start(data, tmp_path):
    images, cohort, _ = data
    result = train(
        images, cohort, recipe(model={"start": "random"}, training={"vae": False, "epochs": 6}), tmp_path
    )
    losses = result.history["validation_loss"]
    assert losses.iloc[-1] < losses.iloc[0]
    assert result.history["validation_reconstruction"].iloc[0] > 0.99  # it starts at the mean image


def test_a_trained_model_separates_what_only_patients_have(data, trained):
    images, cohort, severity = data
    model, _ = load_model(trained[0] / "cvae")
    codes = embed(model, images)
    new = ((cohort["group"] == "target") & (cohort["split"] == "test")).to_numpy()
    known = ((cohort["group"] == "target") & (cohort["split"] == "train")).to_numpy()
    slopes = LinearRegression().fit(codes.salient_mean[known], severity[known])
    assert np.corrcoef(slopes.predict(codes.salient_mean[new]), severity[new])[0, 1] > 0.8
    spread = np.sqrt((codes.salient_mean**2).mean(axis=1))
    target = (cohort["group"] == "target").to_numpy()
    assert spread[~target].mean() < 0.5 * spread[target].mean()


def test_the_same_seed_gives_the_same_bits(data, trained, tmp_path):
    images, cohort, _ = data
    train(images, cohort, RECIPE, tmp_path)
    assert same(weights(tmp_path), weights(trained[0]))
    assert same(weights(tmp_path, "vae"), weights(trained[0], "vae"))
    assert not same(weights(tmp_path), weights(tmp_path, "vae"))


@pytest.mark.parametrize("stop_after", [1, 3, 6])
def test_interrupted_training_resumes_to_the_same_bits(data, trained, tmp_path, stop_after):
    images, cohort, _ = data
    seen = []

    def stop(row):
        seen.append(row)
        if len(seen) == stop_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(images, cohort, RECIPE, tmp_path, stop)
    (tmp_path / ".writing-killed.partial.pt").write_bytes(b"what a killed process was writing")
    result = train(images, cohort, RECIPE, tmp_path)
    assert same(weights(tmp_path), weights(trained[0]))
    assert same(weights(tmp_path, "vae"), weights(trained[0], "vae"))
    assert not list(tmp_path.glob(".*"))
    losses = ["model", "epoch", "train_loss", "validation_loss", "critic_loss"]
    pd.testing.assert_frame_equal(result.history[losses], trained[1].history[losses])


def test_the_classifier_resumes_with_the_rest(data, tmp_path):
    images, cohort, _ = data
    sepvae = recipe(
        objective=ObjectiveConfig.model_validate({"name": "sepvae"}).model_dump(),
        training={"epochs": 2, "vae": False},
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


def test_a_finished_model_is_not_trained_again(data, trained, tmp_path):
    images, cohort, _ = data
    before = (trained[0] / "cvae.safetensors").stat().st_mtime_ns
    again = train(images, cohort, RECIPE, trained[0])
    assert (trained[0] / "cvae.safetensors").stat().st_mtime_ns == before
    assert len(again.history) == 8


def test_a_folder_of_other_settings_is_refused(data, trained):
    images, cohort, _ = data
    with pytest.raises(InputError, match="other data or settings"):
        train(images, cohort, recipe(objective={"beta": 2.0}), trained[0])


def test_held_out_participants_change_nothing(data, trained, tmp_path):
    images, cohort, _ = data
    changed = images.copy()
    changed[(cohort["split"] == "test").to_numpy()] = 0.123
    train(changed, cohort, RECIPE, tmp_path)
    assert same(weights(tmp_path), weights(trained[0]))


def test_nobody_serves_twice(data):
    _, cohort, _ = data
    rows = deal_rows(cohort, RECIPE)
    everyone = np.concatenate([rows.target, rows.background, rows.validation])
    assert len(set(everyone)) == len(everyone) == (cohort["split"] == "train").sum()
    assert not set(everyone) & set(np.flatnonzero(cohort["split"] == "test"))


def test_the_start_has_not_seen_who_decides_when_to_stop(data):
    images, cohort, _ = data
    rows = deal_rows(cohort, RECIPE)
    changed = images.copy()
    changed[rows.validation] = 0.123
    before, after = (new_learner(RECIPE.model, maps, rows, RECIPE).model for maps in (images, changed))
    assert same(before.state_dict(), after.state_dict())


def test_the_kept_model_is_fitted_to_everyone_for_the_best_number_of_epochs(data, trained):
    images, cohort, _ = data
    rows = deal_rows(cohort, RECIPE).with_everyone_fitted()
    assert len(rows.fitted) == (cohort["split"] == "train").sum() == len(rows.target) + len(rows.background)
    start = new_learner(RECIPE.model, images, rows, RECIPE).model
    kept, _ = load_model(trained[0] / "cvae")
    assert torch.equal(kept.voxel_mean, start.voxel_mean)
    assert np.array_equal(embed(kept, images).salient_mean, embed(start, images).salient_mean)


@pytest.mark.parametrize("changes", [{"epochs": 0}, {"validation_fraction": 0}])
def test_without_epochs_or_a_share_nobody_is_held_back(data, changes):
    _, cohort, _ = data
    rows = deal_rows(cohort, recipe(training=changes))
    assert len(rows.fitted) == (cohort["split"] == "train").sum()
    assert not rows.held_back


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
            "background_salient": 0,
            "effective_voxels": None,
        },
        training={"epochs": 1},
    )
    result = train(images, cohort, as_published, tmp_path)
    assert np.isfinite(result.history["validation_loss"]).all()


def test_a_mask_without_voxels_is_one_readable_line(data, tmp_path):
    images, cohort, _ = data
    with pytest.raises(InputError, match=r"mask_threshold=0\.1 \(largest mean: 0\)"):
        train(np.zeros_like(images), cohort, RECIPE, tmp_path)


def test_a_damaged_checkpoint_is_one_readable_line(trained, tmp_path):
    for name in ("cvae.json", "cvae.safetensors"):
        (tmp_path / name).write_bytes((trained[0] / name).read_bytes())
    whole = (tmp_path / "cvae.safetensors").read_bytes()
    (tmp_path / "cvae.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"):
        load_model(tmp_path / "cvae")
    content = json.loads((tmp_path / "cvae.json").read_text())
    (tmp_path / "cvae.safetensors").write_bytes(whole)
    (tmp_path / "cvae.json").write_text(json.dumps(content | {"voxels": 3}))
    with pytest.raises(InputError, match="damaged or of another model"):
        load_model(tmp_path / "cvae")
    with pytest.raises(InputError, match="train"):
        load_model(tmp_path / "absent")


def test_a_checkpoint_that_carries_code_is_refused(data, tmp_path, capsys):
    class Evil:
        def __reduce__(self):
            return (print, ("owned",))

    save_state({"key": "x", "model": Evil()}, tmp_path / "cvae-resume.pt")
    images, cohort, _ = data
    with pytest.raises(InputError, match=r"damaged.*Weights only load failed"):
        train(images, cohort, RECIPE, tmp_path)
    assert "owned" not in capsys.readouterr().out


@pytest.mark.parametrize("asked", [None, True])
def test_the_salient_means_learn_only_where_they_are_asked_to(data, asked):
    images, cohort, _ = data
    settings = recipe(training={"train_salient": asked})
    rows = deal_rows(cohort, settings)
    learner = new_learner(settings.model, images, rows, settings)
    before = embed(learner.model, images)
    learner.model.train()
    batch = np.concatenate([rows.target[:8], rows.background[:8]])
    for _ in range(2):  # the first step moves the last layers, which start at zero, only
        take_step(learner, load_batch(images[batch], None), rows.is_target[batch], settings)
    after = embed(learner.model, images)
    assert np.array_equal(before.salient_mean, after.salient_mean) == (asked is None)
    assert not np.array_equal(before.salient_sd, after.salient_sd)
    assert not np.array_equal(before.background_mean, after.background_mean)


@pytest.mark.parametrize("start", ["contrast", "contrastive_pca", "pcpca", "pca", "ica"])
def test_a_linear_model_without_epochs_is_the_linear_fit(data, tmp_path, start):
    images, cohort, _ = data
    asked = recipe(model={"start": start, "correction": False}, training={"vae": False, "epochs": 0})
    train(images, cohort, asked, tmp_path)
    model, _ = load_model(tmp_path / "cvae")
    voxels = standardised_voxels(model, images)
    rows = deal_rows(cohort, asked)
    units = asked.model.salient, asked.model.background
    sites = None if rows.sites is None else rows.sites[rows.fitted]
    training, is_target = rows.fitted, rows.is_target[rows.fitted]
    fitted = fit_linear(start, voxels[training], is_target, *units, sites=sites, seed=asked.seed)
    codes = embed(model, images)
    assert np.allclose(codes.salient_mean, fitted.salient.embed(voxels), atol=1e-3)
    assert np.allclose(codes.background_mean, fitted.background.embed(voxels), atol=1e-3)
