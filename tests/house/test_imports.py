"""No side effect of an import: nothing heavy comes with the faces, and no module changes the process."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import import_effects
import pytest

CHECKOUT = Path(__file__).parents[2]
HEAVY = ["matplotlib", "mlflow", "monai", "numba", "torch", "torchio"]
TABLES = ["nibabel", "nilearn", "pandas", "scipy", "sklearn", "umap"]


def python(*arguments: str | Path, cwd: Path = CHECKOUT) -> str:
    """What a fresh Python prints that finds the packages of ``cwd`` first."""
    environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": str(cwd)}
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def brought(code: str, libraries: list[str]) -> list[str]:
    """Which of the libraries are loaded after a piece of code has run."""
    return json.loads(
        python(
            "-c", f"{code}\nimport json, sys\nprint(json.dumps([m for m in {libraries} if m in sys.modules]))"
        ).splitlines()[-1]
    )


def settings() -> dict:
    return tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_face_of_the_core_brings_nothing_heavy():
    assert brought("import adhd_cvae", HEAVY + TABLES) == []


def test_rooms_without_torch_bring_none_not_even_by_third_parties():
    contracts = settings()["tool"]["importlinter"]["contracts"]
    rooms = next(one["source_modules"] for one in contracts if one["name"].startswith("6: never torch"))
    assert rooms
    modules = [name for room in rooms for name in import_effects.modules_of(room)]
    code = (
        "import importlib, sys\n"
        f"for name in {modules}:\n"
        "    importlib.import_module(name)\n"
        "    if 'torch' in sys.modules: break\n"
        "else: name = 'none'\n"
        "print(name)"
    )
    assert python("-c", code).strip() == "none"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["benchmark", "--help"], ["--version"]]
)
def test_the_help_of_the_command_line_brings_nothing_heavy(arguments):
    module, function = settings()["project"]["scripts"]["adhd-cvae"].split(":")
    code = f"""
import sys
sys.argv = ["adhd-cvae", *{arguments}]
from {module} import {function}
try:
    {function}()
except SystemExit as stop:
    assert not stop.code, stop.code
"""
    assert brought(code, HEAVY) == []


def test_no_import_changes_the_process():
    changes = [json.loads(line) for line in python(import_effects.__file__).splitlines()]
    assert changes == []


EFFECTS = {
    "import os\nos.environ['SAID'] = 'yes'": "os.environ[SAID]",
    "import warnings\nwarnings.filterwarnings('ignore', 'said')": "warnings.filters",
    "import logging\nlogging.getLogger('mlflow.said').setLevel(30)": "logger mlflow.said",
    "import logging\nlogging.basicConfig()": "logger root",
    "import torch\ntorch.use_deterministic_algorithms(True)": "torch determinism",
    "import torch\ntorch.set_num_threads(torch.get_num_threads() + 1)": "torch threads",
    "import torch\ntorch.manual_seed(1)": "torch random",
    "import matplotlib\nmatplotlib.rcParams['font.size'] = 3": "matplotlib.rcParams[font.size]",
    "import numpy\nnumpy.seterr(all='raise')": "numpy.errstate",
    "import numpy\nnumpy.set_printoptions(precision=2)": "numpy.printoptions",
    "import numpy\nnumpy.random.seed(1)": "numpy random",
    "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)": "handler of SIGTERM",
    "import sys\nsys.path.append('said')": "sys.path",
}


def test_every_kind_of_change_is_seen_and_put_down_to_its_module(tmp_path):
    """A package whose modules each change one thing, the first by way of another."""
    package = tmp_path / "adhd_cvae"
    package.mkdir()
    (package / "__init__.py").touch()
    names = [f"m{number:02d}" for number in range(len(EFFECTS))]
    for name, text in zip(names, EFFECTS, strict=True):
        (package / f"{name}.py").write_text(f"{text}\n")
    (package / "a_quiet_one.py").write_text("import adhd_cvae.m00\n")
    wanted = ["adhd_cvae.a_quiet_one", *(f"adhd_cvae.{name}" for name in names)]
    found = python(import_effects.__file__, *wanted, cwd=tmp_path)
    seen: dict[str, list[str]] = {}
    for module, change in map(json.loads, found.splitlines()):
        seen.setdefault(module, []).append(change)
    assert set(seen) == {f"adhd_cvae.{name}" for name in names}
    for name, change in zip(names, EFFECTS.values(), strict=True):
        assert change in seen[f"adhd_cvae.{name}"]
