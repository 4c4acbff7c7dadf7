"""How strongly a variable could be related to a space at most, given how uncertain the space itself is."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from adhd_cvae.analysis.rsa.dissimilarity import latent_dissimilarity
from adhd_cvae.analysis.rsa.kendall import kendall_tau
from adhd_cvae.analysis.rsa.pair_sampling import LARGEST_EXACT, distances, draw_pairs
from adhd_cvae.analysis.variables import MINIMUM_PARTICIPANTS


def noise_ceiling(means: NDArray[np.floating], draws: NDArray[np.floating]) -> float:
    """Mean tau of the dissimilarities of a space's posterior means and of its posterior draws.

    To the model the true code is one more draw, so this is what a variable that were the code itself would
    reach on average. (Tau between two draws would be too low a mark: the means, which are analysed, are less
    noisy than a draw.) After the noise ceiling of Nili et al. 2014, doi 10.1371/journal.pcbi.1003553.

    Parameters
    ----------
    means
        (n, units)
    draws
        (draws, n, units). Participants whose means or draws are not finite are left out.

    Returns
    -------
    float
        NaN without draws, for fewer than ten participants, or where a space does not vary.
    """
    means, draws = np.asarray(means, np.float64), np.asarray(draws, np.float64)
    finite = np.isfinite(means).all(axis=1) & np.isfinite(draws).all(axis=(0, 2))
    if not len(draws) or finite.sum() < MINIMUM_PARTICIPANTS:
        return float("nan")
    if finite.sum() > LARGEST_EXACT:
        pairs = draw_pairs(int(finite.sum()), np.random.default_rng(0))
        known = distances(means[finite], pairs)
        taus = [np.asarray(kendalltau(known, distances(draw[finite], pairs)))[0] for draw in draws]
        return float(np.mean(taus))
    observed = latent_dissimilarity(means[finite])
    return float(np.mean([kendall_tau(observed, latent_dissimilarity(draw[finite])) for draw in draws]))
