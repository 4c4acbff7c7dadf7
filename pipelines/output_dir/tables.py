"""Every table and archive of arrays in OUTPUT_DIR, as ``outputs.yaml`` describes them."""

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from adhd_cvae.config.identity import RENAMED_TERMS
from adhd_cvae.names import (
    ALPHA,
    BASELINE_PREFIXES,
    MEMBER_LABELS,
    PREFIXES,
    SALIENT,
    SPACE_DESCRIPTIONS,
    SPACE_LABELS,
    SPLIT_LABELS,
    rows_of,
    sd_name,
    unit_name,
)
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.table import Meaning, OutputArrays, OutputTable

_WRITTEN = Path(__file__).with_name("outputs.yaml").read_text("utf-8").replace("{alpha}", f"{ALPHA:g}")
DESCRIBED: dict[str, Any] = yaml.safe_load(_WRITTEN)
"""What the manual says of each file."""
_LEVELS = {
    "group": MEMBER_LABELS,
    "split": SPLIT_LABELS,
    "space": {name: SPACE_LABELS[name] for name in PREFIXES},
}


def _first(space: str) -> str:
    return unit_name(space, 0)


_UNITS = {
    **{f"{_first(space)}…": f"Posterior mean, {words}" for space, words in SPACE_DESCRIPTIONS.items()},
    **{
        f"{sd_name(_first(space))}…": f"Standard deviation of the posterior, {words}"
        for space, words in SPACE_DESCRIPTIONS.items()
    },
    **{f"{_first(space)}…": f"Score, {SPACE_LABELS[space]}" for space in BASELINE_PREFIXES},
}
"""Columns of a space's units to their meaning."""


def _table(described: dict[str, Any]) -> OutputTable:
    """Describe one table; what an earlier version called otherwise has its name of today."""
    earlier = {**RENAMED_TERMS, **described.get("renamed", {})}
    meanings = {column: _meaning(column, own) for column, own in described["columns"].items()}
    return OutputTable(
        meanings,
        described["made_by"],
        key=described.get("key"),
        words=frozenset((*DESCRIBED["words"], *described.get("words", ()))),
        optional=frozenset(described.get("optional", ())),
        renamed={old: new for old, new in earlier.items() if new in meanings},
    )


def _meaning(column: str, own: str | dict[str, Any] | None) -> Meaning:
    if isinstance(own, dict):
        return own
    words = own or _UNITS.get(column) or DESCRIBED["common"][column]
    levels = _LEVELS.get(column) if own is None else None
    return {"Description": words[0].upper() + words[1:], **({"Levels": levels} if levels else {})}


TABLES = {name: _table(described) for name, described in DESCRIBED["tables"].items()}
"""Path below OUTPUT_DIR to the table."""


def _of(path: Path) -> OutputTable:
    return TABLES[path.as_posix()]


_HERE = OutputPaths(Path())
COHORT, FOLDS, EXCLUSIONS = _of(_HERE.cohort), _of(_HERE.folds), _of(_HERE.exclusions)
CONFLICTS, CONFOUNDING = _of(_HERE.conflicts), _of(_HERE.confounding)
HISTORY, EARNED = _of(_HERE.history), _of(_HERE.earned)
LATENTS, DISTANCES, BASELINES = _of(_HERE.latents), _of(_HERE.distances), _of(_HERE.baselines)
PARTICIPANT = TABLES["sub-<label>/[ses-<session>/]anat/…_latents.tsv"]
STABILITY, SEED_SCORES = _of(_HERE.stability), _of(_HERE.seed_scores)
ANALYSIS = {Path(name).stem: table for name, table in TABLES.items() if Path(name).parent == _HERE.analysis}
"""Name of each table of ``analysis/`` to the table."""
ARRAYS = {
    name: OutputArrays(described["made_by"], tuple(described.get("needed", ())))
    for name, described in DESCRIBED["arrays"].items()
}
DRAWS, DECODED, PICTURES = (ARRAYS[path.as_posix()] for path in (_HERE.draws, _HERE.decoded, _HERE.pictures))
POWER, SMALLEST, FALSE_POSITIVES = map(_of, (_HERE.power, _HERE.smallest, _HERE.false_positives))
HEADLINES = {"auc": SALIENT, "r": SALIENT, "dice": "maps"}
"""Measure of ``sensitivity/`` to the space of which it is a headline, in reading order."""

MEMBERSHIP = _of(_HERE.membership)
OUT_OF_FOLD = _of(_HERE.out_of_fold)
FOLD_ARRAYS, FOLD_SCORES = (ARRAYS[one.as_posix()] for one in (_HERE.out_of_fold_arrays, _HERE.fold_scores))


def headlines(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Rows of a table of ``sensitivity/`` that are of the headline measures, in reading order."""
    order = list(HEADLINES)
    rows = [] if table is None else rows_of(table)
    rows = [row for row in rows if HEADLINES.get(row["measure"]) == row["space"]]
    return sorted(rows, key=lambda row: order.index(row["measure"]))
