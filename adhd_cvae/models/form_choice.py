"""Which form of the linear model fits a cohort: its own start, or a ratio to a covariance, shrunk or borrowed.

The likelihood of controls chooses weights and floors, and cannot choose between the forms: a covariance may fit
controls well and yet blur what patients have. How well the groups are told can, in training participants that are held
out in turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from adhd_cvae.config import ModelConfig
from adhd_cvae.models.linear import encoder_of_whitened, folds_of, principal_axes
from adhd_cvae.models.ratio import Ratio
from adhd_cvae.models.reference_background import Borrowed

START, OWN, BORROWED = "start", "own", "borrowed"


@dataclass(frozen=True)
class Form:
    """One that was considered.

    Attributes
    ----------
    name
        `START`, `OWN` or `BORROWED`.
    method
        What `fit_linear` takes.
    log_likelihood
        Of held-out controls, per control; NaN of the start, which has no covariance.
    separation
        Mean of two AUCs, of the first salient code and of the codes' summed squares, in held-out participants.
    """

    name: str
    method: str | Ratio
    log_likelihood: float
    separation: float

    @property
    def in_words(self) -> str:
        """Its name, and what was mixed in."""
        if isinstance(self.method, str):
            return self.name
        share = "" if self.method.reference is None else f", share {self.method.share:g}"
        return f"{self.name} (weight {self.method.weight:g}{share})"


def in_words(forms: Sequence[Form]) -> str:
    """Say which was taken, with what of what was borrowed, and how well each told the groups; empty of none."""
    if not forms:
        return ""
    found = ", ".join(f"{form.in_words} {form.separation:.2f}" for form in forms)
    passed_over = any(form.separation > forms[0].separation for form in forms)
    why = " (borrowing has to be better by a standard error)" if passed_over else ""
    return f"form taken: {forms[0].in_words}; AUC in training participants held out in turn: {found}{why}"


def compared_forms(
    config: ModelConfig,
    voxels: NDArray,
    is_target: NDArray[np.bool_],
    reference: Borrowed,
    *,
    sites: NDArray | None = None,
    seed: int = 0,
) -> list[Form]:
    """Compare the forms in training participants; the one to take comes first, then by how well each tells the groups.

    Of equals the simpler one. One that borrows has to be better than the best of the others by a standard error over
    parts held out (Breiman et al. 1984, *Classification and Regression Trees*, 3.4.3), and somebody has to be held out.

    Parameters
    ----------
    voxels
        (n, coordinates) standardised.
    is_target
        (n,) bool.
    reference
        In the same coordinates.
    sites
        (n,) scanning sites, where known.
    """
    controls = _within(voxels[~is_target], None if sites is None else sites[~is_target])
    shrunk = [(BORROWED, reference, share) for share in config.linear.reference_shares]
    if reference.features <= config.linear.own_features * len(controls):
        shrunk = [(OWN, None, 1.0), *shrunk]
    candidates: list[tuple[str, str | Ratio, float]] = [(START, config.start, float("nan"))]
    for name, other, share in shrunk:
        ratio, weights = Ratio(1.0, other, share, reference.features), config.linear.reference_weights
        candidates.append((name, *_likeliest(ratio, weights, controls, config.linear.choice_folds, seed)))
    areas = [_areas_held_out(config, method, voxels, is_target, sites, seed) for _, method, _ in candidates]
    found = [Form(*one, float(np.mean(own))) for one, own in zip(candidates, areas, strict=True)]
    order = sorted(range(len(found)), key=lambda number: -found[number].separation)
    taken = order[0]
    if found[taken].name == BORROWED:
        without = next(number for number in order if found[number].name != BORROWED)
        gain = areas[taken] - areas[without]
        few = np.bincount(is_target).min() < config.linear.choice_folds  # nobody is held out
        if few or gain.mean() <= gain.std(ddof=1) / np.sqrt(len(gain)):
            taken = without
    return [found[taken], *(found[number] for number in order if number != taken)]


def _within(voxels: NDArray, sites: NDArray | None) -> NDArray:
    """Around the mean of each site, as a reference is learnt."""
    if sites is None:
        return voxels
    places = np.unique(sites, return_inverse=True)[1]
    means = np.stack([voxels[places == place].mean(axis=0) for place in range(places.max() + 1)])
    return voxels - means[places]


def _likeliest(
    ratio: Ratio, weights: Sequence[float], controls: NDArray, folds: int, seed: int
) -> tuple[Ratio, float]:
    """The one of its weights under which held-out controls are likeliest."""
    order = np.random.default_rng(seed).permutation(len(controls))
    held = np.array_split(order, min(folds, len(controls)))
    values = ratio.log_likelihoods(controls, held, weights)
    best = int(np.argmax(values))
    return replace(ratio, weight=weights[best]), float(values[best])


def _areas_held_out(
    config: ModelConfig,
    method: str | Ratio,
    voxels: NDArray,
    is_target: NDArray[np.bool_],
    sites: NDArray | None,
    seed: int,
) -> NDArray[np.float64]:
    """Mean (parts,) of two AUCs in each part held out: of the first code and of the codes' summed squares."""
    seen = method.whitened(voxels) if isinstance(method, Ratio) else voxels
    seen, axes = principal_axes(seen)  # all that parts of these participants span
    lent = None
    if isinstance(method, Ratio) and method.reference is not None:
        lent = axes @ method.whitened(method.reference.mean)
    found = []
    for repeat in range(config.linear.choice_repeats):
        for fitted, held in folds_of(is_target, config.linear.choice_folds, seed + repeat):
            origin = seen[fitted & ~is_target].mean(axis=0)
            known = None if sites is None else sites[fitted]
            encoder = encoder_of_whitened(
                *(method, seen[fitted] - origin, is_target[fitted], config.salient),
                lent=None if lent is None else lent - origin,
                sites=known,
                settings=config.linear,
                seed=seed,
            )
            codes = (seen[held] - origin) @ encoder.T
            values = np.column_stack([codes[:, 0], np.square(codes).sum(axis=1)])
            found.append(_areas(values, is_target[held]).mean())
    return np.array(found)


def _areas(values: NDArray[np.float64], is_target: NDArray[np.bool_]) -> NDArray[np.float64]:
    """AUC of each column of values (n, columns), by ranks."""
    patients, controls = is_target.sum(), (~is_target).sum()
    ranks = rankdata(values, axis=0)[is_target].sum(axis=0)
    return (ranks - patients * (patients + 1) / 2) / (patients * controls)
