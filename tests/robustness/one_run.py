"""One whole run of a tiny simulated cohort, for `kills` to kill: ``python -m tests.robustness.one_run FOLDER``."""

import sys
from pathlib import Path

from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.output_dir.run import Run
from pipelines.progress import PlainLines
from pipelines.recipes.loader import load_recipe
from pipelines.workflows import demo

PARTICIPANTS = 12
RESOLUTION = 6
"""Of the simulated maps, mm."""
SETTINGS = (
    "image.shape=[32, 32, 32]",
    "image.voxel_size=6",
    "analysis.permutations=20",
    "analysis.bootstraps=5",
    "analysis.variables=[{name: age, scale: ratio}, {name: site, scale: nominal}]",
    "analysis.batteries={}",
    "analysis.claims=[]",
)
"""The recipe `smoke` made smaller: every stage and kind of file is there, and nothing takes long."""


def run(folder: Path) -> None:
    """Simulate the cohort and take it through every stage."""
    config = SimulationConfig(participants=PARTICIPANTS, resolution=RESOLUTION)
    bids_dir, paths = demo.places(folder)
    demo.run(Run(paths, load_recipe("smoke", SETTINGS), PlainLines()), bids_dir, config)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
