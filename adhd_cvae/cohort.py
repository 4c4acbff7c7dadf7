"""The table every later room relies on: one row a participant. Pandas only."""

import numpy as np
import pandas as pd

from adhd_cvae.errors import InputError

TARGET = "target"
BACKGROUND = "background"
TRAIN = "train"
TEST = "test"
REQUIRED = ("participant_id", "image", "group", "split")
EXCLUSION_COLUMNS = ("participant_id", "stage", "reason", "detail")


def validate_cohort(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` unchanged where it is a cohort.

    Raises
    ------
    InputError
        One line for each missing column, unknown group or split, or repeated participant.
    """
    problems = [
        f"cohort.tsv has no column '{column}' (found: {', '.join(map(str, table.columns))}). Run prepare again."
        for column in REQUIRED
        if column not in table
    ]
    if problems:
        raise InputError(*problems)
    for column, levels in (("group", {TARGET, BACKGROUND}), ("split", {TRAIN, TEST})):
        unknown = sorted(set(table[column].astype(str)) - levels)
        if unknown:
            problems.append(
                f"cohort.tsv column '{column}' holds {unknown[0]!r}; expected {' or '.join(sorted(levels))}."
            )
    repeated = sorted(table.loc[table["participant_id"].duplicated(), "participant_id"])
    if repeated:
        problems.append(
            f"cohort.tsv names participants twice: {len(repeated)} rows too many, first {repeated[0]}."
        )
    if problems:
        raise InputError(*problems)
    return table


def split_cohort(table: pd.DataFrame, test_fraction: float, seed: int, site: str | None) -> pd.Series:
    """Hold participants out so that every site × group keeps its proportion.

    Parameters
    ----------
    table
        One row a participant, with `group` and, where `site` is given, that column.
    test_fraction
        Share held out, over 0 and under 1.

    Returns
    -------
    pandas.Series
        ``train`` or ``test``, in the order of `table`.

    Raises
    ------
    InputError
        Fewer than four participants in a group: nothing can be held out.
    """
    for group in (TARGET, BACKGROUND):
        count = list(table["group"]).count(group)
        if count < 4:
            raise InputError(
                f"{count} participants in the {group} group; at least 4 are needed to train and "
                f"hold some out. Check cohort.group, cohort.target and cohort.background, and exclusions.tsv."
            )
    rng = np.random.default_rng(seed)
    # Sorted by stratum with a random order inside, then every k-th held out: proportions hold to one person.
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
