"""What callers of BIDS Apps type: no verb, several labels after one option, underscores, options of other programs."""

import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Level(StrEnum):
    """The two levels of a BIDS App."""

    participant = "participant"
    group = "group"


_OF_SEVERAL = ("--participant-label", "--merge")
"""Options that take several values at once."""
_WITHOUT_EFFECT = {
    "mem": ("--mem", "maps are read one after the other, and nothing grows with it"),
    "work_dir": ("--work-dir", "intermediate files lie in OUTPUT_DIR/cache, and stay there"),
    "skip_bids_validation": ("--skip-bids-validation", "no validator is run"),
}
_LIMITS = {
    "nprocs": ("LOKY_MAX_CPU_COUNT",),
    "omp_nthreads": ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"),
}
"""Option to what joblib, and the libraries that a verb loads, read it from."""


@dataclass(frozen=True, kw_only=True)
class MachineOptions:
    """What a BIDS App is told of the machine it runs on."""

    nprocs: Annotated[
        int | None, typer.Option("--nprocs", min=1, help="Cores to use at most. Default: all.")
    ] = None
    omp_nthreads: Annotated[
        int | None, typer.Option("--omp-nthreads", min=1, help="Threads of each process at most.")
    ] = None
    mem: Annotated[
        str | None, typer.Option("--mem", metavar="SIZE", help="Taken as from other BIDS Apps; no effect.")
    ] = None
    work_dir: Annotated[
        Path | None,
        typer.Option(
            "--work-dir", "-w", metavar="DIR", help="Likewise: see OUTPUT_DIR/cache.", readable=False
        ),
    ] = None
    skip_bids_validation: Annotated[
        bool, typer.Option("--skip-bids-validation", help="Likewise: no validator is run.")
    ] = False

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Say in a line each what has no effect here, and keep to the limits while the block runs."""
        for name, (option, why) in _WITHOUT_EFFECT.items():
            if getattr(self, name) not in (None, False):
                print(f"adhd-cvae: {option} has no effect: {why}.", file=sys.stderr)
        asked = {
            variable: str(getattr(self, name))
            for name, variables in _LIMITS.items()
            if getattr(self, name) is not None
            for variable in variables
        }
        before = {variable: os.environ.get(variable) for variable in asked}
        os.environ.update(asked)
        try:
            yield
        finally:
            for variable, value in before.items():
                if value is None:
                    os.environ.pop(variable, None)
                else:
                    os.environ[variable] = value


def in_our_words(arguments: list[str], verbs: Collection[str]) -> list[str]:
    """Rewrite a call of a BIDS App as one of ours.

    ``--version`` counts wherever it stands; ``--participant_label`` is ``--participant-label``; a call of a dataset,
    a folder and a level is one of ``run``.
    """
    if "--version" in arguments:
        return ["--version"]
    return spread_labels(_with_verb([_with_hyphens(one) for one in arguments], verbs))


def _with_hyphens(argument: str) -> str:
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value if name.startswith("--") else argument


def _with_verb(arguments: list[str], verbs: Collection[str]) -> list[str]:
    """Put `run` before what starts with a dataset, or with an option of `run`, and names a level."""
    if not arguments or arguments[0] in verbs:
        return arguments
    if not {*arguments} & {*Level}:
        return ["run", *arguments] if os.path.isdir(arguments[0]) else arguments
    words = arguments[: next((at for at, one in enumerate(arguments) if one.startswith("-")), len(arguments))]
    misspelt = len(words) > 3 and not os.path.isdir(words[0])
    return arguments if misspelt else ["run", *arguments]


def spread_labels(arguments: list[str]) -> list[str]:
    """Repeat an option before each of its values: BIDS Apps take several labels after one ``--participant-label``."""
    spread, several = [], ""
    for argument in arguments:
        if argument.startswith("-"):
            name, equals, _ = argument.partition("=")
            several = name if name in _OF_SEVERAL else ""
            if not several or equals:
                spread.append(argument)
        else:
            spread.extend([several, argument] if several else [argument])
    return spread
