"""Gray-matter maps with known truth: varied anatomy, covariate and site effects, severities in patients only.

A brain is nilearn's packaged MNI152 gray-matter template pushed through a random smooth deformation (values scaled
by the Jacobian determinant, as modulated maps are), then multiplied by smooth regional factors: ones shared by the
population, ones that follow age, sex, IQ, site and head size, and fine noise. In patients one to three severities
remove gray matter around fixed MNI coordinates. Everything random comes from `seed`, one stream a participant, so maps
can be made in any order.
"""

from functools import cached_property
from typing import Any, cast

import numpy as np
import pandas as pd
from scipy import ndimage

from adhd_cvae.names import SUBTYPE
from adhd_cvae.simulation.anatomy import Atlas, shared_atlas, smooth_field
from adhd_cvae.simulation.participants import (
    FACTORS,
    HEAD_SIZE,
    SITES,
    SimulationConfig,
    observed_phenotype,
    regional_losses,
    simulated_participants,
)

__all__ = ["FACTORS", "SITES", "SUBTYPE", "Atlas", "SimulatedCohort", "SimulationConfig", "shared_atlas"]
CALIBRATION_PARTICIPANTS = 200
CALIBRATION_RESOLUTION = 6
FINE_SD, OWN_DISPLACEMENT_SD = 0.05, 0.3
"""Standard deviations of a participant's own log gray-matter factor, and of the own displacement in mm."""
COVARIATE_SD = {"age": 0.03, "sex": 0.03, "iq": 0.015}
HEAD_SIZE_EXPONENT = 0.9
"""Power of head size that gray matter follows: volumes do follow a power of it (Liu et al. 2014, doi
10.3389/fnins.2014.00356), and gray matter less than in proportion (Jäncke et al. 2019, doi
10.1097/WNR.0000000000001249)."""


def _anatomy(atlas: Atlas, rng: np.random.Generator, effects: np.ndarray | float) -> np.ndarray:
    """One brain before any severity: deformed, modulated, regionally varied."""
    shape, resolution = atlas.template.shape, atlas.resolution
    loadings = rng.standard_normal(len(atlas.deformations)).astype(np.float32)
    displacement = np.tensordot(loadings, atlas.deformations, axes=1)
    for component in displacement:
        component += OWN_DISPLACEMENT_SD / resolution * smooth_field(rng, shape, 25 / resolution)
    jacobian = np.stack([np.gradient(component) for component in displacement])  # (3, 3, x, y, z)
    for axis in range(3):
        jacobian[axis, axis] += 1
    for axis, size in enumerate(shape):
        displacement[axis] += np.arange(size, dtype=np.float32).reshape(np.roll((-1, 1, 1), axis))
    brain = ndimage.map_coordinates(atlas.template, displacement, order=1)
    brain *= np.clip(_determinant(jacobian), 0.2, 5.0)
    loadings = rng.standard_normal(len(atlas.modes)).astype(np.float32)
    log_factor = np.tensordot(loadings, atlas.modes, axes=1) + effects
    log_factor += FINE_SD * smooth_field(rng, shape, max(6 / resolution, 1.0))
    return brain * np.exp(log_factor)


def _determinant(matrix: np.ndarray) -> np.ndarray:
    """Determinant of (3, 3, …), written out: many times faster than one LAPACK call a voxel."""
    a, b, c = matrix
    first, second, third = (
        a[one] * (b[two] * c[three] - b[three] * c[two])
        for one, two, three in ((0, 1, 2), (1, 2, 0), (2, 0, 1))
    )
    return first + second + third


def _covariate_effects(atlas: Atlas, row: pd.Series) -> np.ndarray:
    """Log gray-matter factor of a participant's age, sex, IQ, site and, where it varies, head size."""
    patterns = atlas.covariates
    effects = COVARIATE_SD["age"] * ((row["age"] - 12) / 3) * patterns["age"]
    effects += COVARIATE_SD["sex"] * (2 * row["sex"] - 1) * patterns["sex"]
    effects += COVARIATE_SD["iq"] * ((row["iq"] - 108) / 13) * patterns["iq"]
    if "tiv" in row:
        effects += HEAD_SIZE_EXPONENT * np.log(cast("float", row["tiv"]) / HEAD_SIZE)
    return np.asarray(effects + atlas.spectrum.site_sd * atlas.site_pattern(cast("int", row["site"])))


class SimulatedCohort:
    """Tables at once, maps on demand.

    Attributes
    ----------
    participants, phenotype, truth
        One row a participant, `participant_id` first. Only `truth` holds the severities, 0 in controls, and the
        subtypes where there are some.
    """

    def __init__(self, config: SimulationConfig) -> None:
        self.config = config
        true = simulated_participants(config)
        self._true = true
        self._losses = regional_losses(true[list(config.factors)].to_numpy(), config.truth)
        self.truth = true[["participant_id", *config.factors, *([SUBTYPE] if config.subtypes else [])]]
        described = ["participant_id", "age", "sex", "handedness", "site", "dx", "tiv"]
        self.participants = true[[name for name in described if name in true]]
        self.phenotype = observed_phenotype(true, config)

    @property
    def atlas(self) -> Atlas:
        """What all brains of every cohort of this resolution share."""
        return shared_atlas(self.config.resolution, self.config.population)

    @property
    def affine(self) -> np.ndarray:
        """Voxel to MNI mm, (4, 4)."""
        return self.atlas.affine

    @cached_property
    def loss(self) -> dict[str, float]:
        """Fraction of gray matter that a loss of 1 (`regional_losses`) removes at the centre of a region's blobs.

        Chosen so that it lowers the blob-weighted volume by `cohens_d` standard deviations of what
        that volume is in brains without severity, estimated from brains simulated for the purpose: of one head size
        and without a gap in age, so that neither changes what is planted.
        """
        if self.config.null:
            return dict.fromkeys(self.config.regions, 0.0)
        atlas = shared_atlas(CALIBRATION_RESOLUTION, self.config.population)
        weights = [atlas.factors[name] for name in self.config.regions]
        alike = {"participants": CALIBRATION_PARTICIPANTS, "age_gap": 0.0, "head_size_gap": None}
        true = simulated_participants(self.config.model_copy(update=alike))
        volumes = []
        for index, (_, row) in enumerate(true.iterrows()):
            rng = np.random.default_rng([self.config.seed, 3, index])
            brain = _anatomy(atlas, rng, _covariate_effects(atlas, row))
            volumes.append([(weight * brain).sum() for weight in weights])
        variation = np.std(volumes, axis=0, ddof=1) / np.mean(volumes, axis=0)
        loss = {}
        for name, weight, coefficient in zip(self.config.regions, weights, variation, strict=True):
            share = (weight**2 * atlas.template).sum() / (weight * atlas.template).sum()
            loss[name] = float(self.config.cohens_d * coefficient / share)
        return loss

    def map(self, index: int) -> np.ndarray:
        """Gray-matter volume per voxel of the participant in row `index`, (x, y, z) float32."""
        row = self._true.iloc[index]
        rng = np.random.default_rng([self.config.seed, 4, index])
        effects = 0.0 if self.config.null else _covariate_effects(self.atlas, row)
        brain = _anatomy(self.atlas, rng, effects)
        for (name, loss), own in zip(self.loss.items(), self._losses[index], strict=True):
            brain *= np.clip(1 - loss * own * self.atlas.factors[name], 0, None)
        return brain.astype(np.float32)


def simulate_cohort(**settings: Any) -> SimulatedCohort:
    """Simulate a cohort by the settings of `SimulationConfig`: ``simulate_cohort(participants=40, seed=1)``.

    Raises
    ------
    pydantic.ValidationError
        There is no such setting, or it has another range.
    """
    return SimulatedCohort(SimulationConfig(**settings))
