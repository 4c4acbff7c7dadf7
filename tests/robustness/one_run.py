"""One whole run of a tiny simulated cohort, for `kills` to kill: ``python -m tests.robustness.one_run FOLDER``.

With ``--borrowed`` healthy anatomy of another dataset is registered first, then borrowed from both.
"""

import sys
from pathlib import Path

from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.mlflow_tracking.reference_model import ALIAS, NAME
from pipelines.output_dir.ownership import owned
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.run import Run
from pipelines.progress import PlainLines
from pipelines.recipes.loader import load_recipe
from pipelines.stages import simulate
from pipelines.workflows import background, demo

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


BORROWED = ("reference.least_participants=10", "cohort.background_same=1", "training.fold_models=same")
LENT = 2 * PARTICIPANTS


def run(folder: Path, *, borrowed: bool = False) -> None:
    """Simulate the cohort and take it through every stage, with what is learnt from another where `borrowed`."""
    config = SimulationConfig(participants=PARTICIPANTS, resolution=RESOLUTION)
    bids_dir, paths = demo.places(folder)
    settings, lent = SETTINGS, folder / "lent-bids"
    if borrowed:
        _lend(lent, OutputPaths(paths.folder.with_name("lent")))
        settings += (*BORROWED, f"cohort.background_from=[models:/{NAME}@{ALIAS}, {lent}]")
    demo.run(Run(paths, load_recipe("smoke", settings), PlainLines()), bids_dir, config)


def _lend(bids_dir: Path, paths: OutputPaths) -> None:
    config = SimulationConfig(participants=LENT, resolution=RESOLUTION, seed=101)
    simulate.run(bids_dir, config, PlainLines())
    recipe = load_recipe("smoke", (*SETTINGS, *BORROWED))
    with owned(paths.folder, dataset=bids_dir):
        background.run(Run(paths, recipe, PlainLines()), BidsInput(bids_dir))


if __name__ == "__main__":
    run(Path(sys.argv[1]), borrowed="--borrowed" in sys.argv)
