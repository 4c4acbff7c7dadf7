"""Mixtures of Gaussians: how many clusters a space holds, and whether the covariance forms agree on it."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from adhd_cvae.analysis.permutation import DEFAULTS, Inference, cell_generator, upper_p_value
from adhd_cvae.analysis.variables import Row
from adhd_cvae.names import ALPHA

DECIDING = ("full", "tied")
"""Forms of covariance that decide a claim: their single component is any Gaussian."""
ONE_COMPONENT_ALPHA = ALPHA / len(DECIDING)
"""Below it one component is rejected: the level over the forms that decide (Bonferroni)."""
MIXTURE_TEST_COLUMNS = ["space", "covariance", "statistic", "p_value", "bootstraps", "n", "note"]
COVARIANCES = ("full", "diag", "tied", "spherical")
MIXTURE_COLUMNS = ["space", "covariance", "k", "bic", "bic_min", "bic_max", "samples", "n", "note"]


def _parameters_fit(n: int, units: int, k: int, covariance: str) -> bool:
    """Whether n participants can carry the mixture: a full covariance needs more members than units."""
    members = {"full": k * (units + 1), "tied": units + k, "diag": 2 * k, "spherical": 2 * k}[covariance]
    return n > members


def _fitted(
    sample: NDArray[np.float64], covariance: str, k: int, seed: int, *, iterations: int, starts: int = 1
) -> GaussianMixture:
    """Fit a mixture to a scaled sample, with a ridge on the covariances that is a share of the mean variance.

    Without such a floor a component could shrink onto a few participants and win by an unbounded likelihood.
    """
    mixture = GaussianMixture(
        k,
        covariance_type=covariance,
        reg_covar=1e-3,
        max_iter=iterations,
        n_init=starts,
        # Everybody is in a single component wherever it starts, so k-means would find out nothing.
        init_params="random" if k == 1 else "kmeans",
        random_state=seed,
    )
    with warnings.catch_warnings():
        # A fit that stops early is within what a comparison of BICs needs, and as low in the data as in a bootstrap.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(sample)


def _bic(sample: NDArray[np.float64], covariance: str, k: int, seed: int) -> float:
    """BIC of one posterior sample in its own units, fitted after division by one common scale."""
    scaled, scale = _scaled(sample)
    bic = _fitted(scaled, covariance, k, seed, iterations=200).bic(scaled)
    return float(bic + 2 * sample.size * np.log(scale))


def _mixture_row(samples: NDArray[np.float64], space: str, covariance: str, k: int, seed: int) -> Row:
    count, n, units = samples.shape
    row: Row = {"space": space, "covariance": covariance, "k": k, "samples": count, "n": n}
    if not count or not _parameters_fit(n, units, k, covariance):
        note = f"{n} participants are too few for {k} {covariance} components of {units} units"
        return {**row, "note": note}
    bics = [_bic(sample, covariance, k, seed) for sample in samples]
    return {**row, "bic": float(np.mean(bics)), "bic_min": min(bics), "bic_max": max(bics)}


@threadpool_limits.wrap(limits=1)  # twenty times faster: the matrices are small
def mixture_table(
    samples: Mapping[str, NDArray],
    *,
    max_components: int = DEFAULTS.max_components,
    covariances: Sequence[str] = COVARIANCES,
    seed: int = 0,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Gaussian mixtures of every covariance form and size, fitted to each posterior sample.

    Parameters
    ----------
    samples
        Space: (samples, n, units). Participants with a value that is not finite are left out.
    max_components
        Largest k.
    covariances
        Forms.

    Returns
    -------
    pandas.DataFrame
        space, covariance, k, bic (mean over samples), bic_min, bic_max, samples, n, note. BIC: smaller is better
        (Schwarz 1978, doi 10.1214/aos/1176344136).
    """
    finite = {}
    for space, values in samples.items():
        values = np.asarray(values, np.float64)
        finite[space] = values[:, np.isfinite(values).all(axis=(0, 2))]
    sizes = range(1, max_components + 1)
    cells = [(space, covariance, k) for space in finite for covariance in covariances for k in sizes]
    calls = (delayed(_mixture_row)(finite[space], space, *form, seed) for space, *form in cells)
    return pd.DataFrame(list(Parallel(n_jobs=n_jobs, prefer="threads")(calls)), columns=MIXTURE_COLUMNS)


def _log_likelihood(sample: NDArray[np.float64], covariance: str, k: int, seed: int) -> float:
    mixture = _fitted(sample, covariance, k, seed, iterations=100, starts=1 if k == 1 else 2)
    return float(mixture.score(sample) * len(sample))


def _ratio(sample: NDArray[np.float64], covariance: str, seed: int) -> float:
    """Twice the gain in log-likelihood of two components over one; below 0 only where a fit fell short."""
    return 2 * (_log_likelihood(sample, covariance, 2, seed) - _log_likelihood(sample, covariance, 1, seed))


def _one_gaussian(sample: NDArray[np.float64], covariance: str) -> NDArray[np.float64]:
    """(units, units) square root of the covariance of a single Gaussian of this form."""
    full = np.atleast_2d(np.cov(sample, rowvar=False, bias=True))
    variances = np.diag(full)
    if covariance == "diag":
        return np.diag(np.sqrt(variances))
    if covariance == "spherical":
        return np.sqrt(variances.mean()) * np.eye(len(variances))
    values, vectors = np.linalg.eigh(full)
    return vectors * np.sqrt(np.clip(values, 0, None))


def _scaled(sample: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Centre, and divide by one factor for all units, which keeps the geometry that spherical mixtures see."""
    scale = float(np.sqrt(sample.var(axis=0).mean()))
    scale = scale if scale > 0 else 1.0
    return (sample - sample.mean(axis=0)) / scale, scale


def _obstacle(sample: NDArray[np.float64], covariance: str, per_unit: int) -> str | None:
    n, units = sample.shape
    least = 2 * per_unit * (units if covariance in ("full", "tied") else 1)
    if n < least:
        return f"{n} participants are too few for two {covariance} components of {units} units; {least} are needed"
    if not (np.ptp(sample, axis=0) > 0).all():
        return "a unit is the same for every participant"
    return None


def _row(sample: NDArray[np.float64], space: str, covariance: str, inference: Inference) -> Row:
    seed, bootstraps = inference.seed, inference.bootstraps
    row: Row = {"space": space, "covariance": covariance, "n": len(sample)}
    if note := _obstacle(sample, covariance, inference.sizes.per_unit):
        return {**row, "note": note}
    sample, _ = _scaled(sample)
    observed = _ratio(sample, covariance, seed)
    rng = cell_generator(seed, "mixture test", space, covariance)
    root = _one_gaussian(sample, covariance)
    normal = (_scaled(rng.standard_normal(sample.shape) @ root.T)[0] for _ in range(bootstraps))
    null = np.array([_ratio(one, covariance, seed) for one in normal])
    p_value = upper_p_value(observed, null)
    return {**row, "statistic": observed, "p_value": p_value, "bootstraps": bootstraps}


@threadpool_limits.wrap(limits=1)  # the matrices are small
def mixture_test_table(
    spaces: Mapping[str, NDArray], inference: Inference, *, n_jobs: int = 1
) -> pd.DataFrame:
    """Test one component against two, for each form of covariance (McLachlan 1987, doi 10.2307/2347790).

    The statistic is twice the gain in log-likelihood. Its p-value is the share of samples, drawn from the
    single Gaussian fitted to the data and fitted in the same way, that reach it.

    Parameters
    ----------
    spaces
        Name: (n, units) posterior means. Participants with a value that is not finite are left out.
    inference
        Its bootstraps are samples of the single Gaussian.

    Returns
    -------
    pandas.DataFrame
        space, covariance, statistic, p_value, bootstraps, n, note. Diagonal and spherical forms know no
        correlation between units: two of their components may do no more than stand for one.
    """
    arrays = {name: np.asarray(latents, np.float64) for name, latents in spaces.items()}
    finite = {name: latents[np.isfinite(latents).all(axis=1)] for name, latents in arrays.items()}
    cells = [(space, covariance) for space in finite for covariance in COVARIANCES]
    calls = (delayed(_row)(finite[space], space, covariance, inference) for space, covariance in cells)
    rows = list(Parallel(n_jobs=n_jobs, prefer="threads")(calls))
    return pd.DataFrame(rows, columns=MIXTURE_TEST_COLUMNS)


def mixture_test_sentence(table: pd.DataFrame, words: Mapping[str, str] | None = None) -> str:
    """Say in plain words where one Gaussian is rejected and whether the covariance forms agree.

    Parameters
    ----------
    table
        Of `mixture_test_table`.
    words
        Space: what to call it.
    """
    sentences = []
    for space, rows in table.groupby("space", sort=False):
        name = (words or {}).get(str(space), str(space))
        tested = rows.dropna(subset="p_value")
        below = tested["p_value"] < ONE_COMPONENT_ALPHA
        rejected, kept = (", ".join(tested.loc[side, "covariance"]) for side in (below, ~below))
        if rejected and kept:
            found = f"the covariance forms disagree: one component is rejected by {rejected}, not by {kept}"
        elif rejected:
            found = f"every covariance form rejects one component ({rejected})"
        elif kept:
            found = f"no covariance form rejects one component ({kept})"
        else:
            found = "one component could not be tested against two"
        sentences.append(f"In {name}, {found}.")
    return " ".join(sentences)
