"""Tau-b is scipy's, whatever is tied, permuted or resampled."""

import numpy as np
import pytest
from scipy.spatial.distance import squareform
from scipy.stats import kendalltau

from adhd_cvae.analysis.rsa.dissimilarity import latent_dissimilarity, model_dissimilarity
from adhd_cvae.analysis.rsa.kendall import bootstrap_taus, kendall_tau
from adhd_cvae.analysis.rsa.pair_order import dense_codes, pair_order


def scipy_tau(first, second):
    return kendalltau(squareform(first, checks=False), squareform(second, checks=False)).statistic


@pytest.mark.parametrize("tied_space", [False, True])
@pytest.mark.parametrize("values", ["continuous", "integers", "binary"])
def test_tau_equals_scipy_whatever_is_tied(tied_space, values):
    for seed in range(15):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(4, 60))
        latents = rng.integers(0, 3, (n, 2)) if tied_space else rng.normal(size=(n, 3))
        space = latent_dissimilarity(latents)
        numbers = {"continuous": rng.normal(size=n), "integers": rng.integers(0, 9, n)}.get(values)
        numbers = rng.integers(0, 2, n) if numbers is None else numbers
        model = model_dissimilarity(numbers.astype(float), "ratio")
        expected = scipy_tau(space, model)
        assert kendall_tau(space, model) == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_bootstrap_leaves_out_pairs_of_a_participant_with_itself():
    rng = np.random.default_rng(2)
    n = 18
    space = latent_dissimilarity(rng.normal(size=(n, 2)))
    model = model_dissimilarity(rng.integers(0, 6, n).astype(float), "ratio")
    times = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(20)]).astype(np.int32)
    taus = bootstrap_taus(*pair_order(space), *dense_codes(model), times)
    for tau, row in zip(taus, times, strict=True):
        drawn = np.repeat(np.arange(n), row)
        first, second = (drawn[index] for index in np.triu_indices(n, 1))
        kept = first != second
        pairs = first[kept], second[kept]
        assert tau == pytest.approx(kendalltau(space[pairs], model[pairs]).statistic, abs=1e-12)
