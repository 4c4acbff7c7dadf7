"""Gray-matter maps with known truth: varied anatomy, covariate and site effects, two severities in patients only.

A brain is nilearn's packaged MNI152 gray-matter template pushed through a random smooth deformation (values scaled
by the Jacobian determinant, as modulated maps are), then multiplied by smooth regional factors: ones shared by the
population, ones that follow age, sex, IQ and site, and fine noise. In patients two severities remove gray matter
around fixed MNI coordinates. Everything random comes from `seed`, one stream a participant, so maps can be made in
any order.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Annotated

import numpy as np
import pandas as pd
from nilearn.datasets import load_mni152_gm_template
from pydantic import BaseModel, ConfigDict, Field
from scipy import ndimage

FACTORS = {
    "severity_striatal": [
        (s * x, y, z) for s in (-1, 1) for x, y, z in ((13, 12, 10), (26, 4, 2), (10, 11, -8))
    ],
    "severity_cingulocerebellar": [
        *[(0, 36, 20), (0, -45, 28), (0, -62, -22)],
        *[(s * 26, -64, -36) for s in (-1, 1)],
    ],
}
"""Planted factors and the MNI coordinates (mm) around which each removes gray matter."""

SITES = (1, 3, 5, 6)
RATING_SCALE_SITES = (1, 6)
"""Sites whose symptoms are ADHD-RS raw scores; the others use Conners T scores."""
BLOB_SIGMA = 8.0
"""Standard deviation of a planted blob, mm."""
CALIBRATION_PARTICIPANTS = 200
CALIBRATION_RESOLUTION = 6
# Standard deviations of the log gray-matter factors, and of the displacement in mm. They give regional volumes a
# coefficient of variation of about a tenth, as in children's volumetry.
MODES = 20
POPULATION_SD, FINE_SD, DISPLACEMENT_SD, OWN_DISPLACEMENT_SD = 0.06, 0.05, 2.0, 0.3
COVARIATE_SD = {"age": 0.03, "sex": 0.03, "iq": 0.015, "site": 0.03}


class SimulationConfig(BaseModel):
    """What is simulated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    participants: Annotated[int, Field(ge=8)] = 240
    seed: Annotated[int, Field(ge=0)] = 0
    cohens_d: Annotated[float, Field(ge=0, le=5)] = 0.8
    """Patients' regional loss at mean severity, in standard deviations of the controls' regional volume."""
    site_confound: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Spread over sites of the share of patients: from 0.5 − C/2 to 0.5 + C/2."""
    null: bool = False
    """No column of any table has an effect on any map."""
    resolution: Annotated[int, Field(ge=2, le=8)] = 3
    """Voxel edge, mm."""


def _smooth_field(rng: np.random.Generator, shape: tuple[int, ...], spacing: float) -> np.ndarray:
    """Draw a random field of unit standard deviation, correlated over about `spacing` voxels."""
    knots = [int(np.ceil(size / spacing)) + 3 for size in shape]
    coarse = rng.standard_normal(knots)
    offset = rng.uniform(0, 1, len(shape))
    grids = [np.arange(size) / spacing + 1 + start for size, start in zip(shape, offset, strict=True)]
    field = coarse
    for axis, grid in enumerate(grids):  # cubic B-spline weights, one axis at a time
        field = np.moveaxis(np.tensordot(_spline_weights(grid, knots[axis]), field, axes=(1, axis)), 0, axis)
    return (field / field.std()).astype(np.float32)


def _mode_weights() -> np.ndarray:
    """Standard deviation of each shared mode: falling, their squares summing to one."""
    weights = 1 / np.sqrt(np.arange(1, MODES + 1))
    return (weights / np.linalg.norm(weights)).astype(np.float32)


def _spline_weights(positions: np.ndarray, knots: int) -> np.ndarray:
    """Cubic B-spline weights of `knots` unit-spaced knots at `positions`: (positions, knots)."""
    t = np.abs(positions[:, None] - np.arange(knots)[None])
    inner = (t < 1) * (2 / 3 - t**2 + t**3 / 2)
    outer = ((t >= 1) & (t < 2)) * (2 - t) ** 3 / 6
    return (inner + outer).astype(np.float32)


@dataclass(frozen=True)
class Atlas:
    """What all simulated brains share, on a grid of `resolution` mm."""

    resolution: int

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

    def _patterns(self, seed: int, count: int, spacing_mm: float) -> np.ndarray:
        rng = np.random.default_rng([seed, 20250601])  # the population, the same in every cohort
        spacing = spacing_mm / self.resolution
        return np.stack([_smooth_field(rng, self.template.shape, spacing) for _ in range(count)])

    @cached_property
    def population(self) -> np.ndarray:
        """Shared modes of the log gray-matter factor, (20, x, y, z)."""
        return self._patterns(1, MODES, 30.0) * (POPULATION_SD * _mode_weights())[:, None, None, None]

    @cached_property
    def deformations(self) -> np.ndarray:
        """Shared modes of displacement in voxels, (20, 3, x, y, z)."""
        modes = self._patterns(3, 3 * MODES, 40.0).reshape(MODES, 3, *self.template.shape)
        return modes * (DISPLACEMENT_SD / self.resolution * _mode_weights())[:, None, None, None, None]

    @cached_property
    def covariates(self) -> dict[str, np.ndarray]:
        """Pattern of each covariate; `site` has one a site."""
        age, sex, iq, *sites = self._patterns(2, 3 + len(SITES), 35.0)
        return {"age": age, "sex": sex, "iq": iq, "site": np.stack(sites)}

    @cached_property
    def factors(self) -> dict[str, np.ndarray]:
        """Where each planted severity acts: 1 at a blob's centre, (x, y, z)."""
        axes = [np.arange(size) for size in self.template.shape]
        voxels = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        world = voxels @ self.affine[:3, :3].T + self.affine[:3, 3]
        return {
            name: np.max(
                [np.exp(-((world - centre) ** 2).sum(-1) / (2 * BLOB_SIGMA**2)) for centre in centres], axis=0
            ).astype(np.float32)
            for name, centres in FACTORS.items()
        }


@cache
def shared_atlas(resolution: int) -> Atlas:
    """One atlas a process: a cohort stays small to send to workers, which build their own."""
    return Atlas(resolution)


def _anatomy(atlas: Atlas, rng: np.random.Generator, effects: np.ndarray | float) -> np.ndarray:
    """One brain before any severity: deformed, modulated, regionally varied."""
    shape, resolution = atlas.template.shape, atlas.resolution
    loadings = rng.standard_normal(len(atlas.deformations)).astype(np.float32)
    displacement = np.tensordot(loadings, atlas.deformations, axes=1)
    for component in displacement:
        component += OWN_DISPLACEMENT_SD / resolution * _smooth_field(rng, shape, 25 / resolution)
    identity = np.eye(3)
    jacobian = np.empty((*shape, 3, 3), dtype=np.float32)
    for row, component in enumerate(displacement):
        jacobian[..., row, :] = np.stack(np.gradient(component), axis=-1) + identity[row]
    coordinates = [
        grid + step for grid, step in zip(np.indices(shape, dtype=np.float32), displacement, strict=True)
    ]
    brain = ndimage.map_coordinates(atlas.template, np.stack(coordinates), order=1)
    brain *= np.clip(_determinant(jacobian), 0.2, 5.0)
    loadings = rng.standard_normal(len(atlas.population)).astype(np.float32)
    log_factor = np.tensordot(loadings, atlas.population, axes=1) + effects
    log_factor += FINE_SD * _smooth_field(rng, shape, max(6 / resolution, 1.0))
    return brain * np.exp(log_factor)


def _determinant(matrix: np.ndarray) -> np.ndarray:
    """Determinant of (…, 3, 3), written out: many times faster than one LAPACK call a voxel."""
    a, b, c = (matrix[..., row, :] for row in range(3))
    return (a * np.cross(b, c)).sum(-1)


def _covariate_effects(atlas: Atlas, row: pd.Series) -> np.ndarray:
    """Log gray-matter factor of a participant's age, sex, IQ and site."""
    patterns = atlas.covariates
    effects = COVARIATE_SD["age"] * ((row["age"] - 12) / 3) * patterns["age"]
    effects += COVARIATE_SD["sex"] * (2 * row["sex"] - 1) * patterns["sex"]
    effects += COVARIATE_SD["iq"] * ((row["iq"] - 108) / 13) * patterns["iq"]
    return effects + COVARIATE_SD["site"] * patterns["site"][SITES.index(row["site"])]


class SimulatedCohort:
    """Tables at once, maps on demand.

    Attributes
    ----------
    participants, phenotype, truth
        One row a participant, `participant_id` first. Only `truth` holds the severities, 0 in controls.
    """

    def __init__(self, config: SimulationConfig) -> None:
        self.config = config
        people = _people(config)
        self._people = people
        self.truth = people[["participant_id", *FACTORS]]
        self.participants = people[["participant_id", "age", "sex", "handedness", "site", "dx"]]
        self.phenotype = _observed_phenotype(people, np.random.default_rng([config.seed, 2]))

    @property
    def atlas(self) -> Atlas:
        """What all brains of every cohort of this resolution share."""
        return shared_atlas(self.config.resolution)

    @property
    def affine(self) -> np.ndarray:
        """Voxel to MNI mm, (4, 4)."""
        return self.atlas.affine

    @cached_property
    def loss(self) -> dict[str, float]:
        """Fraction of gray matter a unit of each severity removes at a blob's centre.

        Chosen so that severity 1 lowers the blob-weighted volume by `cohens_d` standard deviations of what
        that volume is in brains without severity, estimated from brains simulated for the purpose.
        """
        if self.config.null:
            return dict.fromkeys(FACTORS, 0.0)
        atlas = shared_atlas(CALIBRATION_RESOLUTION)
        people = _people(self.config.model_copy(update={"participants": CALIBRATION_PARTICIPANTS}))
        volumes = []
        for index, (_, row) in enumerate(people.iterrows()):
            rng = np.random.default_rng([self.config.seed, 3, index])
            brain = _anatomy(atlas, rng, _covariate_effects(atlas, row))
            volumes.append([(weight * brain).sum() for weight in atlas.factors.values()])
        variation = np.std(volumes, axis=0, ddof=1) / np.mean(volumes, axis=0)
        loss = {}
        for (name, weight), coefficient in zip(atlas.factors.items(), variation, strict=True):
            share = (weight**2 * atlas.template).sum() / (weight * atlas.template).sum()
            loss[name] = float(self.config.cohens_d * coefficient / share)
        return loss

    def map(self, index: int) -> np.ndarray:
        """Gray-matter volume per voxel of the participant in row `index`, (x, y, z) float32."""
        row = self._people.iloc[index]
        rng = np.random.default_rng([self.config.seed, 4, index])
        effects = 0.0 if self.config.null else _covariate_effects(self.atlas, row)
        brain = _anatomy(self.atlas, rng, effects)
        for name, weight in self.atlas.factors.items():
            brain *= np.clip(1 - self.loss[name] * row[name] * weight, 0, None)
        return brain.astype(np.float32)


def _people(config: SimulationConfig) -> pd.DataFrame:
    """Complete, true values of everybody; half are patients."""
    rng = np.random.default_rng([config.seed, 1])
    count = config.participants
    patient = rng.permutation(np.arange(count) % 2 == 1)
    offsets = config.site_confound / 2 * np.linspace(-1, 1, len(SITES))
    shares = np.where(patient[:, None], 0.5 + offsets, 0.5 - offsets)
    site = [SITES[rng.choice(len(SITES), p=share / share.sum())] for share in shares]
    severities = rng.gamma(2.0, 0.5, size=(count, len(FACTORS))) * patient[:, None]  # mean 1 in patients
    subtype = rng.choice([1, 2, 3], size=count, p=[0.55, 0.05, 0.4])
    people = pd.DataFrame(
        {
            "participant_id": [f"sub-99{index + 1:05d}" for index in range(count)],
            "age": np.round(7 + 11 * rng.beta(2, 2, count), 2),
            "sex": (rng.random(count) < np.where(patient, 0.7, 0.55)).astype(int),
            "handedness": (rng.random(count) < 0.9).astype(int),
            "site": site,
            "dx": np.where(patient, subtype, 0),
            "iq": np.round(np.where(patient, 105, 111) + 13 * rng.standard_normal(count)),
        }
    )
    return people.assign(**dict(zip(FACTORS, severities.T, strict=True)))


def _observed_phenotype(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Rating scales, IQ and medication as a clinic would record them: noisy, on two instruments, with gaps."""
    count = len(people)
    striatal, cerebellar = (people[name].to_numpy() for name in FACTORS)
    patient = people["dx"].to_numpy() > 0
    raw_scale = people["site"].isin(RATING_SCALE_SITES).to_numpy()

    def score(signal: np.ndarray) -> np.ndarray:
        symptom = np.where(patient, 1.3, -0.8) + 0.8 * signal + 0.5 * rng.standard_normal(count)
        return np.where(
            raw_scale, np.clip(18 + 6 * symptom, 9, 36), np.clip(55 + 10 * symptom, 40, 90)
        ).round()

    iq = people["iq"].to_numpy()
    table = pd.DataFrame(
        {
            "participant_id": people["participant_id"],
            "adhd_measure": np.where(raw_scale, 1, 2),
            "adhd_index": score(0.6 * (striatal + cerebellar) - 1.2),
            "inattentive": score(cerebellar - 1),
            "hyper_impulsive": score(striatal - 1),
            "med_status": np.where(patient, rng.choice([1, 2], size=count, p=[0.6, 0.4]), np.nan),
            "iq_measure": 1,
            "verbal_iq": np.round(iq + 5 * rng.standard_normal(count)),
            "performance_iq": np.round(iq + 5 * rng.standard_normal(count)),
            "full4_iq": iq,
        }
    )
    no_scores = rng.random(count) < np.where(patient, 0.05, 0.4)
    table.loc[no_scores, ["adhd_measure", "adhd_index", "inattentive", "hyper_impulsive"]] = np.nan
    table.loc[rng.random(count) < 0.25, "med_status"] = np.nan
    table.loc[rng.random(count) < 0.04, ["iq_measure", "verbal_iq", "performance_iq", "full4_iq"]] = np.nan
    return table
