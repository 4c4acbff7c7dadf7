"""What the demo costs by stage, and the rates of the processor that everything else is held against."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from adhd_cvae.config import Recipe
from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.benchmarks.speed.measures import Row, row, timed
from pipelines.compute import stop_workers
from pipelines.output_dir.paths import BidsInput
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.stages import analyse, embed, prepare, publish, simulate, train
from pipelines.workflows.demo import places

MATRIX = 2048
"""Side of the matrices whose product gives the rate of arithmetic."""
COPIED = 2**28
"""Bytes of the array whose copy gives the rate of memory: more than any cache holds."""
ROUNDS = 5


def processor_seconds() -> float:
    """Processor time of this process and of all that it has started and seen end, s."""
    return sum(os.times()[:4])


def demo_rows(recipe: Recipe, simulation: SimulationConfig, folder: Path) -> list[Row]:
    """Processor seconds of each stage of a demo made in `folder`, worker processes included; imports count where they
    are first needed.
    """
    bids_dir, paths = places(folder)
    run = Run(paths, recipe, Silent())
    stages: dict[str, Callable[[], object]] = {
        "simulate": lambda: simulate.run(bids_dir, simulation, run.progress),
        "prepare": lambda: prepare.run(run, BidsInput(bids_dir)),
        "train": lambda: train.run(run),
        "embed": lambda: embed.run(run),
        "analyse": lambda: analyse.run(run),
        "publish": lambda: publish.run(run),
    }
    seconds = {
        name: timed(lambda work=work: _to_its_end(work), processor_seconds) for name, work in stages.items()
    }
    per_map = seconds["embed"] / simulation.participants
    return [
        *(row(f"demo, {name}, processor time", [spent], "s") for name, spent in seconds.items()),
        row("demo, processor time", [sum(seconds.values())], "s"),
        row("demo, embed, of each map", [per_map], "s"),
    ]


def _to_its_end(work: Callable[[], object]) -> None:
    """Worker processes are counted once they have ended."""
    work()
    stop_workers()


def rate_rows(side: int = MATRIX, size: int = COPIED) -> list[Row]:
    """Rates of this process's large matrix products in float32 and of copying memory, each byte read and written."""
    matrix = np.random.default_rng(0).random((side, side), dtype=np.float32)
    source = np.ones(size, np.uint8)
    target = np.empty_like(source)
    np.copyto(target, source)  # the pages are there before the clock runs
    products = [timed(lambda: matrix @ matrix) for _ in range(ROUNDS)]
    copies = [timed(lambda: np.copyto(target, source)) for _ in range(ROUNDS)]
    return [
        row("matrix products in float32", [2 * side**3 / seconds / 1e9 for seconds in products], "GFLOP/s"),
        row("memory, read and written", [2 * size / seconds / 1e9 for seconds in copies], "GB/s"),
    ]
