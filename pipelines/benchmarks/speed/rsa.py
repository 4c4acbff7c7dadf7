"""How long the whole RSA table takes at the size of a real study, and one statistic beside other libraries."""

import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau

from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.analysis.rsa.dissimilarity import latent_dissimilarity, model_dissimilarity
from adhd_cvae.analysis.rsa.kendall import compare, scores
from adhd_cvae.analysis.rsa.partial import held_columns
from adhd_cvae.analysis.rsa.table import rsa_table, with_noise_ceilings
from adhd_cvae.analysis.variables import Scale
from adhd_cvae.names import BACKGROUND, SALIENT, VAE
from pipelines.benchmarks.speed.measures import timed

UNITS = {SALIENT: 16, BACKGROUND: 16, VAE: 32}
SAMPLES = 10
SCALES: dict[str, Scale] = {
    "age": "ratio",
    "sex": "nominal",
    "site": "nominal",
    "index": "ratio",
    "inattentive": "ratio",
    "impulsive": "ratio",
    "full_iq": "ratio",
    "component": "ratio",
}
"""Variables like those of ADHD-200: ages and a component without ties, ratings and IQ in whole numbers."""


class Size(NamedTuple):
    """Of the measured table."""

    participants: int = 470
    permutations: int = 5000
    bootstraps: int = 1000

    def __str__(self) -> str:
        return (
            f"{len(SCALES)} variables × {len(UNITS)} spaces × {self.permutations} permutations, "
            f"n = {self.participants}"
        )


def study(size: Size) -> tuple[dict[str, NDArray[np.float64]], pd.DataFrame]:
    """Latents and variables of nobody."""
    rng, n = np.random.default_rng(0), size.participants
    spaces = {name: rng.normal(size=(n, units)) for name, units in UNITS.items()}
    ratings = {
        name: rng.normal(60, 10, n).round() for name in ("index", "inattentive", "impulsive", "full_iq")
    }
    others = {"age": rng.uniform(7, 21, n), "sex": rng.integers(0, 2, n), "site": rng.integers(0, 8, n)}
    return spaces, pd.DataFrame({**others, **ratings, "component": rng.normal(size=n)})


def table_seconds(size: Size) -> float:
    """Seconds of the table as `analyse` asks for it: within sites, with partial tau and noise ceiling."""
    spaces, variables = study(size)
    noise = np.random.default_rng(1)
    samples = {name: values + noise.normal(size=(SAMPLES, *values.shape)) for name, values in spaces.items()}
    inference = Inference(size.permutations, size.bootstraps, strata=pd.Series(variables["site"]))
    held = held_columns(variables, "site", ["age"])

    def table() -> pd.DataFrame:
        relations = rsa_table(spaces, variables, SCALES, inference, held=held)
        return with_noise_ceilings(relations, spaces, samples, inference.sizes)

    return timed(table)


def statistic_seconds(variable: str, size: Size, rounds: int) -> dict[str, list[float]]:
    """Seconds of one tau-b on one core: of a permutation of ours, and of each library that is installed."""
    spaces, variables = study(size)
    values = variables[variable].to_numpy(np.float64)
    scale = SCALES[variable]
    space, model = latent_dissimilarity(spaces[SALIENT]), model_dissimilarity(values, scale)
    labels = values.astype(np.int32) if scale == "nominal" else None
    comparison = compare(space, model, labels)
    rng = np.random.default_rng(2)
    count = min(size.permutations, 200)
    orders = np.stack([rng.permutation(size.participants) for _ in range(count)]).astype(np.int32)
    scores(comparison, orders[:1])  # compiles
    pairs = np.triu_indices(size.participants, 1)
    calls: dict[str, Callable[[], object]] = {"scipy": lambda: kendalltau(space[pairs], model[pairs])}
    if find_spec("rsatoolbox") is not None:
        calls["rsatoolbox"] = _rsatoolbox(space[pairs], model[pairs])
    seconds: dict[str, list[float]] = {name: [] for name in ("ours", *calls)}
    for _ in range(rounds):
        seconds["ours"].append(timed(lambda: scores(comparison, orders), time.process_time) / count)
        for name, call in calls.items():
            seconds[name].append(timed(call, time.process_time))
    return seconds


def _rsatoolbox(space: NDArray[np.float64], model: NDArray[np.float64]) -> Callable[[], object]:
    rdm = import_module("rsatoolbox.rdm")  # optional: no dependency of ours
    return lambda: rdm.compare(rdm.RDMs(space[None]), rdm.RDMs(model[None]), method="tau-b")
