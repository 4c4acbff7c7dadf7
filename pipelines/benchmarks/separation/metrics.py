"""What a method separated, where the truth is known: codes in, scores out, all from held-out participants.

A method has either two spaces, ``salient`` and ``background``, or a single one, ``all``, which is asked what either
would be asked.
"""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score, roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from adhd_cvae.analysis.independence import independence_table
from adhd_cvae.analysis.kernels import ridge_predictions, split_kernels
from adhd_cvae.analysis.mixture import mixture_table
from adhd_cvae.analysis.permutation import (
    Inference,
    cell_generator,
    permuted_orders,
    stratum_codes,
    upper_p_value,
)
from adhd_cvae.analysis.probes import probe_table
from adhd_cvae.analysis.recovery import correlation, explained_share
from adhd_cvae.analysis.rsa.table import rsa_table
from adhd_cvae.analysis.variables import Scale
from adhd_cvae.names import ALPHA, BACKGROUND, SALIENT
from pipelines.benchmarks.separation.cohorts import KnownCohort

COVARIATES: dict[str, Scale] = {"age": "ratio", "sex": "nominal", "iq": "ratio", "site": "nominal"}
"""What both groups share, so that a salient space should not hold it."""
SYMPTOMS = ("adhd_index", "inattentive", "hyper_impulsive")
MOST_COMPONENTS = 6
FOLDS = 5
CEILING = "supervised_ridge"
"""A method: ridge regression that is given the training patients' true severities and sees every voxel."""
Row = dict[str, Any]
Spaces = Mapping[str, NDArray]


def row(metric: str, score: float, target: str = "", space: str = "", p_value: float = np.nan) -> Row:
    """One line of the table."""
    return {"metric": metric, "target": target, "space": space, "score": score, "p_value": p_value}


@threadpool_limits.wrap(limits=1)  # the matrices are small
def score_codes(
    spaces: Spaces, cohort: KnownCohort, *, null: bool, permutations: int, seed: int
) -> list[Row]:
    """Everything that codes alone can be asked; `null` adds tests of similarity, which should find nothing."""
    rows = [
        *recovery_rows(spaces, cohort, permutations=permutations, seed=seed),
        *_leakage_rows(spaces, cohort, permutations, seed),
        *separation_rows({name: codes[:, 0] for name, codes in spaces.items() if name == SALIENT}, cohort),
        *_independence_rows(spaces, cohort, permutations, seed),
        *_mixture_rows(spaces, cohort, seed),
    ]
    return rows + _similarity_rows(spaces, cohort, permutations, seed) if null else rows


@threadpool_limits.wrap(limits=1)
def recovery_rows(spaces: Spaces, cohort: KnownCohort, *, permutations: int, seed: int) -> list[Row]:
    """How well each space predicts each severity of held-out patients: `r`, `r2`, `r_rbf`.

    Ridge regression learnt on the training patients' codes, for `r_rbf` on their Gaussian kernel; p_value of r by
    permuting held-out patients within sites. Of a background space these are scores of leakage.
    """
    learn, ask = cohort.learnt_and_asked
    truth = cohort.table[list(cohort.factors)].to_numpy(np.float64)
    strata = stratum_codes(np.asarray(cohort.sites)[ask], int(ask.sum()))
    rows = []
    for space, codes in spaces.items():
        learnt, asked = np.asarray(codes[learn], float), np.asarray(codes[ask], float)
        predicted, curved = (
            ridge_predictions(*split_kernels(learnt, asked, kind), truth[learn][:, :, None])[:, :, 0]
            for kind in ("linear", "rbf")
        )
        for number, factor in enumerate(cohort.factors):
            r = correlation(predicted[:, number], truth[ask, number])
            orders = permuted_orders(cell_generator(seed, "recovery", space, factor), strata, permutations)
            null = np.array(
                [correlation(predicted[:, number], truth[ask, number][order]) for order in orders]
            )
            rows.append(row("r", r, factor, space, upper_p_value(r, null)))
            rows.append(row("r_rbf", correlation(curved[:, number], truth[ask, number]), factor, space))
            rows.append(row("r2", explained_share(predicted[:, number], truth[ask, number]), factor, space))
    return rows


def separation_rows(scores: Spaces, cohort: KnownCohort) -> list[Row]:
    """`auc`: how well scores (n,) tell held-out patients from held-out controls; of a salient space those of s_00."""
    held, is_target = cohort.is_held_out, cohort.is_target
    return [
        row("auc", float(roc_auc_score(is_target[held], values[held])), "group", space)
        for space, values in scores.items()
    ]


def _leakage_rows(spaces: Spaces, cohort: KnownCohort, permutations: int, seed: int) -> list[Row]:
    """Probes for what a space should not hold: severities and group outside s, covariates outside z."""
    severities: dict[str, Scale] = dict.fromkeys(cohort.factors, "ratio")
    _, patients = cohort.learnt_and_asked
    table = cohort.table.assign(group=cohort.is_target.astype(int))
    outside_salient = {name: codes for name, codes in spaces.items() if name != SALIENT}
    outside_background = {name: codes for name, codes in spaces.items() if name != BACKGROUND}
    group: dict[str, Scale] = {"group": "nominal"}
    questions = (
        (outside_salient, severities, patients),
        (outside_salient, group, cohort.is_held_out),
        (outside_background, _known(COVARIATES, cohort), patients),
    )
    inference = Inference(strata=cohort.sites, permutations=permutations, seed=seed)
    found = [
        probe_table(
            {name: codes[rows] for name, codes in asked.items()},
            pd.DataFrame(table[rows]),
            scales,
            inference.among(rows),
        )
        for asked, scales, rows in questions
    ]
    answers = pd.concat([table for table in found if len(table)]).to_dict("records")
    return [
        row(f"probe_{one['probe']}", one["score"], one["target"], one["space"], one["p_value"])
        for one in answers
    ]


def _known(scales: Mapping[str, Scale], cohort: KnownCohort) -> dict[str, Scale]:
    """Those that the cohort's table has, which differ: planted cohorts may lack some, and have one site."""
    return {
        name: scale
        for name, scale in scales.items()
        if name in cohort.table and len(set(cohort.table[name].dropna())) > 1
    }


def _independence_rows(spaces: Spaces, cohort: KnownCohort, permutations: int, seed: int) -> list[Row]:
    """`hsic` of s and z in held-out patients, and `background_norm`: controls' mean length of s over patients'."""
    if SALIENT not in spaces:
        return []
    held_out = cohort.is_held_out
    table = independence_table(
        {name: codes[held_out] for name, codes in spaces.items()},
        cohort.is_target[held_out],
        Inference(strata=np.asarray(cohort.sites)[held_out], permutations=permutations, seed=seed),
    )
    values = dict(zip(table["measure"], table["value"], strict=True))
    p_values = dict(zip(table["measure"], table["p_value"], strict=True))
    patients, controls = values["norm_target"], values["norm_background"]
    return [
        row("hsic", values["hsic"], p_value=p_values["hsic"]),
        row("background_norm", controls / patients if patients > 0 else np.nan, space=SALIENT),
    ]


def _mixture_rows(spaces: Spaces, cohort: KnownCohort, seed: int) -> Iterator[Row]:
    """`bic_components` of s in patients by covariance form, and the adjusted Rand index of known subtypes.

    The mixture with the true number of components is fitted to training patients and asked about held-out ones.
    """
    patients = {name: codes[cohort.is_target] for name, codes in spaces.items() if name != BACKGROUND}
    samples = {name: codes[None] for name, codes in patients.items()}
    fitted = mixture_table(samples, max_components=MOST_COMPONENTS, seed=seed).dropna(subset="bic")
    best = fitted.loc[fitted.groupby(["space", "covariance"], sort=False)["bic"].idxmin()]
    for form in best.to_dict("records"):
        yield row("bic_components", float(form["k"]), form["covariance"], form["space"])
    if "subtype" in cohort.table:
        subtype = cohort.table["subtype"].to_numpy()
        for space, codes in spaces.items():
            if space != BACKGROUND:
                yield row("rand", _rand_index(codes, subtype, cohort, seed), "subtype", space)


def _rand_index(codes: NDArray, subtype: NDArray, cohort: KnownCohort, seed: int) -> float:
    learn, ask = cohort.learnt_and_asked
    scaled = (codes - codes[learn].mean(axis=0)) / max(float(codes[learn].std()), 1e-12)
    components = len(np.unique(subtype[cohort.is_target]))
    form = "full" if learn.sum() > components * (codes.shape[1] + 1) else "diag"
    mixture = GaussianMixture(components, covariance_type=form, reg_covar=1e-3, n_init=10, random_state=seed)
    with warnings.catch_warnings():
        # Codes without clusters, or a start that stops early: the index shows it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = mixture.fit(scaled[learn]).predict(scaled[ask])
    return float(adjusted_rand_score(subtype[ask], found))


def _similarity_rows(spaces: Spaces, cohort: KnownCohort, permutations: int, seed: int) -> list[Row]:
    """`rsa` (Kendall's τ) of each space with age, sex, IQ and symptoms in held-out patients."""
    _, patients = cohort.learnt_and_asked
    scales = _known({name: scale for name, scale in COVARIATES.items() if name != "site"}, cohort)
    scales |= {name: "ratio" for name in SYMPTOMS if name in cohort.table}
    found = rsa_table(
        {name: codes[patients] for name, codes in spaces.items()},
        pd.DataFrame(cohort.table[patients]).reset_index(drop=True),
        scales,
        Inference(
            permutations=permutations, bootstraps=0, seed=seed, strata=np.asarray(cohort.sites)[patients]
        ),
        n_jobs=1,
    )
    return [
        row("rsa", one["tau"], one["variable"], one["space"], one["p_value"])
        for one in found.to_dict("records")
    ]


@threadpool_limits.wrap(limits=1)
def aligned_correlation(first: NDArray, second: NDArray) -> float:
    """How much of one code another one predicts, for the same participants: 1 up to a linear map, about 0 by chance.

    Units of two trainings have no common names or signs. Each code is predicted from the other by cross-validated
    ridge; the correlation is over all units together, so that a unit counts by its variance, and the mean of both
    directions.
    """
    return float(np.mean([_predicted(first, second), _predicted(second, first)]))


def _predicted(known: NDArray, wanted: NDArray) -> float:
    known, wanted = np.asarray(known, np.float64), np.asarray(wanted, np.float64)
    predicted, seen = np.empty_like(wanted), np.empty_like(wanted)
    for learn, ask in KFold(min(FOLDS, len(known)), shuffle=True, random_state=0).split(known):
        kernels = split_kernels(known[learn], known[ask], "linear")
        # From the mean of those it was learnt on: saying nothing but this mean is no agreement.
        middle = wanted[learn].mean(axis=0)
        predicted[ask] = ridge_predictions(*kernels, wanted[learn][:, None, :])[:, 0, :] - middle
        seen[ask] = wanted[ask] - middle
    size = np.sqrt(np.sum(predicted**2) * np.sum(seen**2))
    return float(np.sum(predicted * seen) / size) if size > 1e-12 else 0.0


def positive_rate(p_values: pd.Series) -> Row:
    """Share of tests below `ALPHA` with its 95 % Clopper-Pearson interval, as if the tests were independent."""
    known = p_values.dropna()
    if known.empty:
        return {"tests": 0, "positive": 0, "rate": np.nan, "low": np.nan, "high": np.nan}
    positive = int((known < ALPHA).sum())
    interval = binomtest(positive, len(known)).proportion_ci()
    return {
        "tests": len(known),
        "positive": positive,
        "rate": positive / len(known),
        "low": float(interval.low),
        "high": float(interval.high),
    }
