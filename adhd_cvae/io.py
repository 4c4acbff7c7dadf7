"""Files that are either whole or absent: atomic writing, TSV, JSON and checksums."""

import csv
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

MISSING = "n/a"
WRITING = ".writing-"
"""Begins the name of a file that is not whole yet."""
_TSV: Any = {"sep": "\t", "quoting": csv.QUOTE_NONE}
"""In BIDS tables a quotation mark is a character like others."""
_LARGEST_JSON = 2**28
"""Bytes; a larger file is not read: in memory it takes several times as much."""

_POINTER = 4096
"""Bytes of a pointer file that are read: it holds one key."""
_ANNEX = re.compile(r"(?:^|/)annex/objects/")
_ANNEX_POINTER = re.compile(rb"(?:(?:\.\./)*\.git)?/annex/objects/\S+\s*$")


class Guard(Protocol):
    """Who owns a folder, and so decides what in it may be written, replaced or removed."""

    def replacing(self, path: Path, new: Path | None) -> None:
        """Refuse, or take note: `new` is about to have the name `path`; None where `path` is written in place.

        Raises
        ------
        InputError
            What is there may not be replaced.
        """
        ...

    def removing(self, path: Path) -> None:
        """Refuse, or take note: `path` is about to be removed."""
        ...


_guards: list[Guard] = []


@contextmanager
def guarded(guard: Guard) -> Iterator[None]:
    """Let `guard` decide about every file written, replaced or removed here while the block runs, in any thread."""
    _guards.append(guard)
    try:
        yield
    finally:
        _guards.remove(guard)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that takes its name only once the block has succeeded.

    Who may read it is what the process's umask says.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{WRITING}{secrets.token_hex(6)}.partial{''.join(path.suffixes)[-40:]}")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        replace(temporary, path)
    except OSError as error:
        if error.filename is None:  # a full disk does not say where
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def replace(new: Path, path: Path) -> None:
    """Give the file `new` the name `path`."""
    for guard in _guards:
        guard.replacing(path, new)
    new.replace(path)


def written_in_place(path: Path) -> Path:
    """Say that a file is about to be written under its own name; what is there now may be lost."""
    for guard in _guards:
        guard.replacing(path, None)
    return path


def copy(file: Path, path: Path) -> None:
    """Copy a file, whole or not at all."""
    with atomic_path(path) as temporary:
        shutil.copyfile(file, temporary)


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    if os.path.lexists(path):
        for guard in _guards:
            guard.removing(path)
        path.unlink(missing_ok=True)  # a guard may have kept it under another name


def remove_partial_files(folder: Path) -> None:
    """Delete what a killed process was writing in or below `folder` with `atomic_path`; nobody may be writing now."""
    for partial in folder.rglob(f"{WRITING}*.partial*"):
        partial.unlink(missing_ok=True)


def write_tsv(table: pd.DataFrame, path: Path) -> None:
    """Write a table the BIDS way: tabs, ``n/a`` for missing, no quoting, floats that read back to the same bits.

    A tab or an end of line within a text becomes a space, and a quotation mark that it begins with an apostrophe: other
    readers take it for the start of a quoted cell, which goes on over the rows below.
    """
    plain = table.replace({r"[\t\r\n]+": " ", r'^"': "'"}, regex=True)
    with atomic_path(path) as temporary:
        plain.to_csv(temporary, index=False, na_rep=MISSING, **_TSV, lineterminator="\n")


def read_tsv(path: Path) -> pd.DataFrame:
    """Read a table of ours; only ``n/a`` is missing and ``participant_id`` stays text.

    Raises
    ------
    ValueError
        It is no table: empty, not UTF-8, or with rows of different lengths.
    """
    return pd.read_csv(
        path,
        **_TSV,
        na_values=[MISSING],
        keep_default_na=False,
        dtype={"participant_id": str},
    ).copy()  # pandas warns of a frame of a hundred separate columns


def write_text(text: str, path: Path) -> None:
    """Write text as UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def link_folder(path: Path, target: Path) -> None:
    """Make `path` a link, relative to where it is, to a folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written_in_place(path).symlink_to(os.path.relpath(target, path.parent), target_is_directory=True)


def append_text(text: str, path: Path) -> None:
    """Add text as UTF-8 to the end of a file, which is made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_in_place(path).open("a", encoding="utf-8") as file:
        file.write(text)


def write_json(content: Any, path: Path) -> None:
    """Write indented JSON in the given key order."""
    write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", path)


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    ValueError
        It is not JSON, nested deeper than Python can follow, too large, or a pipe or device, which may never end.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path.name} is not a regular file")
    if status.st_size > _LARGEST_JSON:
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


def how_to_fetch(path: Path, name: str = "") -> str | None:
    """Say how to fetch a file whose content DataLad, git-annex or Git LFS left elsewhere; None for any other file.

    Parameters
    ----------
    name
        What to call the file, where not by its own name.
    """
    name = name or path.name
    try:
        target = os.readlink(path) if path.is_symlink() and not path.exists() else ""
        start = b"" if target or not path.is_file() else _first_bytes(path)
    except OSError:
        return None
    if _ANNEX.search(target.replace("\\", "/")) or _ANNEX_POINTER.match(start):
        return f"not fetched: datalad get {name}, or git annex get {name}"
    if start.startswith(b"version https://git-lfs.github.com/spec/"):
        return f"not fetched: git lfs pull --include {name}"
    return "not fetched: a link whose target is not there" if target else None


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_POINTER)


def new_array_file(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """Open a new ``.npy`` of float16 to be written through memory, its disk space taken: none can lack later.

    Raises
    ------
    OSError
        The disk has no room; it names the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        array = np.lib.format.open_memmap(written_in_place(path), mode="w+", dtype=np.float16, shape=shape)
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
