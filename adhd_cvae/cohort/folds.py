"""Who is held out with whom: folds of the cohort, and rows drawn of it, in proportion of site and group."""

import numpy as np
import pandas as pd

from adhd_cvae.config import CohortConfig
from adhd_cvae.config.cohort import LEAVE_SITE_OUT
from adhd_cvae.errors import InputError
from adhd_cvae.io import MISSING
from adhd_cvae.names import BACKGROUND, TARGET

_LEAST_FITTED = 2
"""Participants of a group who differ from anybody."""


def deal_folds(
    table: pd.DataFrame,
    folds: int | str,
    seed: int,
    site: str | None,
    *,
    groups: str | None = None,
    minimum: int = CohortConfig().minimum_group,
) -> pd.Series:
    """Deal a cohort into folds, each of which is held out once; the order of the rows decides nothing.

    Every site × group, and every group, keeps its proportion to one participant; where some are held out together, as
    far as that lets it. A missing site counts as one more.

    Parameters
    ----------
    table
        One row a participant, with `participant_id`, `group` and, where `site` is given, that column.
    folds
        How many, fewer where the smaller group has fewer participants, or families; or ``leave_site_out``.
    groups
        Column that names who is held out together; who has no value there is alone.
    minimum
        Participants of a group below which nothing can be held out.

    Returns
    -------
    pandas.Series
        Number of each participant's fold, from 0, in the order of `table`.

    Raises
    ------
    InputError
        Fewer participants in a group, one fold only, or a fold without which a group has nobody to learn from.
    """
    _check_sizes(table, minimum)
    group, families, sites = table["group"].to_numpy(), _families(table, groups), _sites(table, site)
    if folds == LEAVE_SITE_OUT:
        dealt = _one_a_site(sites, families)
    else:
        together = {name: len(set(families[group == name])) for name in (TARGET, BACKGROUND)}
        smaller = min(together, key=together.__getitem__)
        if together[smaller] < 2:
            raise InputError(
                f"cohort.folds is {folds}, but all of the {smaller} group have one value of cohort.fold_groups "
                f"({groups}), so that they would be held out together. Name another column, or null."
            )
        dealt = _deal(group, sites, families, min(int(folds), together[smaller]), seed)
    check_folds(dealt, group, sites=sites if folds == LEAVE_SITE_OUT else None)
    return pd.Series(dealt, index=table.index, name="fold")


def check_folds(folds: np.ndarray, group: np.ndarray, *, sites: np.ndarray | None = None) -> None:
    """Refuse folds without one of which a group has nobody to learn from, or one participant, who differs from nobody.

    Parameters
    ----------
    folds, group
        (n,) of each participant.
    sites
        (n,) of each participant, where a fold is a site.

    Raises
    ------
    InputError
        A line for each such fold.
    """
    if len(set(folds)) == 1:
        raise InputError(f"all are in fold {folds[0]}, which leaves nobody to train on; expected 2 folds.")
    problems = []
    for fold in np.unique(folds):
        held_out = f"fold {fold}" if sites is None else f"site {sites[folds == fold][0]}"
        problems += [
            f"without {held_out}, {few} to train on; at least {_LEAST_FITTED} are needed. Prepare with another number "
            "of folds (--set cohort.folds=5), or correct folds.tsv."
            for few in _too_few(group[folds != fold])
        ]
    if problems:
        raise InputError(*problems)


def check_groups(group: np.ndarray) -> None:
    """Refuse to train on nobody of a group, or on one participant, who differs from nobody.

    Raises
    ------
    InputError
        A line for each such group.
    """
    if problems := _too_few(group):
        advice = f"at least {_LEAST_FITTED} are needed. Check the column 'group' of cohort.tsv."
        raise InputError(*(f"cohort.tsv has {few} to train on; {advice}" for few in problems))


def _too_few(group: np.ndarray) -> list[str]:
    counts = {name: int((group == name).sum()) for name in (TARGET, BACKGROUND)}
    return [f"{count} of the {name} group" for name, count in counts.items() if count < _LEAST_FITTED]


def _check_sizes(table: pd.DataFrame, minimum: int) -> None:
    for group in (TARGET, BACKGROUND):
        count = list(table["group"]).count(group)
        if count < minimum:
            raise InputError(
                f"{count} participants in the {group} group; at least {minimum} are needed to train and "
                f"hold some out. Check cohort.group, cohort.target and cohort.background, and exclusions.tsv."
            )


def _families(table: pd.DataFrame, groups: str | None) -> np.ndarray:
    """(n,) name of who is held out with whom."""
    alone = [f"participant {name}" for name in table["participant_id"]]
    if groups is None:
        return np.array(alone)
    if groups not in table:
        raise InputError(
            f"there is no column '{groups}' for cohort.fold_groups (found: {', '.join(map(str, table.columns))}). "
            "Name another, or set it to null."
        )
    return np.where(table[groups].isna(), alone, table[groups].astype(str))


def _sites(table: pd.DataFrame, site: str | None) -> np.ndarray:
    """(n,) name of each participant's site; a missing one has a name too."""
    if site is None or site not in table:
        return np.full(len(table), "")
    return np.where(table[site].isna(), MISSING, table[site].astype(str))


def _one_a_site(sites: np.ndarray, families: np.ndarray) -> np.ndarray:
    """Fold of each site, in the order of their names."""
    names, folds = np.unique(sites, return_inverse=True)
    if len(names) < 2:
        raise InputError(
            f"cohort.folds is {LEAVE_SITE_OUT}, but there is one site only, or none (cohort.site), and nobody would be "
            "left to train on. Give --set cohort.folds=5."
        )
    where = pd.crosstab(families, sites).to_numpy() > 0
    if (count := where.sum(axis=1).max()) > 1:
        travelled = np.unique(families)[where.sum(axis=1).argmax()]
        raise InputError(
            f"cohort.folds is {LEAVE_SITE_OUT}, but '{travelled}' of cohort.fold_groups was seen at {count} sites, "
            "which cannot be held out apart. Give --set cohort.folds=5."
        )
    return folds


def _deal(group: np.ndarray, sites: np.ndarray, families: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Deal families, large ones first, each to the fold that has least of what it is made of.

    Of single participants, site after site, that is one to each fold in turn.
    """
    strata = [f"{name} {site}" for name, site in zip(group, sites, strict=True)]
    made_of = [pd.crosstab(families, values).to_numpy(float) for values in (strata, group)]
    sizes = made_of[0].sum(axis=1)
    tie = np.random.default_rng(seed).permutation(len(sizes))
    held = [np.zeros((count, parts.shape[1])) for parts in made_of]
    fold_of = np.empty(len(sizes), dtype=np.int64)
    for family in np.lexsort((tie, made_of[0].argmax(axis=1), -sizes)):
        costs = [
            have @ (parts[family] / parts.sum(axis=0)) for have, parts in zip(held, made_of, strict=True)
        ]
        fold = np.lexsort((held[0].sum(axis=1), costs[1], costs[0]))[0]
        fold_of[family] = fold
        for have, parts in zip(held, made_of, strict=True):
            have[fold] += parts[family]
    return fold_of[np.unique(families, return_inverse=True)[1]]


def hold_out(table: pd.DataFrame, share: float, seed: int, site: str | None) -> np.ndarray:
    """Hold a share of a cohort out, over 0 and under 1, so that every site × group keeps its proportion.

    Returns
    -------
    ndarray
        (n,) bool: held out, in the order of `table`.
    """
    rng = np.random.default_rng(seed)
    # Sorted by stratum with a random order inside, then every k-th held out: proportions hold to one participant.
    order = (
        pd.DataFrame({"group": table["group"], "site": _sites(table, site), "tie": rng.random(len(table))})
        .reset_index(drop=True)
        .sort_values(["group", "site", "tie"])
    )
    held_out = np.zeros(len(table), dtype=bool)
    for _, stratum in order.groupby("group"):
        steps = np.floor(np.arange(1, len(stratum) + 1) * share + rng.uniform(0.5, 1.0))
        picked = np.diff(np.concatenate([[0.0], steps])) > 0
        held_out[stratum.index.to_numpy()[picked]] = True
    return held_out


def sampled_rows(
    target: np.ndarray, background: np.ndarray, most: int, seed: int, *, smallest: int = 1
) -> np.ndarray:
    """Rows of both groups a linear model is fitted to: all, or `most` drawn with the seed, in proportion.

    Of a group at least `smallest` are drawn, or all.
    """
    groups = (target, background)
    size = sum(map(len, groups))
    if size <= most:
        return np.sort(np.concatenate(groups))
    rng = np.random.default_rng(seed)
    sizes = [max(round(most * len(group) / size), min(len(group), smallest)) for group in groups]
    sampled = (rng.choice(group, count, replace=False) for group, count in zip(groups, sizes, strict=True))
    return np.sort(np.concatenate(list(sampled)))
