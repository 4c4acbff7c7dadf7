"""Cohorts that are made of a lab's controls, effects planted in them, and what the chain finds: a file a cohort."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray

from adhd_cvae.config import ImageConfig, Recipe, SensitivityConfig
from adhd_cvae.images.resampling import grid_affine
from adhd_cvae.io import remove_partial_files, write_tsv
from adhd_cvae.models.reference_background import Reference
from adhd_cvae.models.reference_file import load_reference
from adhd_cvae.names import BACKGROUND, TARGET
from adhd_cvae.simulation.planting import Planting, lost_fractions, simulated_severities
from bids_adapters.planted import Plan
from bids_adapters.planting import Regions, open_planting
from pipelines.output_dir.ownership import owned
from pipelines.output_dir.table import read_table
from pipelines.progress import Progress
from pipelines.sensitivity.chain import Planted, measured
from pipelines.sensitivity.pseudo_cohorts import Dealer

MADE_BY = "sensitivity"
_SHOWS = 0.25
"""Share of a region's largest weight from which a voxel counts as planted."""


class Cell(NamedTuple):
    """One cohort: the mean loss that is planted, the share of the controls, and the seed that deals them."""

    cohens_d: float
    fraction: float
    borrows: bool
    seed: int

    @property
    def key(self) -> str:
        """Name of its file."""
        lent = "_lent" if self.borrows else ""
        return f"d-{self.cohens_d:g}_of-{self.fraction:g}{lent}_{self.seed}"


def cells_of(config: SensitivityConfig, *, borrows: bool) -> list[Cell]:
    """Every cohort that is asked for, all kinds of a seed before the next seed, so that all grow alike."""
    kinds = [(0.0, fraction) for fraction in config.fractions]
    kinds += list(product(config.cohens_d, config.fractions))
    ways = (False, True) if borrows else (False,)
    return [
        Cell(effect, fraction, way, seed)
        for seed in range(max(config.cohorts, config.null_cohorts))
        for effect, fraction in kinds
        for way in ways
        if seed < (config.cohorts if effect else config.null_cohorts)
    ]


@dataclass(frozen=True)
class Laboratory:
    """What every cohort is made of; small to send to workers, which read the maps themselves.

    Attributes
    ----------
    folder
        OUTPUT_DIR, absolute, as the next three: workers elsewhere have another working directory.
    store
        Where each finished cohort is a table.
    maps
        Image cache of the controls, and what can be planted in them.
    borrowed
        Where what may be borrowed is, where anything is.
    recipe
        Each cell's seed takes the place of its own.
    everybody
        The cohort's table; its controls are in the order of the maps.
    """

    folder: Path
    store: Path
    maps: Path
    borrowed: Path
    recipe: Recipe
    everybody: pd.DataFrame

    @cached_property
    def dealer(self) -> Dealer:
        """Deals the controls."""
        return Dealer(self.everybody, self.recipe.cohort)

    @property
    def planting(self) -> Planting:
        """The controls' maps, and what can be planted in them."""
        return _planting(self.maps)

    def plan(self, cell: Cell) -> tuple[NDArray[np.intp], Plan]:
        """Which controls a cell takes, and what is planted in them.

        Whatever is planted, and whether something is borrowed, a seed and a fraction have the same participants.
        """
        rng = np.random.default_rng([self.recipe.seed, cell.seed, round(1000 * cell.fraction)])
        rows, is_patient = self.dealer.deal(cell.fraction, rng)
        config, planting = self.recipe.sensitivity, self.planting
        severities = np.zeros((len(rows), len(planting.names)))
        own = simulated_severities(rng, int(is_patient.sum()), planting.names, subtypes=config.subtypes)
        severities[is_patient] = own
        losses = np.zeros(len(planting.names))
        if cell.cohens_d:
            losses = planting.losses(cell.cohens_d, own, rows[is_patient])
        return rows, Plan(is_patient, severities, losses, cell.cohens_d)

    def planted(self, cell: Cell) -> Planted:
        """The cohort of a cell."""
        (rows, plan), planting = self.plan(cell), self.planting
        group = np.where(plan.is_patient, TARGET, BACKGROUND)
        table = self.dealer.controls.iloc[rows].reset_index(drop=True).assign(group=group)
        images = planting.planted(rows, lost_fractions(plan.severities, plan.losses))
        severities = pd.DataFrame(plan.severities, columns=list(planting.names))
        return Planted(images, table, severities, _regions(self.recipe.sensitivity, self.recipe.image))

    def run(self, cell: Cell) -> str:
        """Measure one cohort and write what was found."""
        recipe = self.recipe.model_copy(update={"seed": cell.seed})
        reference = _reference(self.borrowed) if cell.borrows else None
        found = measured(self.planted(cell), recipe, reference, beyond_covariates=not cell.cohens_d)
        with owned(self.folder, shared=True):
            write_tsv(found.assign(**cell._asdict()), self.file(cell))
        return cell.key

    def file(self, cell: Cell) -> Path:
        """Where what was found in a cell is."""
        return self.store / f"{cell.key}.tsv"

    def measure(self, cells: Sequence[Cell], progress: Progress, jobs: int | None) -> pd.DataFrame:
        """Run what is not there yet, `jobs` at a time, and put the tables of all cells together."""
        remove_partial_files(self.store)
        pending = [cell for cell in cells if not self.file(cell).is_file()]
        with progress.bar("Measuring cohorts of controls") as tick:
            tick(0, len(pending), f"{len(cells) - len(pending)} of {len(cells)} cohorts were done before")
            running = Parallel(n_jobs=jobs or -1, return_as="generator_unordered", pre_dispatch="n_jobs")(
                delayed(self.run)(cell) for cell in pending
            )
            for done, key in enumerate(running, start=1):
                tick(done, len(pending), str(key))
        return pd.concat([read_table(self.file(cell), MADE_BY) for cell in cells], ignore_index=True)


@lru_cache(1)  # a worker meets one laboratory
def _planting(cache: Path) -> Planting:
    return open_planting(cache)


@lru_cache(1)
def _reference(folder: Path) -> Reference:
    return load_reference(folder)[0]


def _regions(config: SensitivityConfig, image: ImageConfig) -> np.ndarray:
    """Voxels of the grid in which something can be planted, (x, y, z) bool."""
    weights = Regions(config).on(image.shape, grid_affine(image))
    return np.max([one > _SHOWS * one.max() for one in weights], axis=0)
