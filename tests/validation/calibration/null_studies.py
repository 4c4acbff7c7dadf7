"""Patients whose truth is known: latents and variables with nothing between them, or with a planted effect."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PARTICIPANTS = 120
SALIENT_UNITS, BACKGROUND_UNITS, VOXELS, SAMPLES = 4, 16, 60, 10
_SITE_SHARES = (0.4, 0.3, 0.2, 0.1)
_SHARES_OF_PATIENTS = (0.8, 0.5, 0.3, 0.1)
_PLANTED = {"score": 0.45, "label": 0.6, "voxels": 0.35, "shared": 0.6, "clusters": 3.0, "group": 0.7}
"""Weights in standard deviations of what is planted, for a power between none and full at 120 participants."""


class Study(NamedTuple):
    """Patients of a simulated study; every array has one row (samples: one column) a patient."""

    salient: NDArray[np.float64]
    background: NDArray[np.float64]
    samples: NDArray[np.float64]
    """(samples, n, units) of the salient space."""
    voxels: NDArray[np.float64]
    """(n, voxels) salient effect."""
    clusters: NDArray[np.float64]
    """(n, units) a single Gaussian, or two where an effect is planted; no site shifts it."""
    variables: pd.DataFrame
    """score (numbers with ties), label (three), age, site."""
    aged: tuple[NDArray[np.float64], NDArray[np.float64]]
    """A space and a score that both follow age and site, and each other only where an effect is planted."""
    is_patient: NDArray[np.bool_]
    """(n,) two groups; where sites differ, with a share of patients of its own at each."""
    observed: NDArray[np.float64]
    """(n, voxels) maps that follow age and site, and the group only where an effect is planted."""
    site: NDArray[np.int64] | None
    """(n,) what participants are permuted within; None where sites do not differ."""


def simulate_study(rng: np.random.Generator, *, site_effects: bool, planted: bool) -> Study:
    """Draw a study.

    Parameters
    ----------
    site_effects
        Sites shift every latent, voxel and the score, and have labels and ages of their own; nothing else
        relates them. Without, sites differ in nothing.
    planted
        The score and the label move the salient space (and the voxels), which moves the background space.
    """
    n, strength = PARTICIPANTS, {name: planted * weight for name, weight in _PLANTED.items()}
    site = rng.choice(len(_SITE_SHARES), n, p=_SITE_SHARES)

    def shifts(columns: int) -> NDArray[np.float64]:
        return site_effects * rng.normal(size=(len(_SITE_SHARES), columns))[site]

    score, age = rng.normal(size=n), rng.normal(size=n) + shifts(1)[:, 0]
    likely = np.exp(shifts(3))
    label = (rng.random(n)[:, None] > np.cumsum(likely / likely.sum(axis=1, keepdims=True), axis=1)).sum(
        axis=1
    )
    salient = rng.normal(size=(n, SALIENT_UNITS))
    salient[:, 0] += strength["score"] * score
    salient[:, 1] += strength["label"] * label
    background = rng.normal(size=(n, BACKGROUND_UNITS))
    background[:, 0] += strength["shared"] * salient[:, 2]
    voxels = rng.normal(size=(n, VOXELS)) + shifts(VOXELS)
    voxels[:, 0] += strength["voxels"] * (1 + score)
    clusters = rng.normal(size=(n, SALIENT_UNITS))
    clusters[:, 0] += strength["clusters"] * rng.integers(0, 2, n)
    aged = salient + age[:, None] + shifts(SALIENT_UNITS), score + age + shifts(1)[:, 0]
    salient, background = salient + shifts(SALIENT_UNITS), background + shifts(BACKGROUND_UNITS)
    apart = rng.spawn(1)[0]  # all other draws stay what they are without the groups
    is_patient = apart.random(n) < (np.array(_SHARES_OF_PATIENTS)[site] if site_effects else 0.5)
    observed = apart.normal(size=(n, VOXELS)) + age[:, None]
    observed += site_effects * apart.normal(size=(len(_SITE_SHARES), VOXELS))[site]
    observed[:, 0] += strength["group"] * is_patient
    variables = pd.DataFrame({"score": np.round(score + shifts(1)[:, 0], 1), "label": label})
    return Study(
        salient=salient,
        background=background,
        samples=salient + 0.5 * rng.normal(size=(SAMPLES, n, SALIENT_UNITS)),
        voxels=voxels,
        clusters=clusters,
        variables=variables.assign(age=age, site=site),
        aged=aged,
        is_patient=is_patient,
        observed=observed,
        site=site if site_effects else None,
    )
