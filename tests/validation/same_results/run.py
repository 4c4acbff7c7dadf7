"""Does the same recipe and seed give the same results before and after a change?

    python tests/validation/same_results/run.py --before 951aeea
    python tests/validation/same_results/run.py --before main --recipe smoke --recipe demo --seed 0 --seed 1

Both versions run `demo` with this interpreter, the same number of threads and an MLflow store of their own; then every
table, array, map and weight is compared (`compare.py`). Names that CHANGELOG.md lists below `### Renamed` may differ.
Exit status: 0 the same, 1 not.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.validation.same_results.compare import Verdict, compare
from tests.validation.same_results.renamed import parse_renamings

ROOT = Path(__file__).parents[3]
PACKAGES = ("adhd_cvae", "bids_adapters", "pipelines")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_PROBE = "import importlib; print(*(importlib.import_module(name).__file__ for name in {names}), sep='\\n')"


def entry(tree: Path) -> list[str]:
    """Arguments of Python that call a version's command line, wherever its pyproject.toml says that this is."""
    scripts = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    module, _, function = scripts["adhd-cvae"].partition(":")
    return ["-c", f"from {module} import {function}; {function}()"]


def environment(tree: Path, threads: int) -> dict[str, str]:
    """Variables that make Python use `tree` and nothing else that could change a number or be shared."""
    private = ("MLFLOW_", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    return {
        **kept,
        **dict.fromkeys(THREADS, str(threads)),
        "MPLBACKEND": "Agg",
        "PYTHONPATH": str(tree),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def check_origin(tree: Path, threads: int = 1) -> None:
    """Make sure that Python, called as for a run, takes every package from `tree`.

    Raises
    ------
    RuntimeError
        A package comes from somewhere else, such as another version installed beside.
    """
    code = _PROBE.format(names=PACKAGES)
    probe = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tree,
        env=environment(tree, threads),
        check=True,
        capture_output=True,
        text=True,
    )
    for file in probe.stdout.splitlines():
        if tree.resolve() not in Path(file).resolve().parents:
            raise RuntimeError(f"the version in {tree} would be run with {file}; expected its own packages.")


def checkout(version: str | None, folder: Path) -> Path:
    """Put a commit into `folder`, or, for None, copy the packages as they are in this working tree."""
    if version is None:
        for package in PACKAGES:
            shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        return folder
    for command in (
        ["clone", "--quiet", "--no-checkout", "--shared", str(ROOT), str(folder)],
        ["-C", str(folder), "checkout", "--quiet", "--detach", _commit(version)],
    ):
        subprocess.run(["git", *command], check=True)
    return folder


def _commit(version: str) -> str:
    shown = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--verify", "--quiet", f"{version}^{{commit}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if shown.returncode:
        raise SystemExit(f"no commit {version} in this repository")
    return shown.stdout.strip()


def demo(tree: Path, folder: Path, options: list[str], threads: int) -> Path:
    """Run a version's demo, its words kept in ``<folder>.log``; return its OUTPUT_DIR."""
    log, started = folder.with_suffix(".log"), time.monotonic()
    command = [sys.executable, *entry(tree), "demo", str(folder), *options]
    with log.open("wb") as words:
        done = subprocess.run(
            command, cwd=tree, env=environment(tree, threads), stdout=words, stderr=words, check=False
        )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{log.read_text()[-2000:]}")
    print(f"  {folder.name}: {time.monotonic() - started:.0f} s", flush=True)
    return folder / "derivatives" / "adhd-cvae"


def table(verdicts: list[Verdict]) -> str:
    """Lay out the files and what became of them."""
    width = max((len(verdict.file) for verdict in verdicts), default=4)
    lines = []
    for verdict in verdicts:
        note = f" ({verdict.renamed} names replaced)" if verdict.renamed else ""
        lines.append(f"{verdict.file:<{width}}  {'same' if verdict.same else 'DIFFERENT'}{note}")
        lines += [f"{'':<{width}}    {difference}" for difference in verdict.differences]
    different = sum(not verdict.same for verdict in verdicts)
    return "\n".join([*lines, f"{len(verdicts)} files, {different} different"])


def compare_versions(given: argparse.Namespace, scratch: Path) -> bool:
    """Run both versions with every recipe and seed; print what differs; return whether all is the same."""
    renamings = parse_renamings((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    trees = {
        name: checkout(version, scratch / f"{name}-code")
        for name, version in (("before", given.before), ("after", given.after))
    }
    for tree in trees.values():
        check_origin(tree, given.threads)
    good = True
    for recipe in given.recipe or ["smoke"]:
        for seed in given.seed or [0]:
            options = ["--recipe", recipe, "--seed", str(seed), "--set", f"seed={seed}"]
            options += ["--participants", str(given.participants)] if given.participants else []
            print(f"recipe {recipe}, seed {seed}", flush=True)
            before, after = (
                demo(tree, scratch / f"{name}-{Path(recipe).stem}-{seed}", options, given.threads)
                for name, tree in trees.items()
            )
            verdicts = compare(before, after, renamings)
            print(table(verdicts), flush=True)
            good = good and bool(verdicts) and all(verdict.same for verdict in verdicts)
    return good


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, compare, return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", required=True, metavar="COMMIT", help="the version to compare with")
    parser.add_argument("--after", metavar="COMMIT", help="default: the packages as they are in this folder")
    parser.add_argument("--recipe", action="append", metavar="NAME|FILE", help="repeatable; default: smoke")
    parser.add_argument(
        "--seed", action="append", type=int, help="of cohort and training; repeatable; default: 0"
    )
    parser.add_argument("--participants", type=int, help="default: as many as `demo` has")
    parser.add_argument("--threads", type=int, default=1, help="of each process; default: 1")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="new folder for both runs; default: deleted"
    )
    given = parser.parse_args(arguments)
    given.recipe = [
        str(Path(name).resolve()) if Path(name).is_file() else name for name in given.recipe or []
    ]
    if given.keep is not None:
        given.keep.mkdir(parents=True)
        return 0 if compare_versions(given, given.keep.resolve()) else 1
    with tempfile.TemporaryDirectory(prefix="same-results-") as scratch:
        return 0 if compare_versions(given, Path(scratch)) else 1


if __name__ == "__main__":
    sys.exit(main())
