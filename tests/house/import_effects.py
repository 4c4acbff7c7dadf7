"""Import every module of the packages, and print which of them changes the state of the process, as JSON lines.

``python tests/house/import_effects.py [MODULE ...]``, in a process of its own. Third parties are imported first, every
module of theirs that a module of ours names, so that what they do to the process is not taken for ours.
"""

import ast
import contextlib
import importlib
import importlib.util
import json
import logging
import os
import pkgutil
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from syntax import PACKAGES, Module, read_modules

State = dict[str, Any]
SCRIPTS = ("pipelines.notebooks",)
"""Not imported: what stands in it runs when it is."""


def names_of_third_parties(modules: list[Module]) -> list[str]:
    """What the modules import of others, functions and types included; a name may also be an attribute."""
    names = set()
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return sorted(name for name in names if name.split(".")[0] not in PACKAGES)


def import_third_parties(names: list[str]) -> None:
    """Import what there is of the names."""
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def state() -> State:
    """What an import must leave as it is, each thing by a name and as something that can be compared."""
    import matplotlib as mpl
    import numpy as np
    import pandas as pd
    import torch

    found: State = {f"os.environ[{name}]": value for name, value in os.environ.items()}
    found |= {f"matplotlib.rcParams[{name}]": repr(value) for name, value in mpl.rcParams.items()}
    found |= {
        f"handler of {one.name}": signal.getsignal(one) for one in signal.valid_signals() if _named(one)
    }
    found |= _loggers()
    return found | {
        "warnings.filters": [repr(one) for one in warnings.filters],
        "sys.path": list(sys.path),
        "sys.excepthook": sys.excepthook,
        "threading.excepthook": threading.excepthook,
        "working directory": os.getcwd(),
        "random": hash(random.getstate()),
        "numpy random": np.random.get_state()[1].tobytes(),  # noqa: NPY002 (looked at, not used)
        "numpy.errstate": np.geterr(),
        "numpy.printoptions": repr(np.get_printoptions()),
        "pandas display width": pd.get_option("display.width"),
        "torch random": torch.get_rng_state().numpy().tobytes(),
        "torch determinism": torch.are_deterministic_algorithms_enabled(),
        "torch determinism, warning only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "torch threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "torch default dtype": torch.get_default_dtype(),
        "torch gradients": torch.is_grad_enabled(),
        "torch matmul precision": torch.get_float32_matmul_precision(),
        "torch cudnn": (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
    }


def _named(number: int) -> bool:
    return isinstance(number, signal.Signals)


def _loggers() -> State:
    """Levels, handlers, filters and switches of the root logger and of every logger there is."""
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    return {"logging.disable": logging.root.manager.disable} | {
        f"logger {one.name}": (one.level, list(one.handlers), list(one.filters), one.disabled, one.propagate)
        for one in loggers
        if isinstance(one, logging.Logger)
        and (one.level or one.handlers or one.filters or one.disabled or not one.propagate)
    }


class Watch:
    """Looks at the state before and after each module of ours is executed, and keeps what changed under its name."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, str]] = []
        self._running: list[str] = []
        self._last = state()

    def look(self) -> None:
        """Put what changed since the last look down to the module that is being executed."""
        now = state()
        for name in sorted({*now, *self._last}):
            if now.get(name) != self._last.get(name):
                self.changes.append((self._running[-1] if self._running else "between modules", name))
        self._last = now

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Within the context, every module of the packages is watched while Python executes it."""
        execute: Callable[[SourceFileLoader, ModuleType], None] = SourceFileLoader.exec_module

        def watched(loader: SourceFileLoader, module: ModuleType) -> None:
            if module.__name__.split(".")[0] not in PACKAGES:
                return execute(loader, module)
            self.look()
            self._running.append(module.__name__)
            try:
                return execute(loader, module)
            finally:
                self.look()
                self._running.pop()

        SourceFileLoader.exec_module = watched
        try:
            yield
        finally:
            SourceFileLoader.exec_module = execute


def modules_of(package: str) -> list[str]:
    """A package and every module in it, or a module alone; scripts left out."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise SystemExit(f"There is no module {package}.")
    places = spec.submodule_search_locations
    found = [package]
    for one in pkgutil.iter_modules(places or [], f"{package}."):
        if one.name not in SCRIPTS and one.name.split(".")[-1] != "__main__":
            found += modules_of(one.name) if one.ispkg else [one.name]
    return found


def main() -> None:
    """Print a line of JSON, ``[module, what it changed]``, for each change."""
    wanted = sys.argv[1:] or [name for package in PACKAGES for name in modules_of(package)]
    import_third_parties(names_of_third_parties(read_modules(Path.cwd())))
    watch = Watch()
    with watch.watching():
        for name in wanted:
            importlib.import_module(name)
    for change in watch.changes:
        print(json.dumps(change))


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    main()
