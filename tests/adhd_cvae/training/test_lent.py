"""Lent maps: further controls of the steps that see maps, drawn by the seed; nothing else of a training changes."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.training.lent import Lent
from adhd_cvae.training.train import train
from tests.adhd_cvae.training.small import RECIPE, SHAPE, recipe, rows_of, same, weights

WITHIN = (0.03 * np.random.default_rng(9).standard_normal((50, *SHAPE))).astype(np.float16)


@pytest.fixture(scope="module")
def lending(data, fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lending")
    images, cohort, _ = data
    return folder, train(images, cohort, RECIPE, folder, fitted=fitted, lent=WITHIN)


def test_those_of_an_epoch_are_further_fitted_controls_around_the_own_ones_mean(data, fitted):
    images, cohort, _ = data
    rows = rows_of(cohort, RECIPE, fitted)
    take, more = Lent(WITHIN, 1.0).beside(images, rows, (0, 1))
    lent = more.background[more.background >= len(images)]
    assert len(lent) == len(set(lent)) == len(rows.background)
    assert sorted(set(more.fitted) - set(lent)) == sorted(rows.fitted)
    assert more.target.tolist() == rows.target.tolist()
    assert more.validation.tolist() == rows.validation.tolist()
    assert set(more.sites[lent]) == {"lent"}
    found = take(np.array([lent[0], 3]))
    mean = images[rows.background].mean(axis=0, dtype=np.float64)
    assert found[0] == pytest.approx(mean + WITHIN[lent[0] - len(images)], abs=1e-3)
    assert np.array_equal(found[1], images[3])


def test_an_epoch_draws_by_the_seed_and_no_more_than_there_are_or_asked_for(data, fitted):
    images, cohort, _ = data
    rows = rows_of(cohort, RECIPE, fitted)

    def drawn(share, seed, within=WITHIN):
        return Lent(within, share).beside(images, rows, seed)[1].fitted[len(rows.fitted) :].tolist()

    assert drawn(1.0, (0, 1)) == drawn(1.0, (0, 1))
    assert drawn(1.0, (0, 1)) != drawn(1.0, (0, 2))
    assert len(drawn(0.5, (0, 1))) == round(len(rows.background) / 2)
    assert sorted(drawn(9.0, (0, 1), WITHIN[:5])) == [len(images) + number for number in range(5)]


def test_the_nonlinear_step_alone_learns_from_them(trained, lending):
    own, other = trained[1].history, lending[1].history
    columns = ["model", "step", "epoch", "train_loss", "validation_loss"]
    linear = own["step"] != "deep"
    pd.testing.assert_frame_equal(own.loc[linear, columns], other.loc[linear, columns])
    assert (own.loc[~linear, "validation_loss"] != other.loc[~linear, "validation_loss"]).all()


def test_none_asked_for_leaves_the_same_bits(data, fitted, trained, tmp_path):
    images, cohort, _ = data
    none = recipe(training={"lent_controls": 0.0})
    train(images, cohort, none, tmp_path / "none", fitted=fitted, lent=WITHIN)
    for name in ("cvae", "vae"):
        assert same(weights(tmp_path / "none", name), weights(trained[0], name))


@pytest.mark.parametrize("stop_after", [4, 9])
def test_interrupted_in_the_middle_it_ends_with_the_same_bits(data, fitted, lending, tmp_path, stop_after):
    images, cohort, _ = data
    seen = []

    def stop(row):
        seen.append(row)
        if len(seen) == stop_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(images, cohort, RECIPE, tmp_path, stop, fitted=fitted, lent=WITHIN)
    train(images, cohort, RECIPE, tmp_path, fitted=fitted, lent=WITHIN)
    for name in ("cvae", "vae"):
        assert same(weights(tmp_path, name), weights(lending[0], name))


def test_a_training_without_them_is_another_one(data, fitted, lending):
    images, cohort, _ = data
    with pytest.raises(InputError, match="other data or settings"):
        train(images, cohort, RECIPE, lending[0], fitted=fitted)


def test_a_decoder_conditioned_on_sites_takes_them_for_the_average_site(data, tmp_path):
    images, cohort, _ = data
    sites = cohort.assign(site=[1, 1, 2, 2] * 15)
    asked = recipe(model={"condition_on_site": True}, training={"vae": False, "validation_splits": 1})
    assert len(train(images, sites, asked, tmp_path, lent=WITHIN).history)
