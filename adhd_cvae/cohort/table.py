"""The table every later room relies on: one row a participant. Pandas only."""

import pandas as pd

from adhd_cvae.errors import InputError
from adhd_cvae.names import BACKGROUND, TARGET, TEST, TRAIN

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
