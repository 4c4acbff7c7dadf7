"""Generated datasets against their truth: is anybody mixed up, and does anything say so?

`make generated-datasets` draws studies (`kinds`), writes them (`write`), and compares the cohort with the truth
(`check`), dataset after dataset, each from its own seed. ``--bugs`` plants bugs in turn; each has to be found.
"""

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import pandas as pd
import pytest
import typer

from adhd_cvae.io import write_tsv
from pipelines.cli.options import OutputDir, Seed
from pipelines.progress import for_this_terminal
from tests.validation.generated_datasets.bugs import BUGS
from tests.validation.generated_datasets.check import findings
from tests.validation.generated_datasets.kinds import KINDS, draw_study
from tests.validation.generated_datasets.product import in_process, through_the_command_line
from tests.validation.generated_datasets.write import write_study

DATASETS = 20_000
FOR_A_BUG = 2_000
"""Datasets among which each planted bug has to be found."""
KEPT_EVERY = 200
"""Datasets between two writings of the table."""


class Outcome(NamedTuple):
    """What came of one dataset."""

    seed: int
    kinds: str
    participants: int
    in_cohort: int
    """0 where the dataset was refused."""
    way: str
    """``python`` or ``command line``."""
    findings: str
    seconds: float
    """Of the processor."""


def dataset(seed: int) -> Outcome:
    """Draw, write, read and check one dataset."""
    start = time.process_time()
    study = draw_study(seed)
    with tempfile.TemporaryDirectory(prefix="generated-") as scratch:
        folder = Path(scratch) / "bids"
        write_study(study, folder)
        if study.whole:
            seen = through_the_command_line(study, folder, Path(scratch) / "out")
        else:
            seen = in_process(study, folder)
    found = " | ".join(" ".join(one.split()) for one in findings(study, seen))
    way = "command line" if study.whole else "python"
    return Outcome(
        seed,
        study.kinds,
        len(study.people),
        len(seen.cohort),
        way,
        found,
        round(time.process_time() - start, 3),
    )


def found_after(name: str, most: int, seed: int = 0) -> int | None:
    """Plant a bug; after how many datasets is it found, where nothing is without it? None where it is not."""
    for number, one in enumerate(range(seed, seed + most), start=1):
        with pytest.MonkeyPatch.context() as patch:
            BUGS[name](patch)
            bad = dataset(one).findings
        if bad and not dataset(one).findings:
            return number
    return None


def by_kind(table: pd.DataFrame) -> pd.DataFrame:
    """Count datasets and findings of each kind; a dataset of several kinds counts for each."""
    rows = []
    for kind in sorted(KINDS):
        mine = table[table["kinds"].str.contains(kind)]
        through = (mine["way"] == "command line").sum()
        refused = (mine["in_cohort"] == 0).sum()
        rows.append((kind, len(mine), through, refused, (mine["findings"] != "").sum()))
    columns = ["kind", "datasets", "through the command line", "refused, rightly or not", "not as the truth"]
    return pd.DataFrame(rows, columns=columns)


def main(
    folder: OutputDir = Path("campaign/generated-datasets"),
    datasets: Annotated[int, typer.Option("--datasets", min=1)] = DATASETS,
    seed: Seed = 0,
    processes: Annotated[int, typer.Option("--processes", min=1)] = 2,
    *,
    bugs: Annotated[bool, typer.Option("--bugs", help="Plant bugs, which have to be found.")] = False,
) -> None:
    """Check datasets and keep what was found in ``generated_datasets.tsv``; a later call goes on."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    if bugs:
        found = {name: found_after(name, min(datasets, FOR_A_BUG), seed) for name in BUGS}
        print("\n".join(f"{name}: {at or 'NOT FOUND'}" for name, at in found.items()))
        sys.exit(None in found.values())
    table = _checked(range(seed, seed + datasets), folder / "generated_datasets.tsv", processes)
    bad = table[table["findings"] != ""]
    print(by_kind(table).to_string(index=False))
    through = (table["way"] == "command line").sum()
    print(f"{len(table)} datasets ({through} through the command line), {len(bad)} not as the truth.")
    for seed_of, kinds, found_there in zip(bad["seed"], bad["kinds"], bad["findings"], strict=True):
        print(f"seed {seed_of} ({kinds}): {found_there[:300]}")
    sys.exit(len(bad) > 0)


def _checked(seeds: range, path: Path, processes: int) -> pd.DataFrame:
    """Every dataset's outcome; those in the table at `path` stand."""
    rows = pd.read_csv(path, sep="\t", keep_default_na=False).to_dict("records") if path.is_file() else []
    done = {row["seed"] for row in rows}
    pending = [one for one in seeds if one not in done]
    bad = sum(bool(row["findings"]) for row in rows)
    with for_this_terminal().bar("Generated datasets") as tick:
        for number, outcome in enumerate(_outcomes(pending, processes), start=1):
            rows.append(outcome._asdict())
            bad += bool(outcome.findings)
            if number % KEPT_EVERY == 0 or number == len(pending):
                write_tsv(pd.DataFrame(rows).sort_values("seed"), path)
            tick(number, len(pending), f"{bad} found")
    return pd.DataFrame([row for row in rows if row["seed"] in seeds])


def _outcomes(seeds: Sequence[int], processes: int) -> Iterator[Outcome]:
    if processes == 1:
        yield from map(dataset, seeds)
        return
    with multiprocessing.get_context("forkserver").Pool(processes) as pool:
        yield from pool.imap_unordered(dataset, seeds, chunksize=10)


if __name__ == "__main__":
    typer.run(main)
