"""The MLflow UI on the store of an OUTPUT_DIR, reachable from this computer only."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from adhd_cvae.errors import InputError
from pipelines.mlflow_tracking.environment import mlflow_environment
from pipelines.progress import Progress

LOOPBACK = "127.0.0.1"
_PORTS_TRIED = 20


@mlflow_environment()
def run(output_dir: Path, port: int, index: str, progress: Progress) -> None:
    """Serve until interrupted, and say where, and where the `index` of results is served meanwhile.

    Raises
    ------
    InputError
        There is no store, or no free port.
    """
    from pipelines.mlflow_tracking.runs import experiment_page
    from pipelines.mlflow_tracking.store import find_store

    store = find_store(output_dir)
    if store.artifacts is None:
        how = "shows itself: open" if store.uri.startswith("http") else "is shown by the MLflow server on it:"
        progress.line(f"The store that MLFLOW_TRACKING_URI names {how} {store.shown}")
        return
    if store.database is None or not store.database.is_file():
        raise InputError(
            f"there is no MLflow store for {output_dir} (looked for {store.database}). "
            "Publish there first, or name another OUTPUT_DIR or MLFLOW_TRACKING_URI."
        )
    free = free_port(port)
    address = f"http://{LOOPBACK}:{free}/{experiment_page(store)}"
    progress.line(f"Results beside each other: {index}")
    progress.line(f"MLflow UI of {store.database}: {address}  (Ctrl+C ends it)")
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
        *("--backend-store-uri", store.uri, "--default-artifact-root", store.artifacts.as_uri()),
        *("--host", LOOPBACK, "--port", str(free)),
    ]
    serve(command)


def serve(command: list[str]) -> None:
    """Run the server and all it starts; nothing of it outlives the call, however it ends."""
    # Telemetry is nobody's business; background jobs serve features (agents, judges) that are not used here.
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    server = subprocess.Popen(command, env={**os.environ, **quiet}, start_new_session=True)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if server.wait():
            raise InputError(
                f"the MLflow server ended with status {server.returncode}; its own lines are above."
            )
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)


def free_port(first: int) -> int:
    """Find a port nobody listens on, from `first` upwards."""
    for port in range(first, min(first + _PORTS_TRIED, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise InputError(
        f"ports {first} to {first + _PORTS_TRIED - 1} are all in use. Give --port another number."
    )
