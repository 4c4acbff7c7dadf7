"""The linear model fitted anew in every fold: what it makes of participants it has not met, whatever their groups.

Permuting only the labels of finished codes is anticonservative: the codes were found with the true labels. So each
permutation fits every fold's model again, on scores of its training maps' principal axes, which takes milliseconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from adhd_cvae.config import ModelConfig
from adhd_cvae.models.form_choice import Form, compared_forms
from adhd_cvae.models.harmonisation import fit_combat
from adhd_cvae.models.ratio import Ratio
from adhd_cvae.models.reference_background import Borrowed
from adhd_cvae.models.refinement import linear_solution
from adhd_cvae.names import BACKGROUND, SALIENT

BOTH = "both"
"""Salient and background codes side by side."""


@dataclass(frozen=True)
class Adjusting:
    """What an adjustment of maps is fitted from.

    Attributes
    ----------
    sites
        (n,) scanning sites.
    covariates
        (n, columns) of numbers of which 0 is the average.
    smallest
        Participants of a site below which it is taken for the average site.
    block
        Leading axes that share a distribution of sites' effects.
    harmonise, residualised
        Whether sites are brought together, and whether covariates' effects are taken away.
    """

    sites: NDArray
    covariates: NDArray[np.float64]
    smallest: int
    block: int
    harmonise: bool
    residualised: bool


@dataclass(frozen=True)
class Fold:
    """What a fold's linear model can see.

    Attributes
    ----------
    scores
        (n, axes) everybody's on the principal axes of the training maps, standardised as these are.
    fitted
        (m,) rows that the model is fitted to.
    held_out
        (n,) bool.
    adjusting
        How maps were adjusted before the model saw them, which is done again for permuted groups; None where they
        were not.
    reference
        What linear models may borrow, on the same axes; None where nothing is.
    """

    scores: NDArray[np.floating]
    fitted: NDArray[np.integer]
    held_out: NDArray[np.bool_]
    adjusting: Adjusting | None = None
    reference: Borrowed | None = None

    def adjusted(self, is_target: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Scores (n, axes) as the model sees them where `is_target`, (m,) bool, are the groups of those fitted."""
        scores = self.scores.astype(np.float64)
        if (how := self.adjusting) is None:
            return scores
        known = self.fitted
        combat = fit_combat(
            *(scores[known], how.sites[known], how.covariates[known], is_target),
            smallest=how.smallest,
            harmonise=how.harmonise,
            block=how.block,
        )
        return combat.transform(scores, how.sites, how.covariates, keep_covariates=not how.residualised)


@dataclass(frozen=True)
class Refit:
    """How the linear model of every fold is fitted.

    Attributes
    ----------
    folds
        Each holds out others.
    sites
        (n,) scanning sites, where known.
    model
        Units and the linear start's settings.
    seed
        Of the fits' inner folds.
    """

    folds: Sequence[Fold]
    sites: NDArray | None
    model: ModelConfig
    seed: int

    def scores(self, is_target: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
        """How much each participant looks like a patient, by the model of the fold that holds them out.

        Parameters
        ----------
        is_target
            (n,) bool, true or permuted.

        Returns
        -------
        dict
            `salient`, `background` and `both` to (n,): above 0 nearer to the patients. NaN where a fold's training part
            lacks a group.
        """
        found = {space: np.full(len(is_target), np.nan) for space in (SALIENT, BACKGROUND, BOTH)}
        for fold in self.folds:
            known = is_target[fold.fitted]
            if not 2 <= known.sum() <= len(known) - 2:
                continue
            for space, codes in self.codes(fold, known).items():
                weights = discriminant(codes[fold.fitted], known)
                found[space][fold.held_out] = applied(weights, codes[fold.held_out])
        return found

    def codes(self, fold: Fold, is_target: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
        """Everybody's codes (n, units) by a fold's model, `is_target` (m,) bool being the groups of those fitted."""
        forms = self.forms(fold, is_target)  # chosen again: the true groups' choice would look at them
        return self.codes_by(forms[0].method if forms else None, fold, is_target)

    def forms(self, fold: Fold, is_target: NDArray[np.bool_]) -> list[Form]:
        """Forms that a fold's model can take, the one taken first; none where nothing can be borrowed."""
        if fold.reference is None:
            return []
        known, sites = fold.adjusted(is_target)[fold.fitted], self._sites(fold)
        return compared_forms(self.model, known, is_target, fold.reference, sites=sites, seed=self.seed)

    def codes_by(
        self, method: str | Ratio | None, fold: Fold, is_target: NDArray[np.bool_]
    ) -> dict[str, NDArray[np.float64]]:
        """The same by a form's `method`; None: that of the settings, which borrows nothing."""
        scores = fold.adjusted(is_target)
        linear = linear_solution(
            self.model, scores[fold.fitted], is_target, self.seed, self._sites(fold), method
        )
        spaces = {SALIENT: linear.salient, BACKGROUND: linear.background}
        return with_both({name: space.embed(scores).astype(np.float64) for name, space in spaces.items()})

    def _sites(self, fold: Fold) -> NDArray | None:
        return None if self.sites is None else self.sites[fold.fitted]

    def permuted(
        self, is_target: NDArray[np.bool_], orders: NDArray[np.integer]
    ) -> Iterator[dict[str, NDArray[np.float64]]]:
        """`scores` of each rearrangement, (permutations, n) rows, in their order; computed beside each other."""
        work = (delayed(_one)(self, is_target[order]) for order in orders)
        yield from cast(
            "Iterator[dict[str, NDArray[np.float64]]]", Parallel(n_jobs=-1, return_as="generator")(work)
        )


@threadpool_limits.wrap(limits=1)  # the matrices are small
def _one(refit: Refit, is_target: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
    return refit.scores(is_target)


def with_both(codes: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Add salient and background codes side by side, where there are both."""
    pair = [codes[space] for space in (SALIENT, BACKGROUND) if space in codes]
    return {**codes, BOTH: np.hstack(pair)} if len(pair) > 1 else dict(codes)


def discriminant(codes: NDArray[np.floating], is_target: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Diagonal linear discriminant of two groups: (units + 1,) weights, the last one the constant.

    The difference of the groups' means over each unit's variance within groups, around the middle between the means
    (Bickel & Levina 2004, doi 10.3150/bj/1106314847). A unit that does not vary within groups has none.
    """
    target, background = codes[is_target].astype(float), codes[~is_target].astype(float)
    within = (target.var(axis=0) * len(target) + background.var(axis=0) * len(background)) / len(codes)
    means = target.mean(axis=0), background.mean(axis=0)
    varies = within > 1e-12 * np.maximum(within.max(initial=0), 1e-12)
    weights = np.where(varies, (means[0] - means[1]) / np.where(varies, within, 1), 0)
    return np.append(weights, -weights @ (means[0] + means[1]) / 2)


def applied(weights: NDArray[np.floating], codes: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scores (n,) of codes (n, units) by a `discriminant`."""
    return codes @ weights[:-1] + weights[-1]
