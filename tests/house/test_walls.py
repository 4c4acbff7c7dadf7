"""Each wall is shown to hold: a breach in a copy of the packages breaks its contract, and no other."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from syntax import PACKAGES

CHECKOUT = Path(__file__).parents[2]
LINT = (
    "import sys; from importlinter.cli import lint_imports; "
    "sys.exit(lint_imports(config_filename='pyproject.toml', no_cache=True, no_logo=True))"
)
PACKAGES_WALL = "1: pipelines use bids_adapters, both use adhd_cvae, never upwards"
CORE = "2: rooms of the core, downwards only; neighbours do not import each other"
LINEAR = "2: linear models are numpy and scikit-learn alone"
PIPELINES = "3: rooms of the pipelines, downwards only"
STAGES = "4: no verb of the stages imports another"
SECTIONS = "4: no section of the report imports another"
MLFLOW = "5: MLflow is imported in mlflow_tracking and notebooks alone"
MATPLOTLIB = "5: matplotlib is imported in figures, report, benchmarks and notebooks alone"
MONAI = "5: MONAI and TorchIO are imported in models, training and inference alone"
TERMINAL = "5: typer and rich are imported in the pipelines alone"
TORCH = "6: never torch, not even indirectly"

BREACHES = [
    (PACKAGES_WALL, "adhd_cvae/errors.py", "import bids_adapters.identifiers"),
    (PACKAGES_WALL, "bids_adapters/identifiers.py", "def late():\n    import pipelines.progress"),
    (CORE, "adhd_cvae/images/resampling.py", "import adhd_cvae.cohort.folds"),
    (CORE, "adhd_cvae/io.py", "def late():\n    from adhd_cvae.cohort import folds"),
    (LINEAR, "adhd_cvae/models/linear.py", "import pandas"),
    (PIPELINES, "pipelines/recipes/checks.py", "import pipelines.output_dir.paths"),
    (PIPELINES, "pipelines/progress.py", "import pipelines.compute"),
    (STAGES, "pipelines/stages/simulate.py", "def late():\n    from pipelines.stages import embed"),
    (SECTIONS, "pipelines/report/sections/rsa.py", "import pipelines.report.sections.claims"),
    (MLFLOW, "pipelines/stages/simulate.py", "def late():\n    from mlflow.entities import Run"),
    (MATPLOTLIB, "adhd_cvae/analysis/claims.py", "import matplotlib.pyplot"),
    (MONAI, "pipelines/stages/simulate.py", "import monai.bundle"),
    (MONAI, "pipelines/stages/simulate.py", "import torchio"),
    (TERMINAL, "adhd_cvae/errors.py", "import rich"),
    (TERMINAL, "bids_adapters/identifiers.py", "import typer"),
    (TORCH, "adhd_cvae/cohort/folds.py", "def late():\n    import torch"),
    (
        TORCH,
        "adhd_cvae/figures/style.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch",
    ),
    (TORCH, "bids_adapters/identifiers.py", "import adhd_cvae.models.network"),
]
"""The contract, a module of the copy, and the lines appended to it that break that contract alone."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three packages and their contracts, for a test to damage and to mend again."""
    folder = tmp_path_factory.mktemp("walls")
    for package in PACKAGES:
        shutil.copytree(CHECKOUT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", folder)
    return folder


def contracts() -> set[str]:
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    return {contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]}


def broken_walls(copy: Path) -> set[str]:
    """The contracts import-linter calls broken; every one has to have a verdict."""
    environment = {**os.environ, "COLUMNS": "300", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LINT], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    print(done.stdout, done.stderr)  # for who has to mend a wall
    verdicts = dict(re.findall(r"^(.+?) (KEPT|BROKEN)(?: \(.*\))?\s*$", done.stdout, re.MULTILINE))
    assert set(verdicts) == contracts()
    return {name for name, verdict in verdicts.items() if verdict == "BROKEN"}


@pytest.fixture(scope="module")
def broken_already(copy: Path) -> set[str]:
    """What is broken without a breach: nothing, or a test of its own says so, and the others stay readable."""
    return broken_walls(copy)


def test_every_wall_has_a_breach():
    assert {contract for contract, _, _ in BREACHES} == contracts()


def test_the_untouched_copy_keeps_every_wall(broken_already):
    assert broken_already == set()


@pytest.mark.parametrize(
    ("contract", "file", "lines"), BREACHES, ids=[f"{one[0][0]}-{one[1]}" for one in BREACHES]
)
def test_a_breach_breaks_its_wall_and_no_other(copy, broken_already, contract, file, lines):
    module = copy / file
    before = module.read_text(encoding="utf-8")
    module.write_text(f"{before}\n{lines}\n", encoding="utf-8")
    try:
        assert broken_walls(copy) - broken_already == {contract}
    finally:
        module.write_text(before, encoding="utf-8")


def test_a_room_without_a_place_among_the_layers_is_refused(copy, broken_already):
    room = copy / "pipelines" / "attic.py"
    room.write_text("", encoding="utf-8")
    try:
        assert broken_walls(copy) - broken_already == {PIPELINES}
    finally:
        room.unlink()
