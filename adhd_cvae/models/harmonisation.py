"""Sites brought to one mean and one spread by empirical Bayes: ComBat. Numpy alone.

Johnson, Li & Rabinovic 2007 (doi 10.1093/biostatistics/kxj037), as Fortin et al. 2018 (doi
10.1016/j.neuroimage.2017.11.024) use it for brains. What is fitted to some participants is applied to others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adhd_cvae.errors import InputError

Array = NDArray[np.float64]
_TOLERANCE = 1e-6
_ROUNDS = 1000


@dataclass(frozen=True)
class Combat:
    """Additive and multiplicative effects of sites on features, beside those of covariates.

    Attributes
    ----------
    sites
        Names of those that were met often enough to be known.
    mean
        (features,) of the average site, at covariates 0 and of the group of controls.
    slopes
        (covariates, features).
    spread
        (features,) standard deviation that is left within sites.
    shift, scale
        (sites, features) γ* and √δ*, in units of `spread`.
    block
        As of `fit_combat`.
    """

    sites: tuple[str, ...]
    mean: Array
    slopes: Array
    spread: Array
    shift: Array
    scale: Array
    block: int = 0

    def transform(
        self,
        features: Array,
        sites: Sequence[str] | NDArray,
        covariates: Array,
        *,
        keep_covariates: bool = True,
    ) -> Array:
        """Take the sites' effects away, and the covariates' where they are not kept.

        Everybody is taken to be of the group 0: were the true group given, what it is would be read off the result.

        Parameters
        ----------
        features
            (n, features).
        sites
            (n,); one that is not in `sites` is taken to be the average of them.
        covariates
            (n, covariates), of which 0 is the average.
        """
        explained = covariates @ self.slopes
        standard = (features - self.mean - explained) / self.spread
        for name, shift, scale in zip(self.sites, self.shift, self.scale, strict=True):
            rows = np.asarray(sites).astype(str) == name
            standard[rows] = (standard[rows] - shift) / scale
        return standard * self.spread + self.mean + (explained if keep_covariates else 0)

    def with_site(self, name: str, features: Array, covariates: Array) -> "Combat":
        """Learn one site more from controls who were scanned there, (m, features)."""
        standard = (features - self.mean - covariates @ self.slopes) / self.spread
        shift, scale = _shrunk(standard, self.block)
        return replace(
            self,
            sites=(*self.sites, name),
            shift=np.vstack([self.shift, shift]),
            scale=np.vstack([self.scale, scale]),
        )


def fit_combat(
    features: Array,
    sites: Sequence[str] | NDArray,
    covariates: Array,
    is_target: NDArray[np.bool_],
    *,
    smallest: int = 4,
    harmonise: bool = True,
    block: int = 0,
) -> Combat:
    """Fit it with the group in the design, whose effect is not taken for one of sites.

    Parameters
    ----------
    features
        (n, features); one that is constant stays as it is.
    covariates
        (n, covariates), none missing.
    is_target
        (n,) bool.
    smallest
        Participants of a site below which it is not known; there are no effects of two participants.
    harmonise
        False: covariates alone are fitted, within sites.
    block
        First features that have one distribution of sites' effects; each next block has twice as many. 0: all have one,
        as published for features that are alike. Principal axes are not: sites differ along leading ones.

    Raises
    ------
    InputError
        Every site has one group only, so that what is the site's and what the group's cannot be told.
    """
    names, place = np.unique(np.asarray(sites).astype(str), return_inverse=True)
    indicators = (place[:, None] == np.arange(len(names))).astype(float)
    others = np.column_stack([covariates, is_target.astype(float)])
    left = others[:, -1] - indicators @ (np.linalg.pinv(indicators) @ others[:, -1])
    if len(names) > 1 and np.square(left).sum() < 1e-9 * len(left):
        raise InputError(
            f"Each of the {len(names)} sites has patients only or controls only: what is the site's and what the "
            "group's cannot be told apart. Do without cohort.harmonise and cohort.residualise, and add sites with both."
        )
    weights = np.linalg.pinv(np.hstack([indicators, others])) @ features
    at_sites, slopes = weights[: len(names)], weights[len(names) : -1]
    mean = indicators.mean(axis=0) @ at_sites
    residual = features - np.hstack([indicators, others]) @ weights
    spread = np.sqrt(np.square(residual).mean(axis=0))
    varies = spread > 1e-9 * max(float(spread.max(initial=0)), 1e-300)
    spread = np.where(varies, spread, 1)
    standard = np.where(varies, (features - mean - others @ weights[len(names) :]) / spread, 0)
    known = [
        number for number in range(len(names)) if harmonise and (place == number).sum() >= max(smallest, 3)
    ]

    effects = [np.stack(_shrunk(standard[place == number], block)) for number in known]
    shift, scale = np.stack(effects, axis=1) if known else np.zeros((2, 0, features.shape[1]))
    return Combat(tuple(str(names[number]) for number in known), mean, slopes, spread, shift, scale, block)


def _shrunk(standard: Array, block: int) -> tuple[Array, Array]:
    """Location and root of scale of one site, (features,), block by block; none of less than `block` features."""
    blocks = (standard.shape[1] // block).bit_length() if block else 1
    starts = [block * (2**number - 1) for number in range(1, blocks)]
    parts = [_shrunk_together(part) for part in np.split(standard, starts, axis=1)]
    shift, scale = (np.concatenate(one) for one in zip(*parts, strict=True))
    return shift, scale


def _shrunk_together(standard: Array) -> tuple[Array, Array]:
    """Location and root of scale of one site, (features,), drawn towards what all its features have in common.

    The iteration for both posterior means of Johnson et al. 2007. A feature that is 0 in everybody has neither.
    """
    shift, scale = np.zeros(standard.shape[1]), np.ones(standard.shape[1])
    varies = standard.any(axis=0)
    part = standard[:, varies]
    count, mean, variance = len(part), part.mean(axis=0), part.var(axis=0, ddof=1)
    if len(mean) < 2:  # nothing in common with others
        shift[varies], scale[varies] = mean, np.sqrt(np.maximum(variance, 1e-12))
        return shift, scale
    centre, between = mean.mean(), max(float(mean.var(ddof=1)), 1e-12)
    middle, around = variance.mean(), max(float(variance.var(ddof=1)), 1e-12)
    shape, rate = 2 + middle**2 / around, middle + middle**3 / around
    found, spread = mean, variance
    for _ in range(_ROUNDS):
        new = (between * count * mean + spread * centre) / (between * count + spread)
        squares = (count - 1) * variance + count * np.square(mean - new)
        now = (squares / 2 + rate) / (count / 2 + shape - 1)
        change = max(np.abs(new - found).max(), np.abs(now - spread).max())
        found, spread = new, now
        if change < _TOLERANCE:
            break
    shift[varies], scale[varies] = found, np.sqrt(spread)
    return shift, scale
