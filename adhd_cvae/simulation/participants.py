"""The simulated participants: settings, true values of everybody, and what a clinic would have noted of them."""

from typing import Annotated, Literal, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy import stats

from adhd_cvae.names import SUBTYPE

FACTORS = {
    "severity_striatal": [
        (s * x, y, z) for s in (-1, 1) for x, y, z in ((13, 12, 10), (26, 4, 2), (10, 11, -8))
    ],
    "severity_cingulocerebellar": [
        *[(0, 36, 20), (0, -45, 28), (0, -62, -22)],
        *[(s * 26, -64, -36) for s in (-1, 1)],
    ],
    "severity_frontoparietal": [(s * x, y, z) for s in (-1, 1) for x, y, z in ((42, 32, 24), (46, -46, 42))],
}
"""Factors that can be planted and the MNI coordinates (mm) around which each removes gray matter."""
SUBTYPE_SPREAD = 0.1
"""Standard deviation of a patient's own factor around 1 where patients are of subtypes."""
PRODUCT_OWN_SHARE = 0.3
"""Loss in its own region of each of two severities that multiply, as a share of what it would be alone: small beside
the product's, so that not much is left without it."""
SEVERITY = {"a": 2.0, "scale": 0.5}
"""Gamma distribution of a severity in patients, mean 1."""
SITES = (1, 3, 5, 6, 2, 4, 7, 8, *range(9, 21))
"""Codes in the order in which sites are added: ADHD-200's eight, then twelve that it does not have."""
RATING_SCALE_SITES = SITES[::3]
"""Sites whose symptoms are ADHD-RS raw scores; the others use Conners T scores."""
HEAD_SIZE, HEAD_SIZE_SD = 1450.0, 130.0
"""Total intracranial volume, ml: mean of both sexes, and the spread within a group."""


class SimulationConfig(BaseModel):
    """What is simulated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    participants: Annotated[int, Field(ge=8)] = 240
    seed: Annotated[int, Field(ge=0)] = 0
    cohens_d: Annotated[float, Field(ge=0, le=5)] = 0.8
    """Patients' regional loss at mean severity, in standard deviations of the controls' regional volume."""
    severities: Annotated[int, Field(ge=1, le=3)] = 2
    """Independent continuous severities; says nothing where there are subtypes."""
    subtypes: Annotated[int, Field(ge=0, le=3)] = 0
    """Discrete subtypes, each with a factor of its own that all its patients have in full; 0 for a continuum."""
    site_confound: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Spread over sites of the share of patients: from 0.5 − C/2 to 0.5 + C/2."""
    sites: Annotated[int, Field(ge=1, le=len(SITES))] = 4
    """Scanning sites, each with a pattern of its own."""
    age_gap: Annotated[float, Field(ge=-6, le=6)] = 0.0
    """Years by which patients are older on average: half of it is added to them and half taken from controls, who are
    4 at least."""
    iq_gap: Annotated[float, Field(ge=0, le=30)] = 6.0
    """How far patients' mean IQ lies below the controls'. Maps show IQ, so that 0 leaves what is planted as the only
    difference beside sex."""
    head_size_gap: Annotated[float, Field(ge=-3, le=3)] | None = None
    """Standard deviations by which patients' mean total intracranial volume (`tiv`) lies above controls', half of it
    each way. It is independent of sex and age, and scales all of a brain. None: all heads are alike."""
    ages: tuple[float, float] = (7.0, 18.0)
    """Youngest and oldest, years."""
    null: bool = False
    """No column of any table has an effect on any map."""
    truth: Literal["linear", "arc", "product"] = "linear"
    """How severities become losses (`regional_losses`). ``arc`` plants one severity and ``product`` two, whatever
    `severities` says."""
    population: Annotated[int, Field(ge=0)] = 0
    """Whose patterns of anatomy, sites and severities. Any but 0 has its own regions and patterns, 300 modes of
    anatomy where 0 has 20, and sites that differ twice as much."""
    resolution: Annotated[int, Field(ge=2, le=8)] = 3
    """Voxel edge, mm."""

    @property
    def factors(self) -> tuple[str, ...]:
        """Names of the planted factors."""
        count = {"linear": self.subtypes or self.severities, "arc": 1, "product": 2}[self.truth]
        return tuple(FACTORS)[:count]

    @property
    def regions(self) -> tuple[str, ...]:
        """Names of the regions that lose gray matter: those of the factors, and one more where the truth is curved."""
        return tuple(FACTORS)[: len(self.factors) + (self.truth != "linear")]

    @model_validator(mode="after")
    def _curves_are_continua(self) -> Self:
        if self.subtypes and self.truth != "linear":
            raise ValueError(
                f"truth is {self.truth} and subtypes is {self.subtypes}: a curved truth is one of severities. "
                "Choose one."
            )
        return self


def regional_losses(severities: np.ndarray, truth: str) -> np.ndarray:
    """What patients lose in each region; 1 is what severity 1 takes from the region of a linear truth.

    ``linear`` is each severity in its own region. With ``arc`` losses lie on half a circle: its angle θ is π times the
    severity's quantile; the first region loses sin θ, which is gone again at the end, the second 1 − cos θ, most of it
    along the second half. With ``product`` two severities take `PRODUCT_OWN_SHARE` of themselves from their own regions
    and their product, whose mean is 1, from a third.

    Parameters
    ----------
    severities
        (n, factors), 0 in controls.
    truth
        As of `SimulationConfig`.

    Returns
    -------
    numpy.ndarray
        (n, regions), 0 where all severities are.
    """
    if truth == "arc":
        angle = np.pi * stats.gamma.cdf(severities[:, 0], **SEVERITY)
        return np.column_stack([np.sin(angle), 1 - np.cos(angle)])
    if truth == "product":
        return np.column_stack([PRODUCT_OWN_SHARE * severities, severities.prod(axis=1)])
    return severities


def simulated_participants(config: SimulationConfig) -> pd.DataFrame:
    """Complete, true values of everybody; half are patients. `SUBTYPE` only where the settings ask for it."""
    rng = np.random.default_rng([config.seed, 1])
    count = config.participants
    patient = rng.permutation(np.arange(count) % 2 == 1)
    upwards = np.where(patient, 0.5, -0.5)  # each group moves half of a gap between them
    offsets = config.site_confound / 2 * np.linspace(-1, 1, config.sites)
    shares = np.where(patient[:, None], 0.5 + offsets, 0.5 - offsets)
    site = [SITES[rng.choice(config.sites, p=share / share.sum())] for share in shares]
    youngest, oldest = config.ages
    severities = rng.gamma(*SEVERITY.values(), size=(count, 2)) * patient[:, None]  # mean 1 in patients
    presentation = rng.choice([1, 2, 3], size=count, p=[0.55, 0.05, 0.4])
    true = pd.DataFrame(
        {
            "participant_id": [f"sub-99{index + 1:05d}" for index in range(count)],
            "age": np.round(
                youngest + (oldest - youngest) * rng.beta(2, 2, count) + config.age_gap * upwards, 2
            ),
            "sex": (rng.random(count) < np.where(patient, 0.7, 0.55)).astype(int),
            "handedness": (rng.random(count) < 0.9).astype(int),
            "site": site,
            "dx": np.where(patient, presentation, 0),
            "iq": np.round(111 - config.iq_gap * patient + 13 * rng.standard_normal(count)),
        }
    )
    # Streams of their own: whatever is planted, participants are the same.
    if config.head_size_gap is not None:
        spread = np.random.default_rng([config.seed, 7]).standard_normal(count)
        true["tiv"] = np.round(HEAD_SIZE + HEAD_SIZE_SD * (spread + config.head_size_gap * upwards), 1)
    if config.subtypes:
        own = np.random.default_rng([config.seed, 5])
        subtype = np.where(patient, own.integers(1, config.subtypes + 1, count), 0)
        strength = np.clip(1 + SUBTYPE_SPREAD * own.standard_normal(count), 0, None)
        true[SUBTYPE] = subtype
        severities = (subtype[:, None] == np.arange(1, config.subtypes + 1)) * strength[:, None]
    elif len(config.factors) == 3:
        third = np.random.default_rng([config.seed, 6]).gamma(*SEVERITY.values(), size=count) * patient
        severities = np.column_stack([severities, third])
    return true.assign(**dict(zip(config.factors, severities.T, strict=False)))


def observed_phenotype(true: pd.DataFrame, config: SimulationConfig) -> pd.DataFrame:
    """Rating scales, IQ and medication as a clinic would note them: noisy, on two instruments, with gaps."""
    rng = np.random.default_rng([config.seed, 2])
    count = len(true)
    planted = true[list(config.factors)].to_numpy().T
    first, second = planted[0], planted[min(1, len(planted) - 1)]
    patient = true["dx"].to_numpy() > 0
    raw_scale = true["site"].isin(RATING_SCALE_SITES).to_numpy()

    def score(signal: np.ndarray) -> np.ndarray:
        symptom = np.where(patient, 1.3, -0.8) + 0.8 * signal + 0.5 * rng.standard_normal(count)
        raw, t_score = np.clip(18 + 6 * symptom, 9, 36), np.clip(55 + 10 * symptom, 40, 90)
        return np.where(raw_scale, raw, t_score).round()

    iq = true["iq"].to_numpy()
    table = pd.DataFrame(
        {
            "participant_id": true["participant_id"],
            "adhd_measure": np.where(raw_scale, 1, 2),
            "adhd_index": score(0.6 * (first + second) - 1.2),
            "inattentive": score(second - 1),
            "hyper_impulsive": score(first - 1),
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
