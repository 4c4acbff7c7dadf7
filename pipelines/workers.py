"""Where joblib's parallel work runs: this machine, or a Dask cluster."""

from collections.abc import Iterator
from contextlib import contextmanager

from joblib import parallel_config

from adhd_cvae.errors import InputError

SECONDS_TO_ANSWER = 20


@contextmanager
def workers(dask: str | None) -> Iterator[None]:
    """Send everything that joblib runs inside to the cluster whose scheduler is at `dask`; here where None.

    The numbers do not depend on it. A task whose worker dies is run again by another one. The workers need this
    software and, for the benchmark, the same file system.

    Raises
    ------
    InputError
        Dask is not installed, or no scheduler answers.
    """
    if dask is None:
        yield
        return
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
    with client, parallel_config(backend="dask"):
        yield
