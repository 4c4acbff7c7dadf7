"""The benchmark with known truth: cohorts over a grid, every method on each, one tidy table; resumable, parallel."""

import shutil
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.io import atomic_path, read_json, read_tsv, remove_partial_files, write_json, write_tsv
from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.benchmarks.separation.metrics import Row, aligned_correlation
from pipelines.progress import Progress

RESOLUTION = 6
"""Voxel edge of the simulated maps, mm."""
REFERENCE_SEED = 10_000_019
REFERENCE_PARTICIPANTS = 120
"""Half of them are the patients in whom methods fitted to different cohorts are compared."""
CEILING = "supervised_ridge"
COLUMNS = ["cohens_d", "n", "severities", "subtypes", "confounding", "population", "null", "seed"]


COLUMNS += ["method", "metric", "target", "space", "score", "p_value", "seconds"]


class Condition(NamedTuple):
    """What kind of cohort; the defaults are the middle of the grid."""

    cohens_d: float = 0.8
    n: int = 250
    severities: int = 2
    subtypes: int = 0
    confounding: float = 0.3
    population: int = 0
    null: bool = False

    def simulation(self, seed: int, participants: int | None = None) -> SimulationConfig:
        """Settings of the simulator."""
        return SimulationConfig(
            participants=participants or self.n,
            seed=seed,
            cohens_d=self.cohens_d,
            severities=self.severities,
            subtypes=self.subtypes,
            site_confound=self.confounding,
            population=self.population,
            null=self.null,
            resolution=RESOLUTION,
        )


class Cell(NamedTuple):
    """One cohort: a kind and the seed that draws it, its split and every method's start."""

    condition: Condition
    seed: int

    @property
    def key(self) -> str:
        """Name of its file."""
        settings = {**self.condition._asdict(), "null": int(self.condition.null), "seed": self.seed}
        return "_".join(f"{name.replace('_', '')}-{value:g}" for name, value in settings.items())


MIDDLE, NULL = Condition(), Condition(null=True)
QUICK = (MIDDLE, MIDDLE._replace(n=100), NULL)
FULL = (
    MIDDLE,
    *(MIDDLE._replace(cohens_d=effect) for effect in (0.2, 0.35, 0.5, 1.4)),
    *(MIDDLE._replace(n=participants) for participants in (100, 500)),
    *(MIDDLE._replace(severities=count) for count in (1, 3)),
    *(MIDDLE._replace(confounding=share) for share in (0.0, 0.6)),
    *(MIDDLE._replace(cohens_d=effect, subtypes=3) for effect in (0.8, 1.4)),
    *(MIDDLE._replace(cohens_d=effect, population=1) for effect in (0.35, 0.8)),
    NULL,
)
"""One thing at a time is moved from the middle: the full factorial would be 189 kinds of cohort."""
SEEDS = {"quick": 1, "full": 5}
NULL_SEEDS = {"quick": 1, "full": 4}
"""Times as many seeds for the null: a rate of false positives needs many cohorts."""


def grid(quick: bool, seeds: int | None) -> list[Cell]:
    """Cells of the quick or the full grid; all conditions of a seed before the next seed."""
    size = "quick" if quick else "full"
    count = seeds or SEEDS[size]
    conditions = QUICK if quick else FULL
    cells = [Cell(condition, seed) for seed, condition in product(range(count), conditions)]
    return cells + [Cell(NULL, seed) for seed in range(count, count * NULL_SEEDS[size])]


def measure_separation(
    folder: Path,
    recipe: Recipe,
    progress: Progress,
    *,
    cells: Sequence[Cell],
    methods: Sequence[str] | None = None,
    jobs: int | None = None,
) -> pd.DataFrame:
    """Run what is not in ``cells/`` yet and return the table of all asked cells and methods.

    Parameters
    ----------
    methods
        Names in `METHODS`; all where None.
    jobs
        Processes, one core each; all cores where None. The numbers do not depend on it.

    Raises
    ------
    InputError
        A method is unknown, or `folder` holds cells made with other settings.
    """
    names = _known_methods(methods)
    folder = folder.resolve()  # workers elsewhere have another working directory
    store = folder / "cells"
    store.mkdir(parents=True, exist_ok=True)
    remove_partial_files(store)
    _claim(folder / "separation.json", recipe, names)
    scratch = folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)  # what a killed run was training
    scratch.mkdir()
    pending = [cell for cell in cells if _missing(store, cell, names)]
    with progress.bar("Measuring separation") as tick:
        tick(0, len(pending), f"{len(cells) - len(pending)} of {len(cells)} cohorts were done before")
        # Cells are minutes long: none waits in a worker that would outlive a killed run.
        running = Parallel(n_jobs=jobs or -1, return_as="generator_unordered", pre_dispatch="n_jobs")(
            delayed(run_cell)(cell, names, recipe, store, scratch) for cell in pending
        )
        for done, key in enumerate(running, start=1):
            tick(done, len(pending), str(key))
    shutil.rmtree(scratch)
    return collect(store, cells, names)


def run_cell(cell: Cell, methods: Sequence[str], recipe: Recipe, store: Path, scratch: Path) -> str:
    """Simulate the cohort, run the methods that its file lacks, and rewrite the file; returns the cell's key."""
    from pipelines.benchmarks.separation.methods import (
        METHODS,
        ceiling_rows,
        method_rows,
        one_thread,
        reference_patients,
        simulate_cohort,
    )

    missing = _missing(store, cell, methods)
    rows: list[Row] = []
    codes = dict(_read_codes(store, cell))
    with one_thread():
        seeded = recipe.model_copy(update={"seed": cell.seed})
        cohort = simulate_cohort(cell.condition.simulation(cell.seed), seeded)
        reference = cell.condition.simulation(REFERENCE_SEED, REFERENCE_PARTICIPANTS)
        for name in missing:
            if name == CEILING:
                rows += [{"method": name, **row} for row in ceiling_rows(cohort, seeded)]
                continue
            found, spaces = method_rows(
                METHODS[name],
                cohort,
                reference_patients(reference, recipe.image),
                seeded,
                scratch,
                null=cell.condition.null,
            )
            rows += [{"method": name, **row} for row in found]
            codes |= {f"{name}/{space}": values for space, values in spaces.items()}
    table = pd.DataFrame(rows).assign(**cell.condition._asdict(), seed=cell.seed)
    table = pd.concat([*_read_rows(store, cell), table], ignore_index=True).reindex(columns=COLUMNS)
    with atomic_path(store / f"{cell.key}.npz") as temporary:
        np.savez(temporary, allow_pickle=False, **codes)
    write_tsv(table, store / f"{cell.key}.tsv")  # last: it says that the cell is done
    return cell.key


def collect(store: Path, cells: Iterable[Cell], methods: Sequence[str]) -> pd.DataFrame:
    """Put the cells' tables together and add how stable each method's codes are over seeds."""
    cells = list(cells)
    tables = []
    for cell in cells:
        table = read_tsv(store / f"{cell.key}.tsv")
        tables += [table[table["method"] == name] for name in methods]
    for condition in dict.fromkeys(cell.condition for cell in cells):
        seeds = [cell.seed for cell in cells if cell.condition == condition]
        codes = {seed: _read_codes(store, Cell(condition, seed)) for seed in seeds}
        tables.append(pd.DataFrame(_stability_rows(condition, codes, methods), columns=COLUMNS))
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


def _stability_rows(
    condition: Condition, codes: dict[int, dict[str, np.ndarray]], methods: Sequence[str]
) -> list[Row]:
    """For each seed, the mean aligned correlation of its codes of the reference patients with the other seeds'."""
    rows = []
    for seed, own in codes.items():
        for name, values in own.items():
            method, space = name.split("/")
            others = [other[name] for key, other in codes.items() if key != seed and name in other]
            if method in methods and others:
                score = float(np.mean([aligned_correlation(values, other) for other in others]))
                place = {**condition._asdict(), "seed": seed, "method": method, "space": space}
                rows.append({**place, "metric": "stability", "target": "", "score": score})
    return rows


def _known_methods(asked: Sequence[str] | None) -> list[str]:
    from pipelines.benchmarks.separation.methods import METHODS

    unknown = [name for name in asked or () if name not in METHODS]
    if unknown:
        raise InputError(
            *(f"--methods: no method '{name}'. Known ones: {', '.join(METHODS)}." for name in unknown)
        )
    return [*(name for name in METHODS if asked is None or name in asked), CEILING]


def _claim(path: Path, recipe: Recipe, methods: Sequence[str]) -> None:
    """Write down with what the cells are made, and refuse others in the same folder."""
    from pipelines.benchmarks.separation.methods import METHODS

    now = {
        "recipe": recipe.model_dump(mode="json", exclude={"seed", "name"}),
        "methods": {
            name: [list(METHODS[name].overrides), METHODS[name].model] for name in methods if name != CEILING
        },
    }
    before = read_json(path) if path.is_file() else now
    changed = [
        name for name, settings in now["methods"].items() if before["methods"].get(name, settings) != settings
    ]
    if before["recipe"] != now["recipe"] or changed:
        what = f"method {', '.join(changed)}" if changed else "the recipe"
        raise InputError(
            f"{path.parent} was measured with other settings of {what} (see {path.name}). "
            "Choose another OUTPUT_DIR, or delete it."
        )
    write_json(now | {"methods": before["methods"] | now["methods"]}, path)


def _missing(store: Path, cell: Cell, methods: Sequence[str]) -> list[str]:
    done = {name for table in _read_rows(store, cell) for name in table["method"]}
    return [name for name in methods if name not in done]


def _read_rows(store: Path, cell: Cell) -> list[pd.DataFrame]:
    path = store / f"{cell.key}.tsv"
    return [read_tsv(path)] if path.is_file() else []


def _read_codes(store: Path, cell: Cell) -> dict[str, np.ndarray]:
    """Reference patients' codes by ``method/space``."""
    path = store / f"{cell.key}.npz"
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
