"""Healthy people elsewhere, from whom a method may borrow: as a reference, or as further controls."""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adhd_cvae.config import ImageConfig
from adhd_cvae.models.reference_background import Reference, fit_reference
from adhd_cvae.simulation.cohort import SITES, SimulatedCohort, SimulationConfig
from pipelines.benchmarks.separation.cohorts import maps_of
from pipelines.benchmarks.separation.grid import Condition

SEED = 20_000_003
"""Of no cohort."""
OTHER_POPULATION, OLDER, SMOOTHER = 2, (17.0, 50.0), 8.0
"""What may not fit: the population, years, and smoothing beside (mm FWHM)."""


class LentMaps(NamedTuple):
    """Maps of healthy participants, (m, *shape) float16, and the codes of their sites, (m,)."""

    images: NDArray[np.float16]
    sites: NDArray[np.integer]


def lenders(condition: Condition, count: int, image: ImageConfig) -> LentMaps:
    """Simulate `count` of them as `condition.lent` has it."""
    own = condition.lent
    population = OTHER_POPULATION + condition.population if own == "population" else condition.population
    everybody = SimulationConfig(
        participants=(3 if own == "scanners" else 2) * count,  # half are patients, a fifth at the first sites
        seed=SEED,
        population=population,
        ages=OLDER if own == "older" else (7.0, 18.0),
        sites=len(SITES) if own == "scanners" else SimulationConfig().sites,
        resolution=condition.simulation(0).resolution,
    )
    if own == "smoothed":
        image = image.model_copy(update={"fwhm": math.hypot(image.fwhm, SMOOTHER)})
    found = _lenders(everybody.model_dump_json(), image.model_dump_json(), count, elsewhere=own == "scanners")
    if own != "copies":
        return found
    twice = np.arange(count) % (count // 2)
    return LentMaps(found.images[twice], found.sites[twice])


@cache  # a process meets the same ones in every cohort
def _lenders(config: str, image: str, count: int, *, elsewhere: bool) -> LentMaps:
    cohort = SimulatedCohort(SimulationConfig.model_validate_json(config))
    sites, dx = (np.asarray(cohort.participants[name], int) for name in ("site", "dx"))
    healthy = dx == 0
    if elsewhere:
        healthy &= ~np.isin(sites, SITES[: SimulationConfig().sites])
    rows = np.flatnonzero(healthy)[:count]
    return LentMaps(maps_of(cohort, ImageConfig.model_validate_json(image), rows), sites[rows])


def lent_reference(condition: Condition, count: int, image: ImageConfig) -> Reference:
    """What `count` of them teach, within sites, of the voxels of their own mask."""
    kind = Condition(population=condition.population, lent=condition.lent)
    return _reference(kind, count, image.model_dump_json())


@cache
def _reference(kind: Condition, count: int, image: str) -> Reference:
    settings = ImageConfig.model_validate_json(image)
    found = lenders(kind, count, settings)
    values = found.images.reshape(len(found.images), -1)
    mask = np.flatnonzero(values.mean(axis=0, dtype=np.float32) > settings.mask_threshold)
    return fit_reference(values, found.sites, columns=mask)
