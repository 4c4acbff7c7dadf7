"""Where the command line starts: ``adhd-cvae`` and ``python -m adhd_cvae``.

The names `pipelines` and `bids_adapters` are not ours alone. A folder of such a name in the working directory or on
PYTHONPATH would be imported in the place of ours, and another distribution may be installed over ours.
"""

import csv
import sys
from importlib.machinery import PathFinder
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path

_DISTRIBUTION = "adhd-cvae"
_BESIDE_US = ("bids_adapters", "pipelines")


def main(arguments: list[str] | None = None) -> None:
    """Call the command line of this very installation.

    Raises
    ------
    SystemExit
        With one line, where another distribution lies over this one; else as the command line ends.
    """
    ours = Path(__file__).resolve().parents[1]
    if problem := _overwritten(ours):
        raise SystemExit(f"{_DISTRIBUTION}: {problem}")
    sys.path[:] = _ours_first(sys.path, ours)
    from pipelines.cli import main as command_line

    command_line.main(arguments)


def _ours_first(path: list[str], ours: Path) -> list[str]:
    """Put places that hold a package of our names behind ours; all others stay, so that nothing else changes.

    Processes of joblib get the path from here. An editable installation is not on it, and is added.
    """
    own = [place for place in path if Path(place).resolve() == ours] or [str(ours)]
    stolen = [place for place in path if place not in own and _holds(place)]
    kept = [place for place in path if place not in stolen]
    return [*kept, *(place for place in own if place not in kept), *stolen]


def _holds(place: str) -> bool:
    return any(PathFinder.find_spec(name, [place]) is not None for name in _BESIDE_US)


def _overwritten(ours: Path) -> str | None:
    """What to do where a module of ours is missing, or not as long as it was when it was installed."""
    try:
        installed = distribution(_DISTRIBUTION)
    except PackageNotFoundError:  # a checkout on PYTHONPATH
        return None
    place = Path(str(installed.locate_file("")))
    if place.resolve() != ours:
        return None
    for file, _, size in csv.reader((installed.read_text("RECORD") or "").splitlines()):
        if file.endswith(".py") and _size(place / file) != int(size or 0):
            return _remedy(file, installed)
    return None


def _size(file: Path) -> int | None:
    return file.stat().st_size if file.is_file() else None


def _remedy(file: str, installed: Distribution) -> str:
    others = sorted(
        {
            one.metadata["Name"]
            for one in distributions()
            if one.metadata["Name"] != installed.metadata["Name"] and file in map(str, one.files or [])
        }
    )
    culprit = f"the distribution {' and '.join(others)} was" if others else "something else was"
    remove = f"pip uninstall {' '.join(others)}; " if others else ""
    return (
        f"{file} is not the one that was installed: {culprit} installed over it, or it was removed. Mend it: "
        f"{remove}pip install --force-reinstall --no-deps, with what {_DISTRIBUTION} {installed.version} was "
        "installed from."
    )


if __name__ == "__main__":
    main()
