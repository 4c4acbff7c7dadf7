"""How often the tests of the tables reject, where nothing is there and where something is; resumed by itself."""

from itertools import product
from pathlib import Path
from typing import Annotated, NamedTuple

import pandas as pd
import typer
from joblib import Parallel, delayed

from adhd_cvae.io import read_tsv, remove_partial_files, write_tsv
from pipelines.cli.options import Dask, OutputDir
from pipelines.compute import workers
from pipelines.progress import Progress, for_this_terminal

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
    from adhd_cvae.figures.style import save_figure
    from tests.validation.calibration.figure import calibration_figure
    from tests.validation.calibration.rejections import calibration_table

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
    from tests.validation.calibration.rejections import simulated_rejections

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


def main(
    output_dir: OutputDir = Path("calibration"),
    simulations: Annotated[int, typer.Option("--simulations", min=1, help="Studies of each kind.")] = 200,
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="Processes of one core each.")] = None,
    dask: Dask = None,
) -> None:
    """How often each p-value is below 0.05, in studies with nothing there and with something planted."""
    with workers(dask):
        table, figure = measure_calibration(
            output_dir, for_this_terminal(), simulations=simulations, jobs=jobs
        )
    write_tsv(table, output_dir / "calibration.tsv")
    print(f"{table.to_string(index=False)}\n\nWritten to {output_dir}: calibration.tsv, {figure.name}")


if __name__ == "__main__":
    typer.run(main)
