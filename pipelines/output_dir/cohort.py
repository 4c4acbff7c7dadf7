"""cohort.tsv, confounding.tsv and exclusions.tsv of an OUTPUT_DIR."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from adhd_cvae.cohort.confounding import confounding_table
from pipelines.output_dir.tables import CONFOUNDING

_REASONS_SHOWN = 20


def write_confounding(cohort: pd.DataFrame, site: str | None, scales: Mapping[str, str], path: Path) -> None:
    """Write ``confounding.tsv`` and its sidecar: site, age, sex, the analysis' variables and missing values by group.

    Parameters
    ----------
    site
        Column of the site; None where the cohort has none.
    scales
        The analysis' variables and their scales.
    """
    CONFOUNDING.write(confounding_table(cohort, site, scales), path)


def nothing_left(exclusions: pd.DataFrame) -> list[str]:
    """Say, one line each, why nobody is left."""
    lines = [
        f"{row['participant_id']}: {row['reason']}. {row['detail']}"
        for _, row in exclusions.head(_REASONS_SHOWN).iterrows()
    ]
    more = len(exclusions) - len(lines)
    return [*lines, f"nothing is left to work on{f' ({more} more in exclusions.tsv)' if more > 0 else ''}."]
