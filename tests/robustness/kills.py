"""Killed at a random moment and called again: is everything whole, and the same as without the kill?

`make kills` takes a tiny simulated cohort through every stage, undisturbed and then once a kill, each
in a folder of its own. SIGKILL hits the command and all its workers after a random share of the undisturbed time.
Each kill's outcome is kept, so that a call after an interruption, or for more kills, goes on.
"""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from adhd_cvae.errors import InputError
from adhd_cvae.io import file_checksum, read_json, read_tsv, write_json, write_tsv
from pipelines.cli.options import OutputDir, Seed
from pipelines.progress import Progress, for_this_terminal

KILLS = 50
TIMED = ("seconds", "time_ms", "mtime_ns", "key")
"""What JSON files and tables hold besides results, and differs from call to call: times, and a key made of them."""
WITH_TIMES = ("run.json", "report.html")
"""Files that only have to be whole: the checklist holds checksums of files with times, the page shows it."""
TEMPORARY = "-resume.pt"
"""State of a training that goes on; gone once a model is finished. Other temporary files begin with a dot."""
HIDDEN = (".bidsignore",)
"""Begins with a dot and is a result."""
_OF_MLFLOW = "mlflow"
"""Begins the names of its store and artifacts, which are its own."""
LOG = "log.txt"
COLUMNS = ("kill", "second", "step", "half_written", "status", "different", "left_over", "runs", "outcome")
SAME = "the same"
ENDED = "none: it had ended"
"""Step of a kill that came too late: runs beside each other do not all take the same time."""


def measure_kills(
    folder: Path, progress: Progress, kills: int = KILLS, seed: int = 0, jobs: int | None = None
) -> pd.DataFrame:
    """Kill, look, call again, compare; files are made in a temporary folder inside `folder`.

    Outcomes are kept in ``outcomes/``, with the undisturbed seconds that the moments are drawn from.

    Returns
    -------
    pandas.DataFrame
        One row a kill: `kill`, the `second` it came, the `step` it hit, names of `half_written` files, exit `status`
        of the second call, names of files `different` from the undisturbed run's, number of temporary files
        `left_over`, finished MLflow `runs`, and the `outcome` in words.

    Raises
    ------
    InputError
        The undisturbed run fails, or two of them differ: there is nothing to compare with. Or `folder` holds kills
        of another seed.
    """
    outcomes = folder / "outcomes"
    outcomes.mkdir(parents=True, exist_ok=True)
    kept = {number: outcomes / f"kill-{number:04d}.json" for number in range(1, kills + 1)}
    missing = [number for number, file in kept.items() if not file.is_file()]
    jobs = jobs or os.cpu_count() or 1
    with tempfile.TemporaryDirectory(dir=folder) as name, progress.bar("Killing and calling again") as tick:
        scratch = Path(name)
        tick(kills - len(missing), kills, "undisturbed")
        with ThreadPoolExecutor(jobs) as threads:
            whole = [scratch / f"undisturbed-{number}" for number in range(max(jobs, 2))]
            seconds = float(np.mean(list(threads.map(_undisturbed, whole))))
            if different := differences(whole[1], whole[0]):
                raise InputError(
                    f"two undisturbed runs differ in {', '.join(different)}; nothing to compare with."
                )
            moments = np.random.default_rng(seed).uniform(0, _seconds(outcomes, seconds, seed), kills)
            waiting = {
                threads.submit(_one_kill, number, moments[number - 1], scratch / f"kill-{number}", whole[0])
                for number in missing
            }
            for count, done in enumerate(as_completed(waiting), start=kills - len(missing) + 1):
                row = done.result()
                write_json(row, kept[row["kill"]])
                tick(count, kills, f"kill {row['kill']}: {row['outcome']}")
    rows = [read_json(file) for file in kept.values()]
    return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("second", ignore_index=True)


def _seconds(outcomes: Path, seconds: float, seed: int) -> float:
    """Undisturbed seconds of the first call with this seed: later calls draw the same moments."""
    file = outcomes / "undisturbed.json"
    kept = read_json(file) if file.is_file() else {"seed": seed, "seconds": seconds}
    if kept["seed"] != seed:
        raise InputError(
            f"{outcomes} holds kills of seed {kept['seed']}. Give --seed {kept['seed']}, or delete it."
        )
    write_json(kept, file)
    return float(kept["seconds"])


def _undisturbed(folder: Path) -> float:
    """Run every stage; return the seconds it took."""
    started = time.monotonic()
    with start_run(folder) as process:
        status = process.wait()
    if status:
        raise InputError(f"the undisturbed run ends with status {status}: {_last_line(folder)}")
    return time.monotonic() - started


def _one_kill(number: int, second: float, folder: Path, whole: Path) -> dict[str, Any]:
    """Kill one run after `second`, look at what it left, call it again, compare; the folder goes."""
    with start_run(folder) as process:
        try:
            process.wait(timeout=second)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    step = last_step(folder) if process.returncode else ENDED
    broken = half_written(folder, whole)
    with start_run(folder) as process:
        status = process.wait()
    different = differences(folder, whole) if status == 0 else []
    runs = finished_runs(folder)
    row = {
        "kill": number,
        "second": round(float(second), 2),
        "step": step,
        "half_written": ", ".join(broken),
        "status": status,
        "different": ", ".join(different),
        "left_over": len(list(temporary_files(folder))),
        "runs": runs,
    }
    sound = not broken and status == 0 and not different and runs == 1
    shown = SAME if sound else f"not the same: {_last_line(folder)}"
    if sound:
        shutil.rmtree(folder)
    return {**row, "outcome": shown}


def start_run(folder: Path, *options: str) -> subprocess.Popen:
    """Start a whole run in `folder` as a process group of its own, one core, its words in ``log.txt``."""
    folder.mkdir(exist_ok=True)
    own = {"OMP_NUM_THREADS": "1", "LOKY_MAX_CPU_COUNT": "1"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    with (folder / LOG).open("w", encoding="utf-8") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.robustness.one_run", str(folder), *options],
            stdout=log,
            stderr=log,
            env={**kept, **own},
            start_new_session=True,
        )


def last_step(folder: Path) -> str:
    """Name what a run was doing when its words ended."""
    lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
    titles = [line.removesuffix(" …") for line in lines if line.endswith(" …")]
    if not titles:
        return "Starting"
    ended = any(line.startswith(f"{titles[-1]}: ") for line in lines)
    return f"after {titles[-1]}" if ended else titles[-1]


def _last_line(folder: Path) -> str:
    lines = (folder / LOG).read_text(encoding="utf-8").strip().splitlines()
    return lines[-1] if lines else "no word"


def files_of(folder: Path) -> Iterator[str]:
    """Name the files of a run that have their final name, MLflow's apart."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or _is_temporary(path) or name == LOG or f"/{_OF_MLFLOW}" in f"/{name}":
            continue
        yield name


def temporary_files(folder: Path) -> Iterator[Path]:
    """Name what a killed run was writing, which the next call should remove or finish."""
    yield from (
        path for path in folder.rglob("*") if ".partial" in path.name or path.name.endswith(TEMPORARY)
    )


def _is_temporary(path: Path) -> bool:
    hidden = path.name.startswith(".") and path.name not in HIDDEN
    return hidden or path.name.endswith(TEMPORARY)


def half_written(folder: Path, whole: Path) -> list[str]:
    """Name the files under a final name that are not what they are in the undisturbed run, or cannot be read."""
    resumable = folder.rglob(f"*{TEMPORARY}")
    cut = [path.name for path in resumable if not zipfile.is_zipfile(path) or zipfile.ZipFile(path).testzip()]
    return [*cut, *(name for name in files_of(folder) if not _same(folder / name, whole / name))]


def differences(folder: Path, whole: Path) -> list[str]:
    """Name the files that are there in one of two finished runs only, or differ."""
    names = sorted({*files_of(folder), *files_of(whole)})
    return [name for name in names if not _same(folder / name, whole / name)]


def _same(path: Path, other: Path) -> bool:
    """Whether two files hold the same; times apart."""
    if not path.is_file() or not other.is_file():
        return False
    if path.name in WITH_TIMES:
        return _is_complete(path)
    if path.suffix == ".json":
        return _untimed(path) == _untimed(other) is not None
    if path.name == "history.tsv":
        one, two = (read_tsv(file).drop(columns=["seconds", "time_ms"]) for file in (path, other))
        return one.equals(two)
    return file_checksum(path) == file_checksum(other)


def _is_complete(path: Path) -> bool:
    if path.suffix == ".html":
        return path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    return _untimed(path) is not None


def _untimed(path: Path) -> Any:
    """Content of a JSON file without times; None where it is cut."""
    try:
        return _without(json.loads(path.read_text(encoding="utf-8")))
    except ValueError:
        return None


def _without(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _without(value) for key, value in content.items() if key not in TIMED}
    return [_without(value) for value in content] if isinstance(content, list) else content


def finished_runs(folder: Path) -> int:
    """Count the finished runs of the MLflow store but for those of folds; 0 where any other is beside them."""
    database = folder / "derivatives" / "mlflow.db"
    if not database.is_file():
        return 0
    with closing(sqlite3.connect(database)) as store:
        states = store.execute(
            "SELECT status FROM runs WHERE lifecycle_stage = 'active' "
            "AND run_uuid NOT IN (SELECT run_uuid FROM tags WHERE key = 'fold')"
        ).fetchall()
    return len(states) if all(state == ("FINISHED",) for state in states) else 0


def main(
    output_dir: OutputDir = Path("kills"),
    kills: Annotated[int, typer.Option("--kills", min=1, help="How often a run is killed.")] = KILLS,
    seed: Seed = 0,
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="Processes of one core each.")] = None,
) -> None:
    """Runs killed at random moments and called again: do they end the same?"""
    table = measure_kills(output_dir, for_this_terminal(), kills, seed, jobs)
    write_tsv(table, output_dir / "kills.tsv")
    same = table["outcome"] == SAME
    by_step = same.groupby(table["step"], sort=False).agg(["size", "sum"])
    by_step.columns = ["kills", "ended the same"]
    print(f"{by_step.to_string()}\n\n{same.sum()} of {len(table)} ended the same as undisturbed.")


if __name__ == "__main__":
    typer.run(main)
