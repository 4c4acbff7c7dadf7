"""What the product makes of a dataset, in Python or through the command line, as text."""

import contextlib
import io
import json
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from adhd_cvae.errors import InputError
from bids_adapters import build_cohort
from pipelines.cli.main import main as command_line
from pipelines.recipes.loader import load_recipe
from tests.validation.generated_datasets.truth import Study

RECIPE = """
base: smoke
name: generated
image: {shape: [16, 16, 16], voxel_size: 12}
analysis: {variables: [{name: age, scale: ratio}], batteries: {}, claims: []}
"""


@dataclass
class Seen:
    """What the product made of a dataset, as text."""

    cohort: dict[str, dict[str, str]] = field(default_factory=dict)
    """By participant: column to cell, missing ones empty."""
    levels: dict[str, dict[str, str]] = field(default_factory=dict)
    """By column of the cohort: what it says of its codes."""
    lines: list[str] = field(default_factory=list)
    """exclusions.tsv and conflicts.tsv, and whatever was printed."""
    refusal: str = ""
    traceback: str = ""
    repeated: bool = False


def in_process(study: Study, folder: Path) -> Seen:
    """Build the cohort here."""
    seen = Seen()
    try:
        recipe = load_recipe("smoke", tuple(study.settings))
        found = build_cohort(
            folder, recipe.cohort, bids_filter=study.query, require_groups=study.groups_needed
        )
    except InputError as error:
        seen.refusal = "\n".join(error.problems)
        return seen
    except Exception:  # whatever comes is a finding
        seen.traceback = traceback.format_exc(limit=-2)
        return seen
    _take(seen, found.table, found.columns)
    for table in (found.exclusions, found.conflicts):
        seen.lines += ["\t".join(map(str, row)) for row in table.itertuples(index=False)]
    return seen


def through_the_command_line(study: Study, folder: Path, out: Path) -> Seen:
    """Call ``prepare`` and read what it wrote and printed."""
    recipe = out.with_suffix(".yaml")
    recipe.write_text(RECIPE, encoding="utf-8")
    arguments = ["prepare", str(folder), str(out), "--recipe", str(recipe)]
    for setting in study.settings:
        arguments += ["--set", setting]
    if study.query is not None:
        query = out.with_suffix(".json")
        query.write_text(json.dumps(study.query), encoding="utf-8")
        arguments += ["--bids-filter-file", str(query)]
    printed, status = io.StringIO(), 0
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            command_line(arguments)
        except SystemExit as ended:
            status = int(ended.code or 0)
    said = " ".join(printed.getvalue().split())
    seen = Seen(lines=[said])
    if "Traceback" in said:
        seen.traceback = said[-300:]
    elif status:
        seen.refusal = said
    else:
        table = _read(out / "cohort.tsv")
        _take(seen, table, json.loads((out / "cohort.json").read_text(encoding="utf-8")))
        for name in ("exclusions.tsv", "conflicts.tsv"):
            if (out / name).exists():
                rows = _read(out / name).itertuples(index=False)
                seen.lines += ["\t".join(map(str, row)) for row in rows]
    return seen


def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, quoting=3)


def _take(seen: Seen, table: pd.DataFrame, columns: dict[str, Any]) -> None:
    cells = table.astype(object).where(table.notna(), "")
    for row in cells.to_dict("records"):
        name = str(row["participant_id"])
        seen.repeated |= name in seen.cohort
        seen.cohort[name] = {str(one): "" if cell == "n/a" else str(cell) for one, cell in row.items()}
    seen.levels = {
        name: {str(code): str(word) for code, word in (entry.get("Levels") or {}).items()}
        for name, entry in columns.items()
    }
