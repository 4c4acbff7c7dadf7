"""How strongly a variable could be related to a space at most, given how uncertain the space itself is."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from adhd_cvae.analysis.rsa.dissimilarity import latent_dissimilarity
from adhd_cvae.analysis.rsa.kendall import kendall_tau
from adhd_cvae.analysis.rsa.pair_sampling import distances, sample_pairs
from adhd_cvae.config import SizesConfig


def noise_ceiling(means: NDArray[np.floating], samples: NDArray[np.floating], sizes: SizesConfig) -> float:
    """Mean tau of the dissimilarities of a space's posterior means and of its posterior samples.

    To the model the true code is one more sample, so this is what a variable that were the code itself would
    reach on average. (Tau between two samples would be too low a mark: the means, which are analysed, are less
    noisy than a sample.) After the noise ceiling of Nili et al. 2014, doi 10.1371/journal.pcbi.1003553.

    Parameters
    ----------
    means
        (n, units)
    samples
        (samples, n, units). Participants whose means or samples are not finite are left out.
    sizes
        Its `minimum` of participants, and beyond how many pairs are drawn.

    Returns
    -------
    float
        NaN without samples, for too few participants, or where a space does not vary.
    """
    means, samples = np.asarray(means, np.float64), np.asarray(samples, np.float64)
    finite = np.isfinite(means).all(axis=1) & np.isfinite(samples).all(axis=(0, 2))
    if not len(samples) or finite.sum() < sizes.minimum:
        return float("nan")
    if finite.sum() > sizes.all_pairs:
        pairs = sample_pairs(int(finite.sum()), np.random.default_rng(0), sizes.sampled_pairs)
        known = distances(means[finite], pairs)
        taus = [np.asarray(kendalltau(known, distances(sample[finite], pairs)))[0] for sample in samples]
        return float(np.mean(taus))
    observed = latent_dissimilarity(means[finite])
    return float(np.mean([kendall_tau(observed, latent_dissimilarity(sample[finite])) for sample in samples]))
