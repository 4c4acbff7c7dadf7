"""Which participants are trained on and which are held out, in proportion of site and group."""

import numpy as np
import pandas as pd

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from adhd_cvae.names import BACKGROUND, TARGET, TEST, TRAIN


def split_cohort(
    table: pd.DataFrame,
    test_fraction: float,
    seed: int,
    site: str | None,
    *,
    minimum: int = CohortConfig().minimum_group,
) -> pd.Series:
    """Hold participants out so that every site × group keeps its proportion.

    Parameters
    ----------
    table
        One row a participant, with `group` and, where `site` is given, that column.
    test_fraction
        Share held out, over 0 and under 1.
    minimum
        Participants of a group below which nothing can be held out.

    Returns
    -------
    pandas.Series
        ``train`` or ``test``, in the order of `table`.

    Raises
    ------
    InputError
        Fewer participants in a group.
    """
    for group in (TARGET, BACKGROUND):
        count = list(table["group"]).count(group)
        if count < minimum:
            raise InputError(
                f"{count} participants in the {group} group; at least {minimum} are needed to train and "
                f"hold some out. Check cohort.group, cohort.target and cohort.background, and exclusions.tsv."
            )
    rng = np.random.default_rng(seed)
    # Sorted by stratum with a random order inside, then every k-th held out: proportions hold to one participant.
    sites = (
        table[site].astype(str) if site is not None and site in table else pd.Series("", index=table.index)
    )
    order = (
        pd.DataFrame({"group": table["group"], "site": sites, "tie": rng.random(len(table))})
        .reset_index(drop=True)
        .sort_values(["group", "site", "tie"])
    )
    held_out = np.zeros(len(table), dtype=bool)
    for _, stratum in order.groupby("group"):
        steps = np.floor(np.arange(1, len(stratum) + 1) * test_fraction + rng.uniform(0.5, 1.0))
        picked = np.diff(np.concatenate([[0.0], steps])) > 0
        held_out[stratum.index.to_numpy()[picked]] = True
    return pd.Series(np.where(held_out, TEST, TRAIN), index=table.index, name="split")


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
