"""A planted cohort of simulated brains in a folder, as `sensitivity --export` writes it."""

from pathlib import Path

import numpy as np

from adhd_cvae.config import CohortConfig, Region, SensitivityConfig
from adhd_cvae.simulation.cohort import SimulationConfig
from bids_adapters import build_cohort
from bids_adapters.planted import Plan, write_planted
from pipelines.progress import Silent
from pipelines.stages import simulate

UNCHECKED = ("image.min_template_correlation=null", "image.max_offset=null")
"""Settings for grids so coarse that its brains are like none."""
CENTRES = {"left": (-24.0, 4.0, 0.0), "right": (24.0, 4.0, 0.0)}


def planted_folder(place: Path, *, participants: int = 40, loss: float = 0.5, subtypes: bool = False) -> Path:
    """Everybody is healthy; half are pseudo-patients, who lose `loss` of what is in wide regions."""
    lab, folder = place / "lab", place / "planted cohort"
    simulate.run(lab, SimulationConfig(participants=participants, resolution=8, null=True, seed=3), Silent())
    regions = {name: Region(centres=(centre,), radius=12) for name, centre in CENTRES.items()}
    config = SensitivityConfig(severities=regions, subtypes=subtypes)
    rng = np.random.default_rng(0)
    is_patient = np.arange(participants) % 2 == 0
    severities = rng.gamma(2, 0.5, (participants, 2)) * is_patient[:, None]
    if subtypes:
        severities *= np.eye(2)[rng.permutation(participants) % 2]
    plan = Plan(is_patient, severities, np.full(2, loss), 0.7)
    settings = config, CohortConfig()
    write_planted(build_cohort(lab, CohortConfig()), lab, folder, plan, settings, lambda *_: None, seed=1)
    return folder
