"""Posterior means and samples: written and read to the bit, in the order asked for, or refused."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import read_tsv
from pipelines.output_dir.latents import (
    codes_by_space,
    read_samples,
    write_distances,
    write_latents,
    write_out_of_fold,
    write_samples,
)

COHORT = pd.DataFrame({"participant_id": ["sub-1", "sub-2"], "group": ["target", "background"]})


@pytest.fixture
def samples():
    return {"salient": np.random.default_rng(0).normal(size=(3, 2, 4)).astype(np.float32)}


def test_means_read_back_exactly(tmp_path):
    mean = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    posteriors = {"salient": (mean, mean**2), "background": (mean + 1, mean**2)}
    write_latents(COHORT, posteriors, tmp_path / "latents.tsv")
    table = read_tsv(tmp_path / "latents.tsv")
    assert list(table)[:4] == ["participant_id", "group", "s_00", "s_01"]
    assert np.array_equal(table["s_00_sd"].astype(np.float32), mean[:, 0] ** 2)
    found = codes_by_space(table, ("salient", "background"), tmp_path / "latents.tsv")
    assert np.array_equal(found["salient"].astype(np.float32), mean)
    assert found["background"].shape == (2, 3)


def test_codes_out_of_fold_say_whose_fold_it_is(tmp_path):
    mean = np.ones((2, 1), np.float32)
    write_out_of_fold(COHORT, np.array([1, 0]), {"salient": (mean, mean)}, tmp_path / "out_of_fold.tsv")
    table = read_tsv(tmp_path / "out_of_fold.tsv")
    assert list(table) == ["participant_id", "group", "fold", "s_00", "s_00_sd"]
    assert table["fold"].tolist() == [1, 0]


def test_a_space_without_samples_is_refused(tmp_path, samples):
    write_samples(COHORT, samples, tmp_path / "draws.npz")
    with pytest.raises(InputError, match=r"has no 'vae'"):
        read_samples(tmp_path / "draws.npz", COHORT["participant_id"], ["vae"])


def test_a_table_without_codes_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no latent column.*such as s_00"):
        codes_by_space(COHORT, ("salient",), tmp_path / "latents.tsv")


def test_samples_come_in_the_order_asked_for(tmp_path, samples):
    write_samples(COHORT, samples, tmp_path / "draws.npz")
    found = read_samples(tmp_path / "draws.npz", pd.Series(["sub-2", "sub-1"]))
    assert np.array_equal(found["salient"], samples["salient"][:, ::-1])


def test_samples_of_others_and_of_another_shape_are_refused(tmp_path, samples):
    write_samples(COHORT, samples, tmp_path / "draws.npz")
    with pytest.raises(InputError, match="lacks 1 participants"):
        read_samples(tmp_path / "draws.npz", pd.Series(["sub-1", "sub-9"]))
    write_samples(COHORT, {"salient": np.zeros((2, 4))}, tmp_path / "draws.npz")
    with pytest.raises(InputError, match=r"'salient' has shape \(2, 4\)"):
        read_samples(tmp_path / "draws.npz", COHORT["participant_id"])


def test_distances_stand_beside_who_they_are_of(tmp_path):
    write_distances(COHORT, np.array([0.9, 3.0]), np.array([False, True]), tmp_path / "distances.tsv")
    table = read_tsv(tmp_path / "distances.tsv")
    assert table["distance"].tolist() == [0.9, 3.0]
    assert table["out_of_distribution"].tolist() == [False, True]
