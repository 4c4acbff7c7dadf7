"""How often each test of the tables says yes where the truth is known to be no, or yes."""

from collections.abc import Callable, Mapping
from typing import cast

import numpy as np
import pandas as pd
from scipy.stats import binomtest, kendalltau, permutation_test
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from adhd_cvae.analysis.independence import independence_table
from adhd_cvae.analysis.maps.group_maps import group_test, severity_test
from adhd_cvae.analysis.mixture import mixture_test_table
from adhd_cvae.analysis.permutation import Inference, cell_generator
from adhd_cvae.analysis.probes import probe_table
from adhd_cvae.analysis.rsa.as_published import as_published_table
from adhd_cvae.analysis.rsa.dissimilarity import latent_dissimilarity, model_dissimilarity
from adhd_cvae.analysis.rsa.partial import held_columns
from adhd_cvae.analysis.rsa.table import rsa_table
from adhd_cvae.analysis.silhouette import silhouette_table
from adhd_cvae.analysis.variables import Scale
from adhd_cvae.cohort.covariates import constant_columns
from adhd_cvae.config import CohortConfig
from adhd_cvae.names import ALPHA
from tests.validation.calibration.null_studies import Study, simulate_study

TOLERANCE = 0.015
PERMUTATIONS = 199
"""A multiple of twenty less one: then p <= .05 has a probability of exactly .05 under the null."""
MIXTURE_BOOTSTRAPS = 19
CALIBRATION_COLUMNS = ["statistic", "site_effects", "planted", "simulations", "rejections", "rate"]


CALIBRATION_COLUMNS += ["low", "high", "verdict"]


Rejections = dict[str, float]
_SCALES: dict[str, Scale] = {"score": "ratio", "label": "nominal"}


def _rejected(p_value: float) -> float:
    """1 or 0; NaN where there was no test."""
    reached = p_value <= ALPHA + 1e-9
    return float("nan") if np.isnan(p_value) else float(reached)


def _salient(table: pd.DataFrame, column: str) -> dict[str, float]:
    """Variable to the number in a column of the salient space's rows."""
    rows = pd.DataFrame(table[table["space"] == "salient"])
    return dict(zip(rows["variable"], rows[column].to_numpy(np.float64), strict=True))


def _of_salient(table: pd.DataFrame, test: str) -> Rejections:
    """Rejections by p, and by an interval of the difference from the background space that leaves out zero."""
    p_values = _salient(table, "p_value")
    lows, highs = _salient(table, "difference_ci_low"), _salient(table, "difference_ci_high")
    found: Rejections = {}
    for name, scale in _SCALES.items():
        found[f"{test}, {scale}"] = _rejected(p_values[name])
        excluded = float(lows[name] > 0 or highs[name] < 0)
        found[f"{test}, {scale}: difference"] = float("nan") if np.isnan(lows[name]) else excluded
    return found


def _rsa(study: Study, seed: int) -> Rejections:
    """Permuting freely where sites differ is wrong, and shown to be."""
    spaces = {"salient": study.salient, "background": study.background}
    found: Rejections = {}
    for way, strata in (("within site", pd.Series(study.variables["site"])), ("free", None)):
        table = rsa_table(
            spaces,
            study.variables,
            _SCALES,
            Inference(permutations=PERMUTATIONS, bootstraps=PERMUTATIONS, seed=seed, strata=strata),
            n_jobs=1,
        )
        found |= _of_salient(table, f"RSA {way}")
        found[f"RSA {way}, any after FDR"] = _rejected(float(np.nanmin(table["p_fdr"].to_numpy(np.float64))))
    return found


def _partial(study: Study, seed: int) -> Rejections:
    space, score = study.aged
    variables = study.variables.assign(score=score)
    table = rsa_table(
        {"salient": space},
        variables,
        _SCALES,
        Inference(permutations=PERMUTATIONS, bootstraps=0, seed=seed, strata=study.site),
        held=held_columns(variables, "site", ["age"]),
        n_jobs=1,
    )
    p_values = _salient(table, "p_partial")
    return {f"partial RSA, {scale}": _rejected(p_values[name]) for name, scale in _SCALES.items()}


def _silhouettes(study: Study, seed: int) -> Rejections:
    """The difference is of spaces of one size: silhouettes shrink as units are added."""
    units = study.salient.shape[1]
    table = silhouette_table(
        {"salient": study.salient, "background": study.background[:, :units]},
        study.variables,
        _SCALES,
        Inference(permutations=PERMUTATIONS, bootstraps=PERMUTATIONS, seed=seed, strata=study.site),
    )
    return _of_salient(table, "silhouette")


def _probes(study: Study, seed: int) -> Rejections:
    table = probe_table(
        {"salient": study.salient},
        study.variables,
        _SCALES,
        Inference(strata=study.site, permutations=PERMUTATIONS, seed=seed),
    )
    rows = zip(table["probe"], table["target"], table["p_value"].to_numpy(np.float64), strict=True)
    return {f"{probe} probe, {_SCALES[target]}": _rejected(p_value) for probe, target, p_value in rows}


def _independence(study: Study, seed: int) -> Rejections:
    table = independence_table(
        {"salient": study.salient, "background": study.background},
        np.ones(len(study.salient), bool),
        Inference(strata=study.site, permutations=PERMUTATIONS, seed=seed),
    )
    p_values = table.loc[table["measure"] == "hsic", "p_value"].to_numpy(np.float64)
    return {"HSIC of s and z": _rejected(float(p_values[0]))}


def _mixtures(study: Study, seed: int) -> Rejections:
    """Only where no site moves anything: sites are clusters."""
    if study.site is not None:
        return {}
    table = mixture_test_table(
        {"salient": study.clusters}, Inference(bootstraps=MIXTURE_BOOTSTRAPS, seed=seed)
    )
    rows = zip(table["covariance"], table["p_value"].to_numpy(np.float64), strict=True)
    return {f"mixture, {covariance}": _rejected(p_value) for covariance, p_value in rows}


def _brain_maps(study: Study, seed: int) -> Rejections:
    """Whether any voxel is found."""
    inference = Inference(strata=study.site, permutations=PERMUTATIONS, seed=seed)
    severity = severity_test(study.voxels, study.variables["score"].to_numpy(), inference)
    covariates, _ = constant_columns(study.variables, "site", CohortConfig())
    groups = group_test([study.observed], study.is_patient, covariates, inference)
    tests = {"severity": severity, "group": groups}
    return {f"voxels, by {name}, any": _rejected(float(test.p.min())) for name, test in tests.items()}


def _published(study: Study, _seed: int) -> Rejections:
    table = as_published_table({"salient": study.samples}, study.variables, {"score": "ratio"})
    return {"as published": _rejected(float(table["p_value"].to_numpy(np.float64)[0]))}


def _reference(study: Study, seed: int) -> Rejections:
    """The same statistics by scipy alone, permuting participants freely."""
    if study.site is not None:
        return {}
    rows = np.arange(len(study.salient))
    first, second = np.triu_indices(len(rows), 1)
    space = latent_dissimilarity(study.salient)[first, second]
    score = study.variables["score"].to_numpy(np.float64)
    model = model_dissimilarity(score, "ratio")
    above = score > np.median(score)

    def tau(order: np.ndarray) -> float:
        return abs(float(np.asarray(kendalltau(space, model[order[first], order[second]]))[0]))

    def silhouette(order: np.ndarray) -> float:
        return float(silhouette_score(study.salient, above[order]))

    found = {}
    for name, statistic in (("RSA", tau), ("silhouette", silhouette)):
        test = permutation_test(
            (rows,),
            statistic,
            permutation_type="pairings",
            n_resamples=PERMUTATIONS,
            alternative="greater",
            vectorized=False,
            rng=cell_generator(seed, "reference", name),
        )
        found[f"scipy's {name}, ratio"] = _rejected(float(test.pvalue))
    return found


TESTS: tuple[Callable[[Study, int], Rejections], ...] = (
    _rsa,
    _partial,
    _silhouettes,
    _probes,
    _independence,
    _mixtures,
    _brain_maps,
    _published,
    _reference,
)


@threadpool_limits.wrap(limits=1)  # the matrices are small
def simulated_rejections(
    number: int,
    *,
    site_effects: bool,
    planted: bool,
    tests: tuple[Callable[[Study, int], Rejections], ...] = TESTS,
) -> Rejections:
    """Whether each test rejects (1 or 0, NaN: no test) in the simulated study of this number."""
    rng = cell_generator(number, "calibration", str(site_effects), str(planted))
    study = simulate_study(rng, site_effects=site_effects, planted=planted)
    found: Rejections = {}
    for test in tests:
        found |= test(study, number)
    return found


def rejection_row(outcomes: pd.Series, planted: bool) -> Mapping[str, float | str]:
    """Count rejections; the interval is Clopper and Pearson's, of 95 %.

    The verdict on a null: ``holds`` where the interval reaches 5 ± 1.5 %, else ``too many`` or ``too few``.
    """
    known = outcomes.dropna()
    rejections = int(known.sum())
    interval = binomtest(rejections, len(known)).proportion_ci()
    low, high = float(interval.low), float(interval.high)
    verdict = "too many" if low > ALPHA + TOLERANCE else "too few" if high < ALPHA - TOLERANCE else "holds"
    return {
        "simulations": len(known),
        "rejections": rejections,
        "rate": rejections / len(known),
        "low": low,
        "high": high,
        "verdict": "power" if planted else verdict,
    }


def calibration_table(outcomes: pd.DataFrame) -> pd.DataFrame:
    """One row a statistic and kind of study.

    Parameters
    ----------
    outcomes
        statistic, site_effects, planted, number, rejected; one row a test of a simulated study.
    """
    keys = CALIBRATION_COLUMNS[:3]
    rows = []
    for key, group in outcomes.dropna().groupby(keys, sort=False)["rejected"]:
        named = dict(zip(keys, cast("tuple[str, bool, bool]", key), strict=True))
        rows.append({**named, **rejection_row(pd.Series(group), bool(named["planted"]))})
    return pd.DataFrame(rows, columns=CALIBRATION_COLUMNS)
