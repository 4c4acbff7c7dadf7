"""Python's audit hook: which files a process opens for writing, renames, makes or removes."""

import os
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_PLACES = {
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((0, 2), (1, 3)),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.mkdir": ((0, 2),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, 0),),
}
"""Event to where among its arguments each path is, and the descriptor of the folder that it is relative to."""


class Watch:
    """Python's audit hook: what this process opens to write, renames, makes or removes while it is on."""

    def __init__(self) -> None:
        self.on = False
        self.written: list[str] = []
        sys.addaudithook(self)  # for good: Python has no way to take one back

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        """Take note of an event."""
        if not self.on:
            return
        if event == "open":
            path, mode, flags = arguments
            writes = set(str(mode or "")) & set("wax+") or (
                mode is None and isinstance(flags, int) and flags & _WRITE
            )
            if writes and isinstance(path, (str, bytes)):
                self.written.append(os.fsdecode(path))
        for path, descriptor in _PLACES.get(event, ()):
            self.written.append(_absolute(arguments[path], arguments[descriptor]))


def _absolute(path: object, descriptor: object) -> str:
    """Name a path that is relative to an open folder."""
    name = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else f"/proc/self/fd/{path}"
    if isinstance(descriptor, int) and descriptor >= 0:
        return os.path.join(os.readlink(f"/proc/self/fd/{descriptor}"), name)
    return name


@cache
def watch() -> Watch:
    """The one of this process."""
    return Watch()


def written_elsewhere(written: list[str], out: Path, scratch: Path) -> Iterator[str]:
    """Name what was written or removed that is neither in a command's folder, nor its store, nor temporary."""
    temporary = Path(tempfile.gettempdir())
    for name in dict.fromkeys(written):
        path = Path(os.path.abspath(name))
        if scratch not in path.parents:
            if (
                temporary not in path.parents
                and "/__pycache__" not in name
                and "/.cache/" not in name
                and path.parts[1] != "dev"
            ):
                yield f"{path} was written"
            continue
        in_store = (
            path.relative_to(scratch).parts[-1].startswith(("mlflow", ".mlflow", ".writing-"))
            or "mlflow-artifacts" in path.parts
        )
        if out not in (path, *path.parents) and path not in out.parents and not in_store:
            yield f"{path} was written"
