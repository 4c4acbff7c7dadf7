"""Healthy participants of a dataset: who they are, and their maps on the recipe's grid."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from adhd_cvae.errors import InputError
from adhd_cvae.names import BACKGROUND
from bids_adapters.cohort import Cohort
from bids_adapters.phenotype.groups import find_group_column
from pipelines.output_dir.bids_source import find_cohort
from pipelines.output_dir.paths import BidsInput
from pipelines.output_dir.run import Run


def find_healthy(run: Run, source: BidsInput, index_cache: Path | None = None) -> Cohort:
    """Find everybody, or the `cohort.background` levels where there is a column `cohort.group`.

    Raises
    ------
    InputError
        No cohort can be made of the dataset, or nobody in it has one of these levels.
    """
    settings = run.recipe.cohort
    found = find_cohort(source, settings, run.progress, require_groups=False, index_cache=index_cache)
    column = find_group_column(found.table, settings)
    if column is None:
        run.progress.line(f"no column {settings.group}: everybody is taken for healthy")
        return found
    return _controls_of(found, column, settings.background)


def check_count(run: Run, count: int) -> None:
    """Refuse so few that a clinic's own controls know as much."""
    if count < (least := run.recipe.reference.least_participants):
        raise InputError(
            f"{count} healthy participants with a usable map were found, and a reference takes at least {least} "
            "(reference.least_participants): fewer know no more than a clinic's own controls. Add a dataset's, or "
            "borrow one."
        )


def _controls_of(found: Cohort, column: str, levels: Sequence[object]) -> Cohort:
    """Leave out whom the group column does not call a control."""
    healthy = (found.table["group"] == BACKGROUND).to_numpy()
    if not healthy.any():
        codes = ", ".join(map(str, found.table[column].dropna().astype(str).unique()[:9]))
        expected = ", ".join(map(str, levels))
        raise InputError(
            f"nobody is healthy: column {column} holds {codes or 'nothing'}, expected cohort.background {expected}. "
            f"Say which of its codes are: --set 'cohort.background=[…]'; or, where there is no patient, "
            "--set cohort.group=none."
        )
    others = found.table.loc[~healthy, "participant_id"]
    detail = f"{column} is none of cohort.background"
    rows = [
        {"participant_id": one, "stage": "phenotype", "reason": "not_background", "detail": detail}
        for one in others
    ]
    exclusions = pd.concat([found.exclusions, pd.DataFrame(rows)], ignore_index=True) if rows else None
    table = pd.DataFrame(found.table[healthy]).reset_index(drop=True)
    return replace(found, table=table, exclusions=found.exclusions if exclusions is None else exclusions)
