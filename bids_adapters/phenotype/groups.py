"""Patients and controls: the recipe's group column and codes against the phenotype."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from adhd_cvae.names import BACKGROUND, TARGET
from bids_adapters.phenotype.codebook import canonical_number, find_column, read_value
from bids_adapters.phenotype.table import Phenotype
from bids_adapters.phenotype.text_table import snake_case

MOST_GROUPS = 6
"""Values that a column may have to be named as one that could tell the groups."""


def read_groups(
    phenotype: Phenotype, settings: CohortConfig, files: Sequence[Path], *, required: bool
) -> dict[str, tuple[str, str]]:
    """Give each key's group (empty where it has none) and the code it was read from."""
    table = phenotype.table
    known = find_column(settings.group)
    names = (settings.group, snake_case(settings.group), known.name if known else settings.group)
    column = next((name for name in names if name in table and name != "participant_id"), None)
    if column is None:
        if not required:
            return {}
        raise InputError(_no_group(table, settings, ", ".join(path.name for path in files)))
    codes = {_code(column, code): TARGET for code in settings.target}
    codes |= {_code(column, code): BACKGROUND for code in settings.background}
    values = zip(phenotype.identifiers, table[column], strict=True)
    return {
        key: ("", "") if pd.isna(value) else (codes.get(_code(column, value), ""), str(value))
        for key, value in values
    }


def _no_group(table: pd.DataFrame, settings: CohortConfig, where: str) -> str:
    """Say which columns there are, and all that must be set to go on with another one."""
    found = ", ".join(map(str, table.columns[1:]))
    few = [
        f"{name} ({', '.join(sorted(map(str, set(table[name].dropna()))))})"
        for name in table.columns[1:]
        if 2 <= len(set(table[name].dropna())) <= min(MOST_GROUPS, len(table) / 2)
    ]
    settable = ["cohort.group=COLUMN", "'cohort.target=[PATIENTS]'", "'cohort.background=[CONTROLS]'"]
    if settings.site is not None and settings.site not in list(table.columns):
        settable += ["cohort.site=SITE", "analysis.permute_within=SITE (null in both where there was one)"]
    return (
        f"{where}: no column '{settings.group}' (found: {found}). Name the column and its values with --set "
        f"{' --set '.join(settable)}. Columns of few values: {'; '.join(few) or 'none'}."
    )


def _code(column: str, value: object) -> str:
    """Write a code one way, whether it came as a number, as text, or as the code book's words."""
    text = str(value).strip()
    known = find_column(column)
    read = read_value(known, text) if known is not None and not text.lstrip("-").isdigit() else None
    return read or canonical_number(text) or text.casefold()
