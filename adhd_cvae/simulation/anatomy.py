"""What all simulated brains of a population share: template, modes of anatomy, covariates' and severities' regions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from nilearn.datasets import load_mni152_gm_template

from adhd_cvae.simulation.participants import FACTORS, SITES

BLOB_SIGMA = 8.0
"""Standard deviation of a planted blob, mm."""
FIRST_SITES = 4
"""Sites whose patterns are drawn with the covariates'; the others' are drawn where a cohort has more."""
DEFORMATION_MODES = 20
DISPLACEMENT_SD = 2.0
"""Standard deviation of the displacement along each axis, mm."""


@dataclass(frozen=True)
class Spectrum:
    """How strongly a population's anatomy varies, as standard deviations of the log gray-matter factor.

    Chosen so that regional volumes have a coefficient of variation of about a tenth, as in children's volumetry.
    """

    modes: int
    """Shared modes of the log gray-matter factor."""
    decay: float
    """A mode's standard deviation falls with its rank to this power."""
    sd: float
    """Standard deviation of all modes together."""
    site_sd: float
    """Standard deviation of a site's pattern."""


OWN_SPECTRUM = Spectrum(modes=20, decay=0.5, sd=0.06, site_sd=0.03)
OTHER_SPECTRUM = Spectrum(modes=300, decay=0.7, sd=0.12, site_sd=0.06)


def smooth_field(rng: np.random.Generator, shape: tuple[int, ...], spacing: float) -> np.ndarray:
    """Draw a random field of unit standard deviation, correlated over about `spacing` voxels."""
    knots = [int(np.ceil(size / spacing)) + 3 for size in shape]
    field = rng.standard_normal(knots)
    offset = rng.uniform(0, 1, len(shape))
    grids = [np.arange(size) / spacing + 1 + start for size, start in zip(shape, offset, strict=True)]
    for axis, grid in enumerate(grids):  # cubic B-spline weights, one axis at a time
        field = np.moveaxis(np.tensordot(_spline_weights(grid, knots[axis]), field, axes=(1, axis)), 0, axis)
    return (field / field.std()).astype(np.float32)


def _mode_weights(modes: int, decay: float) -> np.ndarray:
    """Standard deviation of each shared mode: falling, their squares summing to one."""
    weights = np.arange(1, modes + 1) ** -decay
    return (weights / np.linalg.norm(weights)).astype(np.float32)


def _spline_weights(positions: np.ndarray, knots: int) -> np.ndarray:
    """Cubic B-spline weights of `knots` unit-spaced knots at `positions`: (positions, knots)."""
    t = np.abs(positions[:, None] - np.arange(knots)[None])
    inner = (t < 1) * (2 / 3 - t**2 + t**3 / 2)
    outer = ((t >= 1) & (t < 2)) * (2 - t) ** 3 / 6
    return (inner + outer).astype(np.float32)


@dataclass(frozen=True)
class Atlas:
    """A population on a grid of `resolution` mm; see `SimulationConfig.population`."""

    resolution: int
    population: int = 0

    @property
    def spectrum(self) -> Spectrum:
        """How its anatomy varies."""
        return OTHER_SPECTRUM if self.population else OWN_SPECTRUM

    @cached_property
    def _image(self):  # a nibabel image
        return load_mni152_gm_template(resolution=self.resolution)

    @cached_property
    def template(self) -> np.ndarray:
        """Gray-matter volume per voxel of the mean brain, (x, y, z) float32."""
        return np.asarray(self._image.dataobj, dtype=np.float32)

    @property
    def affine(self) -> np.ndarray:
        """Voxel to MNI mm, (4, 4)."""
        return self._image.affine

    def _generator(self, seed: int) -> np.random.Generator:
        """Of the population, hence the same in every cohort."""
        return np.random.default_rng([seed, 20250601, self.population][: 3 if self.population else 2])

    def _patterns(self, seed: int, count: int, spacing_mm: float) -> np.ndarray:
        rng = self._generator(seed)
        spacing = spacing_mm / self.resolution
        patterns = [smooth_field(rng, self.template.shape, spacing) for _ in range(count)]
        # As they come, their axes lie in another order, and every weighted sum would copy them all.
        return np.ascontiguousarray(np.stack(patterns))

    @cached_property
    def modes(self) -> np.ndarray:
        """Shared modes of the log gray-matter factor, (modes, x, y, z)."""
        spectrum = self.spectrum
        weights = spectrum.sd * _mode_weights(spectrum.modes, spectrum.decay)
        return self._patterns(1, spectrum.modes, 30.0) * weights[:, None, None, None]

    @cached_property
    def deformations(self) -> np.ndarray:
        """Shared modes of displacement in voxels, (20, 3, x, y, z)."""
        count = DEFORMATION_MODES
        modes = self._patterns(3, 3 * count, 40.0).reshape(count, 3, *self.template.shape)
        weights = DISPLACEMENT_SD / self.resolution * _mode_weights(count, 0.5)
        return modes * weights[:, None, None, None, None]

    @cached_property
    def covariates(self) -> dict[str, np.ndarray]:
        """Pattern of each covariate; `site` has those of the first sites."""
        age, sex, iq, *sites = self._patterns(2, 3 + FIRST_SITES, 35.0)
        return {"age": age, "sex": sex, "iq": iq, "site": np.stack(sites)}

    @cached_property
    def _further_sites(self) -> np.ndarray:
        return self._patterns(5, len(SITES) - FIRST_SITES, 35.0)

    def site_pattern(self, site: int) -> np.ndarray:
        """Pattern of a site by its code, (x, y, z) of unit standard deviation."""
        place = SITES.index(site)
        first = place < FIRST_SITES
        return self.covariates["site"][place] if first else self._further_sites[place - FIRST_SITES]

    @cached_property
    def _world(self) -> np.ndarray:
        """MNI mm of each voxel, (x, y, z, 3)."""
        voxels = np.moveaxis(np.indices(self.template.shape), 0, -1)
        return voxels @ self.affine[:3, :3].T + self.affine[:3, 3]

    @cached_property
    def centres(self) -> Mapping[str, Sequence[tuple[float, ...]]]:
        """MNI mm around which each planted severity removes gray matter."""
        if not self.population:
            return FACTORS
        coarse = shared_atlas(6)  # the same places on every grid
        rng, gray = self._generator(4), coarse._world[coarse.template > coarse.template.max() / 2]
        return {name: [tuple(gray[index].tolist()) for index in rng.choice(len(gray), 4)] for name in FACTORS}

    @cached_property
    def factors(self) -> dict[str, np.ndarray]:
        """Where each planted severity acts: 1 at a blob's centre, (x, y, z)."""
        world = self._world
        return {
            name: np.max(
                [np.exp(-((world - centre) ** 2).sum(-1) / (2 * BLOB_SIGMA**2)) for centre in centres], axis=0
            ).astype(np.float32)
            for name, centres in self.centres.items()
        }


@cache
def shared_atlas(resolution: int, population: int = 0) -> Atlas:
    """One atlas a process: a cohort stays small to send to workers, which build their own."""
    return Atlas(resolution, population)
