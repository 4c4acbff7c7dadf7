"""Tau from some of the pairs: as far off as its bound says, and in little memory."""

import subprocess
import sys

import numpy as np
import pytest

from adhd_cvae.analysis.permutation import permuted_orders
from adhd_cvae.analysis.rsa import pair_sampling
from adhd_cvae.analysis.rsa import permutation_rsa as rsa
from adhd_cvae.analysis.rsa.permutation_rsa import permutation_rsa
from adhd_cvae.config import SizesConfig

N = 300
STRATA = np.zeros(N, np.int64)
FEW = SizesConfig(all_pairs=100, sampled_pairs=4000)
"""Sampled from 300 participants as from thousands."""


def participants(strength=1.0, n=N, seed=0):
    rng = np.random.default_rng(seed)
    age = rng.uniform(7, 18, n)
    return np.column_stack([strength * age, *rng.normal(scale=3, size=(3, n))]), age


def test_drawn_pairs_are_pairs_and_all_different():
    first, second = pair_sampling.sample_pairs(40, np.random.default_rng(0), 10_000)
    assert {(i, j) for i, j in zip(first, second, strict=True)} == set(
        zip(*np.triu_indices(40, 1), strict=True)
    )
    first, second = pair_sampling.sample_pairs(50_000, np.random.default_rng(0), 200_000)
    assert first.min() >= 0
    assert second.max() < 50_000
    assert (first < second).all()
    assert len(np.unique(first.astype(np.int64) * 50_000 + second)) == 200_000


@pytest.mark.parametrize("scale", ["ratio", "nominal"])
@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_the_sampled_tau_is_as_near_the_exact_one_as_its_bound_says(scale, strength):
    space, age = participants(strength)
    values = np.round(age / 4) if scale == "nominal" else np.round(age, 1)
    exact = rsa._question(space, values, scale, None).comparison()
    identity = np.arange(N, dtype=np.int32)[None]
    tau = rsa.scores(exact, identity)[0] / exact.norm
    drawn = [
        pair_sampling.sample(space, values, scale, FEW, np.random.default_rng(seed)) for seed in range(60)
    ]
    away = np.array([pairs.taus(identity)[0] for pairs in drawn]) - tau
    bound = drawn[0].error
    assert np.std(away) < bound
    assert abs(away.mean()) < 3 * bound / np.sqrt(len(away))
    assert np.abs(away).max() < 4 * bound
    assert np.std(away) > 0.2 * bound  # a bound that says something


def test_all_pairs_give_the_exact_tau_of_every_permutation_and_resample():
    space, age = participants(n=60)
    values = np.round(age)
    exact = rsa._question(space, values, "ratio", None).comparison()
    pairs = pair_sampling.sample(space, values, "ratio", SizesConfig(), np.random.default_rng(1))
    orders = permuted_orders(np.random.default_rng(2), STRATA[:60], 20)
    assert pairs.taus(orders) == pytest.approx(rsa.scores(exact, orders) / exact.norm)
    sampled, known = (np.random.default_rng(3) for _ in range(2))
    assert pair_sampling.resampled_taus(pairs, 30, sampled) == pytest.approx(rsa._resampled(exact, 30, known))


def test_more_values_than_steps_change_tau_less_than_drawing_pairs():
    space, age = participants(n=3000)
    sizes = SizesConfig()
    assert len(np.unique(age)) > sizes.sampled_levels
    rng = np.random.default_rng(0)
    rounded = pair_sampling.sample(space, age, "ratio", sizes, rng)
    exact = permutation_rsa(space, age, "ratio", permutations=1, bootstraps=0).tau
    assert rounded.taus(np.arange(3000, dtype=np.int32)[None])[0] == pytest.approx(
        exact, abs=3 * rounded.error
    )


def test_a_large_cohorts_note_says_that_its_tau_is_sampled():
    space, age = participants(0.5)
    found = permutation_rsa(space, age, "ratio", permutations=99, bootstraps=50, sizes=FEW)
    assert "from 4,000 of 44,850 pairs: standard error of tau from that at most 0.02" in (found.note or "")
    assert found.ci_low < found.tau < found.ci_high
    assert found.p_value == 0.01
    unrelated = [
        permutation_rsa(
            participants(0.0, seed=seed)[0],
            age,
            "ratio",
            permutations=19,
            bootstraps=0,
            seed=seed,
            sizes=FEW,
        )
        for seed in range(40)
    ]
    assert sum(result.p_value <= 0.05 for result in unrelated) <= 7


LARGE = """
import resource
import numpy as np
from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.analysis.rsa.partial import held_columns
from adhd_cvae.analysis.rsa.table import rsa_table, with_noise_ceilings
from adhd_cvae.config import SizesConfig
import pandas as pd
rng = np.random.default_rng(0)
n = 20_000
table = pd.DataFrame({"age": rng.uniform(7, 18, n), "site": rng.integers(0, 20, n)})
space = np.column_stack([table["age"], rng.normal(scale=3, size=(n, 7))])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
inference = Inference(permutations=100, bootstraps=60)
scales = {"age": "ratio", "site": "nominal"}
found = rsa_table({"salient": space}, table, scales, inference, held=held_columns(table, "site", []), n_jobs=1)
samples = {"salient": space + rng.normal(scale=0.1, size=(2, n, 8))}
with_noise_ceilings(found, {"salient": space}, samples, SizesConfig())
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.slow
def test_twenty_thousand_participants_take_less_than_a_gigabyte():
    """All pairs of them would be 3.2 GB as float64, and several times that while they are sorted."""
    answer = subprocess.run([sys.executable, "-c", LARGE], check=True, capture_output=True, text=True)
    assert float(answer.stdout) < 1000
