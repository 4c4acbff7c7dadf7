"""Mixtures of Gaussians: how many clusters a space holds, and whether the covariance forms agree on it."""

import warnings
from collections.abc import Mapping

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

COVARIANCES = ("full", "diag", "tied", "spherical")
MIXTURE_COLUMNS = ["space", "covariance", "k", "bic", "bic_min", "bic_max", "draws", "n", "note"]


def _parameters_fit(n: int, units: int, k: int, covariance: str) -> bool:
    """Whether n participants can carry the mixture: a full covariance needs more members than units."""
    members = {"full": k * (units + 1), "tied": units + k, "diag": 2 * k, "spherical": 2 * k}[covariance]
    return n > members


def _bic(sample: NDArray[np.float64], covariance: str, k: int, seed: int) -> float:
    """BIC of one draw in its own units, fitted after division by one common scale.

    One factor for all units keeps the space's geometry, which spherical mixtures see; it makes the ridge on
    the covariances (1e-3) a share of the mean variance. Without such a floor a component could shrink onto a
    few participants and win by an unbounded likelihood.
    """
    scale = float(np.sqrt(sample.var(axis=0).mean()))
    scale = scale if scale > 0 else 1.0
    scaled = (sample - sample.mean(axis=0)) / scale
    mixture = GaussianMixture(k, covariance_type=covariance, reg_covar=1e-3, max_iter=200, random_state=seed)
    with warnings.catch_warnings():
        # A fit that stops at 200 iterations is within the tolerance that a comparison of BICs needs.
        warnings.simplefilter("ignore", ConvergenceWarning)
        bic = mixture.fit(scaled).bic(scaled)
    return float(bic + 2 * sample.size * np.log(scale))


def _mixture_row(
    samples: NDArray[np.float64], space: str, covariance: str, k: int, seed: int
) -> dict[str, float | str | None]:
    draws, n, units = samples.shape
    row: dict[str, float | str | None] = {
        "covariance": covariance,
        "k": k,
        "draws": draws,
        "n": n,
        "space": space,
    }
    if not draws or not _parameters_fit(n, units, k, covariance):
        return {
            **row,
            "note": f"{n} participants are too few for {k} {covariance} components of {units} units",
        }
    bics = [_bic(sample, covariance, k, seed) for sample in samples]
    return {**row, "bic": float(np.mean(bics)), "bic_min": min(bics), "bic_max": max(bics)}


@threadpool_limits.wrap(limits=1)  # twenty times faster: the matrices are small
def mixture_table(
    draws: Mapping[str, NDArray], *, max_components: int = 10, seed: int = 0, n_jobs: int = 1
) -> pd.DataFrame:
    """Gaussian mixtures of every covariance form and size, fitted to each posterior draw.

    Parameters
    ----------
    draws
        Space: (draws, n, units). Participants with a value that is not finite are left out.
    max_components
        Largest k.

    Returns
    -------
    pandas.DataFrame
        space, covariance, k, bic (mean over draws), bic_min, bic_max, draws, n, note. BIC: smaller is better
        (Schwarz 1978, doi 10.1214/aos/1176344136).
    """
    finite = {}
    for space, samples in draws.items():
        samples = np.asarray(samples, np.float64)
        finite[space] = samples[:, np.isfinite(samples).all(axis=(0, 2))]
    sizes = range(1, max_components + 1)
    cells = [(space, covariance, k) for space in finite for covariance in COVARIANCES for k in sizes]
    calls = (delayed(_mixture_row)(finite[space], space, *form, seed) for space, *form in cells)
    return pd.DataFrame(list(Parallel(n_jobs=n_jobs, prefer="threads")(calls)), columns=MIXTURE_COLUMNS)


def mixture_sentence(table: pd.DataFrame) -> str:
    """Say in plain words how many components each space prefers and whether the covariance forms agree."""
    sentences = []
    for space, rows in table.groupby("space", sort=False):
        fitted = rows.dropna(subset=["bic"])
        if fitted.empty:
            sentences.append(f"In {space}, there were too few participants for any mixture.")
            continue
        best = fitted.loc[fitted.groupby("covariance", sort=False)["bic"].idxmin()]
        counts = dict(zip(best["covariance"], best["k"].astype(int), strict=True))
        overall = best.loc[best["bic"].idxmin()]
        if len(set(counts.values())) == 1:
            k = next(iter(counts.values()))
            verdict = f"all covariance forms agree on {k} component{'s' if k > 1 else ''}"
        else:
            listed = ", ".join(f"{form} {k}" for form, k in counts.items())
            verdict = f"the answer depends on the covariance form (best number of components: {listed})"
        sentences.append(
            f"In {space}, {verdict}; the lowest BIC of all has {int(overall['k'])} {overall['covariance']} "
            f"component{'s' if overall['k'] > 1 else ''}."
        )
    return " ".join(sentences)
