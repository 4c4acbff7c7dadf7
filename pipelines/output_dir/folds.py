"""folds.tsv: written by `prepare`, read by whatever is fitted to those outside of a fold."""

import numpy as np
import pandas as pd

from adhd_cvae.cohort.folds import check_folds
from adhd_cvae.errors import InputError
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.tables import FOLDS


def write_folds(cohort: pd.DataFrame, folds: pd.Series, paths: OutputPaths) -> None:
    """Write the number of each participant's fold."""
    FOLDS.write(cohort[["participant_id"]].assign(fold=folds.to_numpy()), paths.folds)


def read_folds(cohort: pd.DataFrame, paths: OutputPaths) -> np.ndarray:
    """Read each participant's fold, (n,) int, in the order of the cohort.

    Raises
    ------
    InputError
        It is missing, is no such table, names others than the cohort, or leaves nobody to train on.
    """
    if not paths.folds.is_file():
        raise InputError(
            f"{paths.folds} is missing: nothing was prepared here, or by version 0.1, which had no folds. "
            f"Run `adhd-cvae prepare BIDS_DIR {paths.folder}` first."
        )
    table = FOLDS.read(paths.folds)
    fold_of = dict(zip(table["participant_id"], table["fold"], strict=True))
    names = cohort["participant_id"].tolist()
    others = sorted({*names} ^ {*fold_of})
    folds = np.array([fold_of.get(name, np.nan) for name in names], dtype=float)
    if others or not np.array_equal(folds, np.round(folds)):  # a missing one equals nothing
        what = (
            f"names {others[0]} or cohort.tsv does, but not both"
            if others
            else "has a fold that is no whole number"
        )
        raise InputError(f"{paths.folds} {what}. Mend it, or run `adhd-cvae prepare` again.")
    found = folds.astype(int)
    check_folds(found, cohort["group"].to_numpy())
    return found
