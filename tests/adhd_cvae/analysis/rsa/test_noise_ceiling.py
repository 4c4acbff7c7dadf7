"""The noise ceiling falls with noise."""

import numpy as np
import pytest

from adhd_cvae.analysis.rsa.noise_ceiling import noise_ceiling
from adhd_cvae.config import SizesConfig


def test_noise_ceiling_falls_with_noise_and_is_that_of_the_space():
    rng = np.random.default_rng(3)
    means = rng.normal(size=(60, 1))
    around = [means + noise * rng.normal(size=(4, 60, 1)) for noise in (0.0, 0.3, 2.0)]
    ceilings = [noise_ceiling(means, samples, SizesConfig()) for samples in around]
    assert ceilings[0] == pytest.approx(1)
    assert 1 > ceilings[1] > ceilings[2] > 0
    drawn = noise_ceiling(means, around[1], SizesConfig(all_pairs=50, sampled_pairs=1000))
    assert drawn == pytest.approx(ceilings[1], abs=0.05)


@pytest.mark.parametrize("samples", [np.empty((0, 60, 1)), np.full((2, 60, 1), np.nan), np.zeros((2, 60, 1))])
def test_samples_that_say_nothing_give_no_ceiling(samples):
    means = np.random.default_rng(0).normal(size=(60, 1))
    assert np.isnan(noise_ceiling(means, samples, SizesConfig()))
