"""Files that are either whole or absent: atomic writing, TSV, JSON and checksums."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MISSING = "n/a"
_WRITING = ".writing-"
"""Begins the name of a file that is not whole yet."""
_LARGEST_JSON = 2**28
"""Bytes; a larger file is not read: in memory it takes several times as much."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that takes its name only once the block has succeeded."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=_WRITING, suffix=f".partial{''.join(path.suffixes)}", dir=path.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.filename is None:  # a full disk does not say where
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def remove_partial_files(folder: Path) -> None:
    """Delete what a killed process was writing in or below `folder` with `atomic_path`; nobody may be writing now."""
    for partial in folder.rglob(f"{_WRITING}*.partial*"):
        partial.unlink(missing_ok=True)


def write_tsv(table: pd.DataFrame, path: Path) -> None:
    """Write a table the BIDS way: tabs, ``n/a`` for missing, floats that read back to the same bits."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, na_rep=MISSING, lineterminator="\n")


def read_tsv(path: Path) -> pd.DataFrame:
    """Read a table of ours; only ``n/a`` is missing and ``participant_id`` stays text."""
    return pd.read_csv(
        path,
        sep="\t",
        na_values=[MISSING],
        keep_default_na=False,
        dtype={"participant_id": str},
    )


def write_text(text: str, path: Path) -> None:
    """Write text as UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(content: Any, path: Path) -> None:
    """Write indented JSON in the given key order."""
    write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", path)


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    ValueError
        It is not JSON, nested deeper than Python can follow, or too large.
    """
    if path.stat().st_size > _LARGEST_JSON:
        raise ValueError(f"{path.name} is larger than {_LARGEST_JSON >> 20} MiB")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except RecursionError:
        raise ValueError(f"{path.name} is nested too deeply") from None


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object; an empty one where there is none, or none that can be read."""
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def new_array_file(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """Open a new ``.npy`` of float16 to be written through memory, its disk space taken: none can lack later.

    Raises
    ------
    OSError
        The disk has no room; it names the file.
    """
    try:
        array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=shape)
        if hasattr(os, "posix_fallocate"):
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:  # neither call knows the file's name
        raise OSError(error.errno, error.strerror, str(path)) from None
    return array


def file_checksum(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(content: Any) -> str:
    """SHA-256 of a JSON-like value, the same whatever the key order."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
