"""Costs of the demo by stage, and rates of the processor."""

import subprocess
import sys
from pathlib import Path

import pytest

from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.benchmarks.speed.demo import demo_rows, processor_seconds, rate_rows
from pipelines.benchmarks.speed.measures import timed
from pipelines.recipes.loader import load_recipe


def test_processor_time_counts_processes_that_have_ended():
    busy = "import time; end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"

    assert timed(lambda: subprocess.run([sys.executable, "-c", busy], check=True), processor_seconds) >= 0.5


@pytest.mark.slow
def test_every_stage_of_the_demo_has_its_share(tmp_path: Path):
    rows = demo_rows(load_recipe("smoke"), SimulationConfig(participants=40, resolution=8), tmp_path)

    spent = {one["measure"]: one["median"] for one in rows}
    stages = [spent[f"demo, {name}, processor time"] for name in ("simulate", "prepare", "train", "embed")]
    assert min(stages) > 0
    assert spent["demo, processor time"] > sum(stages)


def test_rates_are_those_of_work_over_time():
    product, memory = rate_rows(side=64, size=2**16)

    assert (product["unit"], memory["unit"]) == ("GFLOP/s", "GB/s")
    assert 0 < product["lowest"] <= product["median"] <= product["highest"]
    assert memory["median"] > 0
