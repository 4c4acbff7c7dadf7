"""`tests/` mirrors the packages file for file: names the modules without a test, and the tests without a module.

``python tests/house/mirrors.py [CHECKOUT]``. The test of ``a/b/c.py`` is ``tests/a/b/test_c.py``; what a package's
own face or data does is told by ``tests/a/test_b.py``. A test of several modules stands elsewhere: ``tests/whole/``,
``tests/robustness/``, ``tests/validation/``, ``tests/house/``, ``tests/old_results/``, or directly in ``tests/``.
"""

import sys
from pathlib import Path

from syntax import DUNDER, PACKAGES

CHECKOUT = Path(__file__).parents[2]
EXEMPT = {
    "pipelines/notebooks/*.py": "each is run whole by tests/whole/test_notebooks.py",
    "adhd_cvae/moved/*.py": "imports alone; tests/old_results loads a model of 0.1 through them",
}
"""Modules that need no test of their own, as patterns of their files, with the reason."""


def missing_mirrors(checkout: Path) -> list[str]:
    """Modules without their test, as ``module: the test it lacks``."""
    missing = []
    for module in _modules(checkout):
        test = mirror_of(module)
        if not (checkout / test).is_file() and exempted(module) is None:
            missing.append(f"{module}: {test}")
    return missing


def surplus_tests(checkout: Path) -> list[str]:
    """Tests that stand in a package's mirror and are the test of none of its modules and packages."""
    wanted = {mirror_of(module).as_posix() for module in _modules(checkout)}
    wanted |= {mirror_of(package).as_posix() for package in _packages(checkout)}
    found = [path for package in PACKAGES for path in (checkout / "tests" / package).rglob("test_*.py")]
    return sorted({path.relative_to(checkout).as_posix() for path in found} - wanted)


def stale_exemptions(checkout: Path) -> list[str]:
    """Exemptions that spare no module of the checkout, or one that has its test."""
    modules = list(_modules(checkout))
    return [
        pattern
        for pattern in EXEMPT
        if not any(
            module.match(pattern) and not (checkout / mirror_of(module)).is_file() for module in modules
        )
    ]


def mirror_of(module: Path) -> Path:
    """Where the test of a module or package stands."""
    return Path("tests") / module.parent / f"test_{module.stem}.py"


def exempted(module: Path) -> str | None:
    """Why a module needs no test of its own; None where it needs one."""
    return next((reason for pattern, reason in EXEMPT.items() if module.match(pattern)), None)


def _modules(checkout: Path) -> list[Path]:
    """Modules of the packages, faces aside."""
    found = [path for package in PACKAGES for path in sorted((checkout / package).rglob("*.py"))]
    return [path.relative_to(checkout) for path in found if path.stem not in DUNDER]


def _packages(checkout: Path) -> list[Path]:
    """Folders in the packages that hold anything but what Python left there."""
    found = [
        path for package in PACKAGES for path in sorted((checkout / package).rglob("*")) if path.is_dir()
    ]
    return [path.relative_to(checkout) for path in found if path.name != "__pycache__"]


def main() -> int:
    """Print what is missing and what is surplus; status 1 where there is any."""
    checkout = Path(sys.argv[1]) if len(sys.argv) > 1 else CHECKOUT
    missing, surplus = missing_mirrors(checkout), surplus_tests(checkout)
    for title, lines in (("Modules without their test", missing), ("Tests without their module", surplus)):
        print(f"{title}: {len(lines)}", *(f"  {line}" for line in lines), sep="\n")
    return int(bool(missing or surplus))


if __name__ == "__main__":
    sys.exit(main())
