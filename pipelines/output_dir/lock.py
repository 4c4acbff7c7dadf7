"""One command at a time in an OUTPUT_DIR: the second is told who is at work there."""

import json
import os
import platform
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from adhd_cvae.errors import InputError
from adhd_cvae.io import read_json, remove, write_json

LOCK = ".in-use.lock"
"""Held with the system's own lock, which ends with the process, however it ends: nothing is ever left to clean up."""
HOLDER = ".in-use.json"
"""Who holds it, for the message; it may outlive a killed process and then says nothing."""


@contextmanager
def locked(folder: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Have `folder` to ourselves while the block runs.

    Where a file system has no locks (old NFS), filelock keeps a file with process and host instead, and takes over
    what a dead process of the same host left.

    Parameters
    ----------
    wait_s
        Seconds to wait for another process, for blocks that take moments.

    Raises
    ------
    InputError
        Another process is at work there.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=wait_s)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(_in_use_message(folder)) from None
    try:
        write_json(_ourselves(), folder / HOLDER)
        yield
    finally:
        remove(folder / HOLDER)
        lock.release()
        if made and {path.name for path in folder.iterdir()} <= {LOCK}:
            remove(folder / LOCK)  # refused before anything was written: leave nothing
            folder.rmdir()


def _ourselves() -> dict[str, str | int]:
    return {
        "pid": os.getpid(),
        "since": datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
        "command": shlex.join(["adhd-cvae", *sys.argv[1:]]),
        "host": platform.node(),
    }


def _in_use_message(folder: Path) -> str:
    advice = "Wait until it has ended, or choose another OUTPUT_DIR."
    try:
        holder = read_json(folder / HOLDER)
    except (OSError, json.JSONDecodeError):  # between taking the lock and saying so
        return f"{folder} is in use by another adhd-cvae command. {advice}"
    elsewhere = "" if holder["host"] == platform.node() else f" on {holder['host']}"
    return (
        f"{folder} is in use by process {holder['pid']}{elsewhere} since {holder['since']}: "
        f"`{holder['command']}`. {advice}"
    )
