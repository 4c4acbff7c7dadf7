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
    families = _families(table, groups)
    if folds == LEAVE_SITE_OUT:
        dealt = _one_a_site(table, site, families)
    else:
        together = {group: families[table["group"] == group].nunique() for group in (TARGET, BACKGROUND)}
        smaller = min(together, key=together.__getitem__)
        if together[smaller] < 2:
            raise InputError(
                f"cohort.folds is {folds}, but all of the {smaller} group have one value of cohort.fold_groups "
                f"({groups}), so that they would be held out together. Name another column, or null."
            )
        dealt = _deal(table, min(int(folds), together[smaller]), seed, site, families)
    found = pd.Series(dealt, index=table.index, name="fold")
    check_folds(found, table["group"], sites=_sites(table, site) if folds == LEAVE_SITE_OUT else None)
    return found


def check_folds(folds: pd.Series, group: pd.Series, *, sites: pd.Series | None = None) -> None:
    """Refuse folds without one of which a group has nobody to learn from, or one participant, who differs from nobody.

    Parameters
    ----------
    folds, group
        Of each participant.
    sites
        Of each participant, where a fold is a site.

    Raises
    ------
    InputError
        A line for each such fold.
    """
    if len(set(folds)) == 1:
        raise InputError(
            f"all are in fold {folds.iloc[0]}, which leaves nobody to train on; expected 2 folds."
        )
    problems = []
    for fold in sorted(folds.unique()):
        held_out = f"fold {fold}" if sites is None else f"site {sites[folds == fold].iloc[0]}"
        problems += [
            f"without {held_out}, {few} to train on; at least {_LEAST_FITTED} are needed. Prepare with another number "
            "of folds (--set cohort.folds=5), or correct folds.tsv."
            for few in _too_few(group[folds != fold])
        ]
    if problems:
        raise InputError(*problems)


def check_groups(group: pd.Series) -> None:
    """Refuse to train on nobody of a group, or on one participant, who differs from nobody.

    Raises
    ------
    InputError
        A line for each such group.
    """
    if problems := _too_few(group):
        advice = f"at least {_LEAST_FITTED} are needed. Check the column 'group' of cohort.tsv."
        raise InputError(*(f"cohort.tsv has {few} to train on; {advice}" for few in problems))


def _too_few(group: pd.Series) -> list[str]:
    counts = {name: list(group).count(name) for name in (TARGET, BACKGROUND)}
    return [f"{count} of the {name} group" for name, count in counts.items() if count < _LEAST_FITTED]


def _check_sizes(table: pd.DataFrame, minimum: int) -> None:
    for group in (TARGET, BACKGROUND):
        count = list(table["group"]).count(group)
        if count < minimum:
            raise InputError(
                f"{count} participants in the {group} group; at least {minimum} are needed to train and "
                f"hold some out. Check cohort.group, cohort.target and cohort.background, and exclusions.tsv."
            )


def _families(table: pd.DataFrame, groups: str | None) -> pd.Series:
    """Name of who is held out with whom, of each participant."""
    alone = table["participant_id"].astype(str).radd("participant ")
    if groups is None:
        return alone
    if groups not in table:
        raise InputError(
            f"there is no column '{groups}' for cohort.fold_groups (found: {', '.join(map(str, table.columns))}). "
            "Name another, or set it to null."
        )
    return table[groups].astype(str).where(table[groups].notna(), alone)


def _sites(table: pd.DataFrame, site: str | None) -> pd.Series:
    if site is None or site not in table:
        return pd.Series("", index=table.index)
    return table[site].astype(str).where(table[site].notna(), MISSING)


def _one_a_site(table: pd.DataFrame, site: str | None, families: pd.Series) -> np.ndarray:
    """Fold of each site, in the order of their names."""
    sites = _sites(table, site)
    if sites.nunique() < 2:
        raise InputError(
            f"cohort.folds is {LEAVE_SITE_OUT}, but there is one site only (cohort.site: {site}), and nobody would be "
            "left to train on. Give --set cohort.folds=5."
        )
    travelling = sites.groupby(families).nunique()
    if (travelling > 1).any():
        raise InputError(
            f"cohort.folds is {LEAVE_SITE_OUT}, but '{travelling.idxmax()}' of cohort.fold_groups was seen at "
            f"{travelling.max()} sites, which cannot be held out apart. Give --set cohort.folds=5."
        )
    return pd.factorize(sites, sort=True)[0]


def _deal(table: pd.DataFrame, count: int, seed: int, site: str | None, families: pd.Series) -> np.ndarray:
    """Deal families, large ones first, each to the fold that has least of what it is made of.

    Of single participants, site after site, that is one to each fold in turn.
    """
    strata = table["group"].astype(str) + " " + _sites(table, site)
    made_of = [
        pd.crosstab(families, values).sort_index().to_numpy(float)  # (families, strata or groups)
        for values in (strata, table["group"])
    ]
    sizes = made_of[0].sum(axis=1)
    tie = np.random.default_rng(seed).permutation(len(sizes))
    order = np.lexsort((tie, made_of[0].argmax(axis=1), -sizes))
    held = [np.zeros((count, parts.shape[1])) for parts in made_of]
    fold_of = np.empty(len(sizes), dtype=np.int64)
    for family in order:
        costs = [
            have @ (parts[family] / parts.sum(axis=0)) for have, parts in zip(held, made_of, strict=True)
        ]
        fold = np.lexsort((held[0].sum(axis=1), costs[1], costs[0]))[0]
        fold_of[family] = fold
        for have, parts in zip(held, made_of, strict=True):
            have[fold] += parts[family]
    return fold_of[pd.factorize(families, sort=True)[0]]


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
