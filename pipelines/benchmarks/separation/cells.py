"""Every method on every cohort of a grid: a file a cohort, resumable, parallel; put together in one tidy table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from adhd_cvae.config import ImageConfig, Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.io import read_object, remove_partial_files, write_json, write_tsv
from pipelines.benchmarks.separation.cohorts import (
    PlantedFolder,
    SimulatedMaps,
    reference_patients,
    simulate_maps,
)
from pipelines.benchmarks.separation.grid import Cell, Condition, Size
from pipelines.benchmarks.separation.methods import METHODS, borrowed, ceiling_rows, method_rows, one_thread
from pipelines.benchmarks.separation.metrics import CEILING, Row, aligned_correlation
from pipelines.output_dir.ownership import clear, owned
from pipelines.output_dir.table import OutputArrays, read_table
from pipelines.progress import Progress

REFERENCE_SEED = 10_000_019
COLUMNS = [
    *Condition._fields, "seed", "method", "metric", "target", "space", "score", "p_value", "seconds",
]  # fmt: skip
MADE_BY = "benchmark separation"
CODES = OutputArrays(MADE_BY)
"""The reference patients' codes by ``method/space``."""


@dataclass(frozen=True)
class Cells:
    """A folder of cells made with one recipe.

    Attributes
    ----------
    folder
        Absolute: workers elsewhere have another working directory.
    recipe
        Each cell's seed takes the place of its own.
    methods
        Names in `METHODS`, in their order, and `CEILING`.
    reference_participants
        Half of them are the patients in whom methods fitted to different cohorts are compared.
    overwrite
        Whether cells made with other settings, and tables that somebody edited, may be replaced.
    planted
        Whose maps the cells have that are not simulated; methods are compared in all of its patients.
    """

    folder: Path
    recipe: Recipe
    methods: tuple[str, ...]
    reference_participants: int = 120
    overwrite: bool = False
    planted: PlantedFolder | None = None

    @property
    def store(self) -> Path:
        """Where each finished cohort is a table and the reference patients' codes."""
        return self.folder / "cells"

    def measure(self, cells: Sequence[Cell], progress: Progress, jobs: int | None = None) -> pd.DataFrame:
        """Run what is not in ``cells/`` yet and return the table of all asked cells and methods.

        Parameters
        ----------
        jobs
            Processes, one core each; all cores where None. The numbers do not depend on it.

        Raises
        ------
        InputError
            The folder holds cells made with other settings.
        """
        with owned(self.folder, overwrite=self.overwrite):
            self._measure(cells, progress, jobs)
        return self.collect(cells)

    def _measure(self, cells: Sequence[Cell], progress: Progress, jobs: int | None) -> None:
        remove_partial_files(self.store)
        self.claim()
        pending = [cell for cell in cells if self.missing(cell)]
        with progress.bar("Measuring separation") as tick:
            tick(0, len(pending), f"{len(cells) - len(pending)} of {len(cells)} cohorts were done before")
            # Cells are minutes long: none waits in a worker that would outlive a killed run.
            running = Parallel(n_jobs=jobs or -1, return_as="generator_unordered", pre_dispatch="n_jobs")(
                delayed(self.run_alone)(cell) for cell in pending
            )
            for done, key in enumerate(running, start=1):
                tick(done, len(pending), str(key))

    def claim(self) -> None:
        """Write down with what the cells are made; others in the same folder are refused, or replaced."""
        path = self.folder / "separation.json"
        recipe = self.recipe.model_dump(mode="json", exclude={"seed", "name", "sensitivity"})
        methods = {name: METHODS[name].settings for name in self.methods if name != CEILING}
        before = read_object(path) if path.is_file() else {"recipe": recipe, "methods": methods}
        known = before["methods"] if isinstance(before.get("methods"), dict) else {}
        changed = [name for name, settings in methods.items() if known.get(name, settings) != settings]
        other = before.get("recipe") != recipe or changed
        if other and self.overwrite:
            clear(self.folder, [self.store.name])
            known = {}
        elif other:
            what = f"method {', '.join(changed)}" if changed else "the recipe"
            raise InputError(
                f"{self.folder} was measured with other settings of {what} (see {path.name}). "
                "Give --overwrite to measure anew, or choose another OUTPUT_DIR."
            )
        write_json({"recipe": recipe, "methods": known | methods}, path)

    def missing(self, cell: Cell) -> list[str]:
        """Methods that a cell's file lacks."""
        done = {name for table in self._tables(cell) for name in table["method"]}
        return [name for name in self.methods if name not in done]

    def run_alone(self, cell: Cell) -> str:
        """`run` in a process of its own."""
        with owned(self.folder, overwrite=self.overwrite, shared=True):
            return self.run(cell)

    def run(self, cell: Cell) -> str:
        """Simulate the cohort, run the methods that its file lacks, and rewrite the file; returns the cell's key."""
        recipe = self.recipe.model_copy(update={"seed": cell.seed})
        null, permutations = cell.condition.null, recipe.analysis.permutations
        rows: list[Row] = []
        codes = self._codes(cell)
        with one_thread(), TemporaryDirectory(prefix="adhd-cvae-") as scratch:
            cohort = self._cohort(cell)
            for name in self.missing(cell):
                if name == CEILING:
                    found, spaces = ceiling_rows(cohort, permutations=permutations, seed=cell.seed), {}
                else:
                    reference = self._reference(cell, cohort)
                    method = METHODS[name]
                    lent = borrowed(method, cell.condition, recipe.image)
                    found, spaces = method_rows(
                        method, cohort, reference, recipe, Path(scratch), lent, null=null
                    )
                rows += [{"method": name, **row} for row in found]
                codes |= {f"{name}/{space}": values for space, values in spaces.items()}
        table = pd.DataFrame(rows).assign(**cell.columns)
        table = pd.concat([*self._tables(cell), table], ignore_index=True).reindex(columns=COLUMNS)
        CODES.write(codes, self.store / f"{cell.key}.npz")
        write_tsv(table, self.store / f"{cell.key}.tsv")  # last: with it the cell is done
        return cell.key

    def _cohort(self, cell: Cell) -> SimulatedMaps:
        if self.planted is not None:
            return self.planted.maps(self.recipe.image, cell.seed)
        return cohort_of(cell, self.recipe.cohort.site, self.recipe.image)

    def _reference(self, cell: Cell, cohort: SimulatedMaps) -> np.ndarray:
        """Maps of the patients in whom the codes of several seeds are compared."""
        if self.planted is not None:
            return cohort.images[cohort.is_target]
        settings = cell.condition.simulation(REFERENCE_SEED, self.reference_participants)
        return reference_patients(settings, self.recipe.image)

    def collect(self, cells: Sequence[Cell]) -> pd.DataFrame:
        """Put the cells' tables together and add how stable each method's codes are over seeds."""
        found = [table for cell in cells for table in self._tables(cell)]
        tables = [table[table["method"] == name] for table in found for name in self.methods]
        for condition in dict.fromkeys(cell.condition for cell in cells):
            codes = {cell: self._codes(cell) for cell in cells if cell.condition == condition}
            tables.append(pd.DataFrame(self._stability_rows(codes), columns=COLUMNS))
        return pd.DataFrame(pd.concat([table for table in tables if len(table)], ignore_index=True))

    def _stability_rows(self, codes: dict[Cell, dict[str, np.ndarray]]) -> list[Row]:
        """For each seed, the mean aligned correlation of its codes of the reference patients with the other seeds'."""
        rows = []
        for cell, own in codes.items():
            for name, values in own.items():
                method, space = name.split("/")
                others = [other[name] for key, other in codes.items() if key != cell and name in other]
                if method in self.methods and others:
                    score = float(np.mean([aligned_correlation(values, other) for other in others]))
                    place = {**cell.columns, "method": method, "space": space}
                    rows.append({**place, "metric": "stability", "target": "", "score": score})
        return rows

    def _tables(self, cell: Cell) -> list[pd.DataFrame]:
        """The cell's table, where there is one."""
        path = self.store / f"{cell.key}.tsv"
        if not path.is_file():
            return []
        table = read_table(path, MADE_BY)  # one from before a column was says nothing of it: it was the usual
        return [table.assign(**{name: value for name, value in cell.columns.items() if name not in table})]

    def _codes(self, cell: Cell) -> dict[str, np.ndarray]:
        """Reference patients' codes by ``method/space``."""
        path = self.store / f"{cell.key}.npz"
        return CODES.read(path) if path.is_file() else {}


def cohort_of(cell: Cell, site: str | None, image: ImageConfig) -> SimulatedMaps:
    """Simulate the participants of a cell, those held out by its seed."""
    kind = cell.condition
    apart = {"held_out": kind.new / (kind.n + kind.new)} if kind.new else {}
    return simulate_maps(kind.simulation(cell.seed), site, image, **apart)


def known_methods(asked: Sequence[str] | None, size: Size = "full", *, lends: bool = True) -> tuple[str, ...]:
    """The asked methods, all of a grid where None, in the order of `METHODS`, and the ceiling.

    Parameters
    ----------
    lends
        Whether there are healthy people elsewhere, whom a method may borrow from.

    Raises
    ------
    InputError
        A method is unknown, or borrows from nobody.
    """
    unknown = [name for name in asked or () if name not in METHODS]
    if unknown:
        raise InputError(
            *(f"--methods: no method '{name}'. Known ones: {', '.join(METHODS)}." for name in unknown)
        )
    if borrowing := [name for name in asked or () if METHODS[name].borrows and not lends]:
        raise InputError(
            f"--methods: {', '.join(borrowing)} borrow simulated people, who do not fit a planted cohort. Leave out."
        )
    chosen = [name for name, one in METHODS.items() if size in one.grids] if asked is None else asked
    return (*(name for name in METHODS if name in chosen), CEILING)
