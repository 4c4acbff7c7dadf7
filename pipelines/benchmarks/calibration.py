"""How often the tests of the tables reject, where nothing is there and where something is; resumed by itself."""

from itertools import product
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from joblib import Parallel, delayed

from adhd_cvae.files import read_tsv, remove_partial_files, write_tsv
from pipelines.progress import Progress

BLOCK = 10
"""Simulated studies of one file: what a killed run loses at most."""


class Block(NamedTuple):
    """Simulated studies of one kind, by number."""

    site_effects: bool
    planted: bool
    start: int
    stop: int

    @property
    def key(self) -> str:
        """Name of its file."""
        return (
            f"sites-{int(self.site_effects)}_planted-{int(self.planted)}_{self.start:04d}-{self.stop - 1:04d}"
        )


def blocks(simulations: int) -> list[Block]:
    """All kinds of the first studies before the next studies."""
    starts = range(0, simulations, BLOCK)
    kinds = list(product((False, True), (False, True)))
    return [Block(*kind, start, min(start + BLOCK, simulations)) for start in starts for kind in kinds]


def measure_calibration(
    folder: Path, progress: Progress, *, simulations: int, jobs: int | None = None
) -> tuple[pd.DataFrame, Path]:
    """Simulate what is not in ``blocks/`` yet; return the table over all asked studies, and its figure's file.

    Parameters
    ----------
    jobs
        Processes, one core each; all cores where None. The numbers do not depend on it.
    """
    from adhd_cvae.analysis.calibration import calibration_table
    from adhd_cvae.analysis.calibration_figure import calibration_figure
    from adhd_cvae.analysis.figure_style import save_figure

    store = folder.resolve() / "blocks"  # workers elsewhere have another working directory
    store.mkdir(parents=True, exist_ok=True)
    remove_partial_files(store)
    asked = blocks(simulations)
    pending = [block for block in asked if not (store / f"{block.key}.tsv").is_file()]
    with progress.bar("Measuring calibration") as tick:
        tick(0, len(pending), f"{len(asked) - len(pending)} of {len(asked)} blocks were done before")
        running = Parallel(n_jobs=jobs or -1, return_as="generator_unordered")(
            delayed(run_block)(block, store) for block in pending
        )
        for done, key in enumerate(running, start=1):
            tick(done, len(pending), str(key))
    table = calibration_table(
        pd.concat([read_tsv(store / f"{block.key}.tsv") for block in asked], ignore_index=True)
    )
    figure = folder / "calibration.svg"
    save_figure(calibration_figure(table), figure)
    return table, figure


def run_block(block: Block, store: Path) -> str:
    """Write one row a test and study; returns the block's key."""
    from adhd_cvae.analysis.calibration import simulated_rejections

    rows = [
        {
            "statistic": statistic,
            "site_effects": block.site_effects,
            "planted": block.planted,
            "number": number,
            "rejected": rejected,
        }
        for number in range(block.start, block.stop)
        for statistic, rejected in simulated_rejections(
            number, site_effects=block.site_effects, planted=block.planted
        ).items()
    ]
    write_tsv(pd.DataFrame(rows), store / f"{block.key}.tsv")
    return block.key
