"""Patients told from controls: ``separation.tsv``. Every score is of a participant that its model has not met.

Permutations fit the linear model of every fold again (`adhd_cvae.analysis.refits`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from adhd_cvae.analysis.group_measures import (
    ACCURACY,
    AUC,
    BEYOND,
    Groups,
    balanced_accuracy,
    interval,
    measures,
    pairwise_auc,
    permutation_strata,
)
from adhd_cvae.analysis.permutation import (
    Inference,
    cell_generator,
    conditional_orders,
    permuted_orders,
    upper_p_value,
)
from adhd_cvae.analysis.refits import Fold, Refit
from adhd_cvae.analysis.variables import Row
from adhd_cvae.config import SeparationConfig

COVARIATES, SUPERVISED = "covariates", "supervised"
SEPARATION_COLUMNS = [
    *(
        "space",
        "measure",
        "site",
        "value",
        "ci_low",
        "ci_high",
        "null_mean",
        "p_value",
        "n",
        "in_sample",
        "note",
    ),
]
UNIDENTIFIED = "no stratum has both groups, so that no permutation within strata changes them"
Scores = Mapping[str, NDArray[np.float64]]
"""Space to how much each participant looks like a patient, (n,); above 0 nearer to the patients."""
Key = tuple[str, str, str | None]
"""Space, measure, site."""


@dataclass(frozen=True)
class Separation:
    """Everything the table is made of.

    Attributes
    ----------
    groups
        Who is compared with whom.
    observed
        Scores by the codes out of fold; empty where there are none.
    in_sample
        Scores by the codes of a model fitted to the same participants; empty where there are none.
    refit
        The linear model of every fold; None where it cannot be fitted again.
    is_linear
        Whether the observed codes are of these linear models.
    supervised
        Whether a classifier of maps is asked beside, which takes longer than the spaces.
    """

    groups: Groups
    observed: Scores
    in_sample: Scores
    refit: Refit | None
    is_linear: bool
    supervised: bool = True

    def scores(
        self, is_target: NDArray[np.bool_], settings: SeparationConfig
    ) -> dict[str, NDArray[np.float64]]:
        """Scores by the codes, by the linear models and by covariates."""
        linear = {} if self.refit is None else self._named(self.refit.scores(is_target))
        return {**self.observed, **linear, **self._by_covariates(is_target, settings)}

    def permuted(
        self, orders: NDArray[np.integer], settings: SeparationConfig
    ) -> Iterator[dict[str, NDArray[np.float64]]]:
        """The same, but for codes that are not fitted again, for rearranged groups."""
        is_target = self.groups.is_target
        linear = iter(()) if self.refit is None else self.refit.permuted(is_target, orders)
        for order in orders:
            yield {
                **self._named(next(linear, {})),
                **self._by_covariates(is_target[order], settings),
            }

    def _named(self, scores: Scores) -> dict[str, NDArray[np.float64]]:
        return {space if self.is_linear else f"linear_{space}": values for space, values in scores.items()}

    def _by_covariates(
        self, is_target: NDArray[np.bool_], settings: SeparationConfig
    ) -> dict[str, NDArray[np.float64]]:
        if not self.groups.covariates.shape[1]:
            return {}
        return {COVARIATES: self.groups.covariate_scores(is_target, settings.covariate_ridge)}


def supervised_scores(
    folds: Sequence[Fold], is_target: NDArray[np.bool_], settings: SeparationConfig, seed: int
) -> NDArray[np.float64]:
    """Ridge logistic regression on the same maps, its penalty chosen in folds of the training part: (n,)."""
    scores = np.full(len(is_target), np.nan)
    for fold in folds:
        known = is_target[fold.fitted]
        maps = fold.adjusted(known)
        maps /= np.sqrt(np.square(maps[fold.fitted]).sum(axis=1).mean())
        inner = min(settings.inner_folds, int(known.sum()), int((~known).sum()))
        if inner >= 2:
            search = GridSearchCV(
                LogisticRegression(class_weight="balanced", max_iter=5000),
                {"C": list(settings.penalties)},
                scoring="roc_auc",
                cv=StratifiedKFold(inner, shuffle=True, random_state=seed),
            )
            search.fit(maps[fold.fitted], known)
            scores[fold.held_out] = search.decision_function(maps[fold.held_out])
    return scores


@threadpool_limits.wrap(limits=1)  # the matrices are small
def separation_table(
    separation: Separation,
    inference: Inference,
    settings: SeparationConfig,
    refits: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> pd.DataFrame:
    """Tell patients from controls by each space, by covariates and by a supervised classifier.

    Parameters
    ----------
    inference
        Its bootstraps, seed and strata.
    settings
        Of the classifiers beside the spaces.
    refits
        Permutations of the groups, each of which fits the linear model of every fold again; and as many more by the
        odds of covariates, where these vary within strata.
    progress
        Called with permutations done and in all.

    Returns
    -------
    pandas.DataFrame
        `SEPARATION_COLUMNS`, rows of everybody first. p is one-sided: the share of permutations within strata whose
        value is as large; beyond covariates, of those that are as likely as covariates make them. Codes of deep models
        have none; beside them stand ``linear_salient`` and so on, those of the linear models of the same folds.
    """
    groups = separation.groups
    scores = separation.scores(groups.is_target, settings)
    if separation.supervised and separation.refit is not None:
        found = supervised_scores(separation.refit.folds, groups.is_target, settings, inference.seed)
        scores[SUPERVISED] = found
    strata, note = permutation_strata(groups, inference.among(np.ones(len(groups.fold), bool)).codes)
    orders = permuted_orders(cell_generator(inference.seed, "separation"), strata, refits)
    why = "no p-value: it is not fitted again to permuted groups"
    if (groups.is_target[orders] == groups.is_target).all():
        orders, why = orders[:0], f"no p-value: {UNIDENTIFIED}"
    given = orders_given_covariates(groups, strata, settings, inference.seed, len(orders))
    total = len(orders) + len(given)
    null = _null(separation, orders, settings, lambda done: progress(done, total))
    beyond = _null(separation, given, settings, lambda done: progress(len(orders) + done, total))
    null |= {key: values for key, values in beyond.items() if key[1] == BEYOND}
    rows = [
        _row(separation, (space, measure, site), values, inference, null) | {"note": note}
        for space, values in scores.items()
        for measure, site in measures(groups, beyond=space != COVARIATES)
    ]
    rows += [
        {"space": space, "measure": measure, "note": "in sample or unknown: it says nothing about others"}
        | _in_sample(separation, (space, measure, None))
        for space in separation.in_sample
        if space not in scores
        for measure in (AUC, ACCURACY)
    ]
    table = pd.DataFrame(rows, columns=SEPARATION_COLUMNS).astype({"p_value": float, "value": float})
    without = table["p_value"].isna() & table["value"].notna()
    table.loc[without, "note"] = why
    return table.sort_values("site", key=lambda site: site.notna(), kind="stable", ignore_index=True)


def orders_given_covariates(
    groups: Groups, strata: NDArray[np.int64], settings: SeparationConfig, seed: int, count: int
) -> NDArray[np.int32]:
    """Rearrange groups within strata by their ridge logistic odds given covariates; none where these don't vary."""
    n, levels = len(strata), np.unique(np.column_stack([strata, groups.covariates]), axis=0)
    if not count or len(levels) == len(np.unique(strata)):
        return np.empty((0, n), np.int32)
    design = StandardScaler().fit_transform(groups.covariates)
    penalty = max(settings.covariate_ridge, 1e-9) * n
    odds = LogisticRegression(C=1 / penalty, max_iter=5000).fit(design, groups.is_target)
    rng = cell_generator(seed, "separation", BEYOND)
    return conditional_orders(rng, strata, groups.is_target, odds.decision_function(design), count)


def _null(
    separation: Separation,
    orders: NDArray[np.integer],
    settings: SeparationConfig,
    progress: Callable[[int], None],
) -> dict[Key, NDArray[np.float64]]:
    """Every measure for every rearrangement of the groups."""
    groups = separation.groups
    found: dict[Key, list[float]] = {}
    for done, (order, scores) in enumerate(zip(orders, separation.permuted(orders, settings), strict=True)):
        is_target = groups.is_target[order]
        for space, values in scores.items():
            for (measure, site), compute in measures(groups, beyond=space != COVARIATES).items():
                found.setdefault((space, measure, site), []).append(compute(values, is_target))
        progress(done + 1)
    return {key: np.array(values) for key, values in found.items()}


def _row(
    separation: Separation,
    key: Key,
    scores: NDArray[np.float64],
    inference: Inference,
    null: Mapping[Key, NDArray[np.float64]],
) -> Row:
    space, measure, site = key
    groups = separation.groups
    is_target = groups.is_target
    used = groups.beyond_covariates(scores, is_target) if measure == BEYOND else scores
    used = used if site is None else groups.at(site, used)
    value = measures(groups, beyond=True)[measure, site](scores, is_target)
    row: Row = {"space": space, "measure": measure, "site": site, "value": value}
    row |= {"n": int(np.isfinite(used).sum()), **interval(measure, used, groups, inference, [*map(str, key)])}
    permuted = null.get(key, np.empty(0))
    if np.isfinite(permuted).any():
        permuted = permuted[np.isfinite(permuted)]
        row |= {"null_mean": float(permuted.mean()), "p_value": upper_p_value(value, permuted)}
    return row | _in_sample(separation, key)


def _in_sample(separation: Separation, key: Key) -> Row:
    """The measure of a model that is fitted to those it is asked about."""
    space, measure, site = key
    if site is not None or space not in separation.in_sample or measure == BEYOND:
        return {}
    compute = pairwise_auc if measure == AUC else balanced_accuracy
    is_target = separation.groups.is_target
    value = compute(separation.in_sample[space], is_target, np.zeros(len(is_target)))
    return {"in_sample": value, "n": len(is_target)}
