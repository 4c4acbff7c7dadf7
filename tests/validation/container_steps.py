"""The steps of Dockerfile in a fresh environment: what it copies, what it installs, and then the smoke demo.

    python -m tests.validation.container_steps FOLDER --torch cpu

Building an image needs more than a lab's workstation may have; what can go wrong in it are these steps.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import OutputDir

ROOT = Path(__file__).parents[2]
BACKEND = "--torch-backend"


def steps(dockerfile: str) -> tuple[list[list[str]], list[list[str]]]:
    """What is copied (sources, then the place in the image), and the commands of `RUN` that install."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n", " ", "\n".join(lines))
    copied = [shlex.split(line)[1:] for line in whole.splitlines() if line.startswith("COPY ")]
    runs = [line.removeprefix("RUN ") for line in whole.splitlines() if line.startswith("RUN ")]
    commands = [shlex.split(command) for run in runs for command in run.split("&&")]
    return copied, [command for command in commands if "install" in command]


def of_environment(command: list[str], environment: Path, torch: str) -> list[str]:
    """A command that installs into the image's Python, for an environment's; of no build of PyTorch if none is told."""
    if BACKEND in command and not torch:
        place = command.index(BACKEND)
        command = command[:place] + command[place + 2 :]
    words = (
        " ".join(command).replace("${TORCH}", torch).replace("--system", f"--python {environment}").split()
    )
    return [f"{environment}/bin/{words[0]}", *words[1:]]


def main(
    folder: OutputDir,
    torch: Annotated[str, typer.Option("--torch", help="Build of PyTorch; empty: the registry's.")] = "cpu",
) -> None:
    """Copy, install and run the smoke demo in a new FOLDER; stops at the first step that fails."""
    folder = folder.resolve()
    folder.mkdir(parents=True)
    image, environment = folder / "opt", folder / "venv"
    image.mkdir()
    copied, commands = steps((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    for *sources, place in copied:
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, image / place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, image / place)
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    for command in commands:
        mine = of_environment(command, environment, torch)
        print("+", shlex.join(mine), flush=True)
        subprocess.run(mine, cwd=image, check=True)
    demo = ("demo", folder / "demo", "--recipe", "smoke", "--participants", "24")
    alone = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    subprocess.run([environment / "bin/adhd-cvae", *demo], cwd=folder, env=alone, check=True)


if __name__ == "__main__":
    typer.run(main)
