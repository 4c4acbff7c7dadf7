"""`sensitivity --export`: one planted cohort as a BIDS dataset in a folder of its own."""

from pathlib import Path

from adhd_cvae.config import CohortConfig, SensitivityConfig
from bids_adapters.cohort import Cohort
from bids_adapters.planted import Plan, check_target, write_planted
from pipelines.output_dir.ownership import owned
from pipelines.progress import Progress


def export_planted(
    cohort: Cohort,
    bids_dir: Path,
    target_dir: Path,
    plan: Plan,
    settings: tuple[SensitivityConfig, CohortConfig],
    progress: Progress,
    *,
    seed: int,
) -> None:
    """Write a planted cohort (`write_planted`) where nothing is yet, outside any raw dataset.

    Raises
    ------
    InputError
        The folder holds something or is in a dataset, or a map cannot be read.
    """
    check_target(target_dir, bids_dir)
    with (
        owned(target_dir, dataset=bids_dir, listed=False),
        progress.bar("Writing the planted cohort") as tick,
    ):
        write_planted(cohort, bids_dir, target_dir, plan, settings, tick, seed=seed)
