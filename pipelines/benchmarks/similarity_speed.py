"""How fast relations of spaces and variables are tested, beside scipy and, where it is installed, rsatoolbox."""

import importlib.util
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import squareform
from scipy.stats import kendalltau

from adhd_cvae.analysis.comparison import compare, scores
from adhd_cvae.analysis.dissimilarity import (
    Scale,
    latent_dissimilarity,
    model_dissimilarity,
    without_rounding_error,
)
from adhd_cvae.analysis.permutation import draw_permutations
from adhd_cvae.analysis.similarity_table import rsa_table
from pipelines.benchmarks.timing import Row, measured, peak_gib, ratio, timed
from pipelines.progress import Progress, Tick

PARTICIPANTS = 470
PERMUTATIONS = 5000
BOOTSTRAPS = 1000
ROUNDS = 3
OURS, THEIRS = 200, 3
"""Permutations of a round of ours and of theirs, which take many times longer."""
UNITS = {"salient": 16, "background": 16, "vae": 32}
SCALES: dict[str, Scale] = {
    "age": "ratio",
    "iq": "ratio",
    "adhd_index": "ratio",
    "inattentive": "ratio",
    "hyper_impulsive": "ratio",
    "adhd_pc1": "ratio",
    "sex": "nominal",
    "site": "nominal",
}
COMPARED = {"adhd_pc1": "all values different", "inattentive": "whole numbers, 28 levels", "site": "labels"}


def invented(participants: int = PARTICIPANTS) -> tuple[dict[str, NDArray[np.float64]], pd.DataFrame]:
    """Latents and the usual variables, with the usual ties, of participants of seven sites."""
    rng = np.random.default_rng(0)
    spaces = {name: rng.normal(size=(participants, units)) for name, units in UNITS.items()}
    variables = pd.DataFrame(
        {
            "age": rng.uniform(7, 18, participants).round(2),
            "iq": rng.normal(105, 14, participants).round(),
            "adhd_index": rng.integers(40, 91, participants),
            "inattentive": rng.integers(9, 37, participants),
            "hyper_impulsive": rng.integers(9, 37, participants),
            "adhd_pc1": rng.normal(size=participants),
            "sex": rng.integers(0, 2, participants),
            "site": rng.integers(0, 7, participants),
        }
    )
    return spaces, variables


def whole_table(permutations: int, bootstraps: int) -> tuple[float, float, float]:
    """Seconds of the table on all cores, seconds of processor, GiB at most; with resamples also partial taus."""
    spaces, variables = invented()
    site = pd.Series(variables["site"])
    controls: dict[str, Scale] = {"site": "nominal", "age": "ratio"} if bootstraps else {}

    def table(many: int, resamples: int) -> pd.DataFrame:
        return rsa_table(
            spaces,
            variables,
            SCALES,
            controls=controls,
            permutations=many,
            bootstraps=resamples,
            strata=site,
        )

    table(2, min(2, bootstraps))  # compiles
    busy = time.process_time()
    seconds = timed(lambda: table(permutations, bootstraps))
    return seconds, time.process_time() - busy, peak_gib()


def similarity_rows(permutations: int, progress: Progress, tick: Tick) -> list[Row]:
    """Time the whole table in a process of its own, then single permutations beside others', in turns."""
    asked = f"{len(SCALES)} variables × {len(UNITS)} spaces × {permutations} permutations"
    rows = []
    for bootstraps, words in ((0, ""), (BOOTSTRAPS, f", {BOOTSTRAPS} resamples and partial tau")):
        tick(bool(bootstraps), 3, f"relating {asked}{words}")
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            seconds, processor, peak = process.submit(whole_table, permutations, bootstraps).result()
        name = f"RSA, n = {PARTICIPANTS}, {asked}{words}"
        rows += [
            measured(f"{name}, all cores", [seconds], "s"),
            measured(f"{name}, processor time", [processor], "s"),
            measured(f"{name}, peak memory", [peak], "GiB"),
        ]
    tick(2, 3, "relating beside others")
    for variable, words in COMPARED.items():
        rows += _beside_others(variable, words)
    if not _has_rsatoolbox():
        progress.line("rsatoolbox is not installed: relations were timed beside scipy alone.")
    tick(3, 3, "")
    return rows


def _has_rsatoolbox() -> bool:
    return importlib.util.find_spec("rsatoolbox") is not None


def _beside_others(variable: str, words: str) -> list[Row]:
    """Processor time per permutation of ours and theirs, and the largest difference between the taus."""
    spaces, variables = invented()
    numbers = variables[variable].to_numpy(np.float64)
    space = latent_dissimilarity(spaces["salient"])
    model = without_rounding_error(model_dissimilarity(numbers, SCALES[variable]))
    labels = numbers.astype(np.int32) if SCALES[variable] == "nominal" else None
    comparison = compare(space, model, labels)
    orders = draw_permutations(np.random.default_rng(1), np.zeros(len(numbers), np.int64), OURS)
    ours_tau = scores(comparison, orders[:THEIRS], 1) / comparison.norm
    permuted = [squareform(model[np.ix_(order, order)], checks=False) for order in orders[:THEIRS]]
    others = {"scipy": _scipy_taus} | ({"rsatoolbox": _rsatoolbox_taus} if _has_rsatoolbox() else {})
    vector, clock = squareform(space, checks=False), time.process_time
    apart = {
        name: np.abs(np.asarray(taus(vector, permuted)) - ours_tau).max() for name, taus in others.items()
    }
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in others}
    for _ in range(ROUNDS):
        ours.append(timed(lambda: scores(comparison, orders, 1), clock) / OURS)
        for name, taus in others.items():
            theirs[name].append(timed(lambda taus=taus: taus(vector, permuted), clock) / THEIRS)
    rows = [measured(f"one permutation, {words}, one core", ours, "s")]
    for name in others:
        rows.append(ratio(f"{name}'s time to ours, {words}", theirs[name], ours))
        rows.append(measured(f"largest difference from {name}'s tau, {words}", [float(apart[name])], "tau"))
    return rows


def _scipy_taus(space: NDArray[np.float64], models: list[NDArray[np.float64]]) -> list[float]:
    return [float(np.asarray(kendalltau(space, model))[0]) for model in models]


def _rsatoolbox_taus(space: NDArray[np.float64], models: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its imports
        rdm = importlib.import_module("rsatoolbox.rdm")
    return rdm.compare(rdm.RDMs(space[None]), rdm.RDMs(np.stack(models)), method="tau-b")[0]
