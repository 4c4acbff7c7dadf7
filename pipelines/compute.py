"""Where joblib's parallel work runs: this machine, or a Dask cluster."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import cast

from adhd_cvae.errors import InputError

DISTRIBUTION = "adhd-cvae"
SECONDS_TO_ANSWER = 20


@contextmanager
def workers(dask: str | None) -> Iterator[None]:
    """Send everything that joblib runs inside to the cluster whose scheduler is at `dask`; here where None.

    The numbers do not depend on it. A task whose worker dies is run again by another one. The workers need this
    software and, for the benchmark, the same file system.

    Raises
    ------
    InputError
        Dask is not installed, no scheduler answers, or a worker lacks this software.
    """
    if dask is None:
        yield
        return
    from joblib import parallel_config  # brings NumPy, which --help can do without

    try:
        from distributed import Client
    except ImportError as error:
        raise InputError("--dask needs Dask's scheduler: pip install 'adhd-cvae[dask]'") from error
    try:
        client = Client(dask, timeout=SECONDS_TO_ANSWER, set_as_default=True)
    except (OSError, ValueError) as error:
        raise InputError(
            f"No Dask scheduler answers at {dask}. Start one with `dask scheduler` and workers with "
            "`dask worker tcp://ADDRESS:8786`, and name that address."
        ) from error
    with client:
        with suppress(TimeoutError):  # then there is none, which is said below
            client.wait_for_workers(1, timeout=SECONDS_TO_ANSWER)
        answers = cast("Mapping[str, object]", client.run(version, DISTRIBUTION, on_error="return"))
        _check_software(answers)
        with parallel_config(backend="dask"):
            yield


def _check_software(found: Mapping[str, object]) -> None:
    """Refuse workers that lack this software, or have another version: joblib would wait for them without end."""
    expected = version(DISTRIBUTION)
    other = {f"{place}: {answer}" for place, answer in found.items() if answer != expected}
    if other or not found:
        raise InputError(
            f"Every Dask worker needs {DISTRIBUTION} {expected}, and at least one worker. Found: "
            f"{', '.join(sorted(other)) or 'no worker'}. Install it where the workers run."
        )


@contextmanager
def writable_caches() -> Iterator[None]:
    """Let Numba and matplotlib keep what they compute once in a temporary folder where there is no other place.

    Installed read-only and without a home, Numba refuses to compile and matplotlib complains.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    nearest = next((folder for folder in (home, *home.parents) if folder.exists()), home)
    if home.is_absolute() and os.access(nearest, os.W_OK | os.X_OK):
        yield
        return
    added = {name for name in ("NUMBA_CACHE_DIR", "MPLCONFIGDIR") if name not in os.environ}
    with tempfile.TemporaryDirectory(prefix="adhd-cvae-") as place:
        os.environ.update(dict.fromkeys(added, place))
        try:
            yield
        finally:
            for name in added:
                os.environ.pop(name, None)


def is_torchrun() -> bool:
    """Whether `torchrun` started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def helps() -> bool:
    """Whether another process leads: holds the folder, writes, shows progress and talks to MLflow."""
    return is_torchrun() and os.environ["RANK"] != "0"


def stop_workers() -> None:
    """End the processes that joblib keeps for later work, if there are any."""
    if loky := sys.modules.get("joblib.externals.loky.reusable_executor"):
        executor = loky._executor  # asking for it by its function would make one
        if executor is not None:
            executor.shutdown(kill_workers=True)
