"""Cohorts whose truth is known, simulated or planted, and the patients in whom methods are compared."""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adhd_cvae.cohort.folds import hold_out
from adhd_cvae.config import CohortConfig, ImageConfig
from adhd_cvae.errors import ImageError, InputError
from adhd_cvae.images.nifti import load_map
from adhd_cvae.images.resampling import to_grid
from adhd_cvae.io import file_checksum
from adhd_cvae.names import BACKGROUND, SUBTYPE, TARGET
from adhd_cvae.simulation.cohort import SimulatedCohort, SimulationConfig
from bids_adapters.planted import TRUTH, PlantedCohort, read_planted
from pipelines.benchmarks.separation.grid import Condition


@dataclass(frozen=True)
class KnownCohort:
    """Participants whose truth is known.

    Attributes
    ----------
    table
        One row a participant: `group`, `site`, covariates where known, the planted severities and, for
        subtypes, `subtype`.
    factors
        Names of the planted severities.
    is_held_out
        (n,) bool: no method is fitted to them.
    """

    table: pd.DataFrame
    factors: tuple[str, ...]
    is_held_out: NDArray[np.bool_]

    @property
    def is_target(self) -> NDArray[np.bool_]:
        """(n,) bool: patients."""
        return (self.table["group"] == TARGET).to_numpy()

    @property
    def learnt_and_asked(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Patients whose truth a prediction may learn, and patients who are predicted, (n,) bool each."""
        return self.is_target & ~self.is_held_out, self.is_target & self.is_held_out

    @property
    def sites(self) -> list[Hashable]:
        """Within which participants are permuted."""
        return self.table["site"].tolist()


@dataclass(frozen=True)
class SimulatedMaps(KnownCohort):
    """A known cohort with its maps."""

    images: NDArray[np.float16]
    """(n, *shape)"""
    image: ImageConfig
    """Their grid."""


def simulate_maps(
    config: SimulationConfig, site: str | None, image: ImageConfig, *, held_out: float = 0.3
) -> SimulatedMaps:
    """Simulate in memory, and hold a share out once, in proportion of site and group, by the simulation's seed."""
    simulated = SimulatedCohort(config)
    truth, phenotype = (
        part.drop(columns="participant_id") for part in (simulated.truth, simulated.phenotype)
    )
    table = pd.concat([simulated.participants, phenotype, truth], axis=1)
    table = table.assign(
        group=np.where(table["dx"] > 0, TARGET, BACKGROUND), iq=table["full4_iq"].astype(float)
    )
    is_held_out = hold_out(table, held_out, config.seed, site)
    images = maps_of(simulated, image, np.arange(len(table)))
    return SimulatedMaps(table, config.factors, is_held_out, images, image)


@dataclass(frozen=True)
class PlantedFolder:
    """A folder of `sensitivity --export`, as one more kind of cohort.

    Attributes
    ----------
    folder
        Absolute: workers elsewhere have another working directory.
    settings
        Which column is the site.
    """

    folder: Path
    settings: CohortConfig

    @property
    def _found(self) -> PlantedCohort:
        return read_planted(self.folder, self.settings)

    @property
    def condition(self) -> Condition:
        """What kind of cohort it is; its name has the truth's checksum, so that another export is another cohort.

        Raises
        ------
        InputError
            As `read_planted`.
        """
        found = self._found
        name = re.sub(r"[^0-9A-Za-z.]+", "-", self.folder.name)[:40]
        checksum = file_checksum(self.folder / TRUTH / "truth.tsv")[:8]
        return Condition(
            cohens_d=found.cohens_d,
            n=len(found.table),
            severities=len(found.factors),
            subtypes=len(found.factors) if SUBTYPE in found.table else 0,
            confounding=0.0,
            cohort=f"{name}-{checksum}",
        )

    def maps(self, image: ImageConfig, seed: int, held_out: float = 0.3) -> SimulatedMaps:
        """Put its maps on a grid, and hold a share out by the seed.

        Raises
        ------
        InputError
            A map cannot be used, or as `read_planted`.
        """
        found, site = self._found, self.settings.site
        table = found.table if site in found.table else found.table.assign(site="one")
        if site in table and site != "site":
            table = table.assign(site=table[site])
        images = np.empty((len(table), *image.shape), np.float16)
        for place, name in enumerate(table["image"]):
            try:
                images[place] = load_map(self.folder / name, image)
            except ImageError as error:
                raise InputError(f"{self.folder}: {error.detail}") from None
        apart = hold_out(table, held_out, seed, "site")
        return SimulatedMaps(table, found.factors, apart, images, image)


def reference_patients(config: SimulationConfig, image: ImageConfig) -> NDArray[np.float16]:
    """Maps of patients whom no method is fitted to, so that methods fitted to different cohorts can be compared."""
    return _reference_maps(config.model_dump_json(), image.model_dump_json())


@cache  # a process meets the same kind of cohort several times
def _reference_maps(config: str, image: str) -> NDArray[np.float16]:
    cohort = SimulatedCohort(SimulationConfig.model_validate_json(config))
    patients = np.flatnonzero(cohort.participants["dx"] > 0)
    return maps_of(cohort, ImageConfig.model_validate_json(image), patients)


def maps_of(cohort: SimulatedCohort, image: ImageConfig, rows: NDArray[np.int64]) -> NDArray[np.float16]:
    """Maps (n, *shape) of rows of a cohort, on a grid."""
    maps = np.empty((len(rows), *image.shape), np.float16)
    for place, index in enumerate(rows):
        maps[place] = to_grid(cohort.map(int(index)), cohort.affine, image, image.fwhm)
    return maps
