"""Is a byte touched that is not ours? Every verb, with options at random, in folders of every kind.

`make foreign-files` takes a tiny simulated cohort through every verb once. Then, again and again, a verb is called with
options at random in a folder of a kind at random, beside a store of a kind at random. Afterwards every file that was
not ours is to hold what it held: where it was, or, edited, beside it as ``.bak``. `--bugs` plants ten bugs in turn;
each has to be found.
"""

import faulthandler
import os
import random
import sys
import tempfile
from pathlib import Path
from typing import Annotated, NamedTuple

import pandas as pd
import pytest
import typer

from adhd_cvae.io import write_tsv
from pipelines.cli.options import OutputDir, Seed
from pipelines.progress import for_this_terminal
from tests.robustness.foreign_bugs import BUGS
from tests.robustness.foreign_cases import KINDS, OPTIONS, VERBS, Ground, call, case
from tests.robustness.stand_ins import quick_verbs
from tests.robustness.watch import watch, written_elsewhere

COMBINATIONS = 2000
LONGEST = 300
"""Seconds of one combination; then all threads say where they are, and the campaign ends."""


class Outcome(NamedTuple):
    """What came of one combination."""

    seed: int
    verb: str
    kind: str
    options: str
    lost: str
    """What was touched that was not ours."""
    traceback: str
    """Its end, where there was one: bad input ends in a line."""


def combination(ground: Ground, seed: int) -> Outcome:
    """Call one verb in one folder."""
    rng = random.Random(seed)  # noqa: S311, no secret
    verb, kind = rng.choice(sorted(VERBS)), rng.choice(KINDS)
    options = " ".join(
        one for one in OPTIONS.get(verb, ()) if rng.random() < (0.2 if "--seeds" in one else 0.7)
    )
    with tempfile.TemporaryDirectory(prefix="foreign-files-") as scratch:
        folder = Path(scratch) / "here"
        made = case(ground, folder, verb, kind, rng)
        arguments = [*VERBS[verb](Ground(ground.folder, folder / "bids"), made.out), *options.split()]
        watch().written, watch().on = [], True
        faulthandler.dump_traceback_later(LONGEST, exit=True)
        try:
            traceback = call(*arguments)
        finally:
            watch().on = False
            faulthandler.cancel_dump_traceback_later()
        lost = [*made.lost(), *written_elsewhere(watch().written, made.out, folder)]
        return Outcome(seed, verb, kind, options, "; ".join(lost), traceback)


def bugs_found(ground: Ground, most: int) -> dict[str, int | None]:
    """Plant each bug in turn; return after how many combinations it was found, None where it was not."""
    found: dict[str, int | None] = {}
    for name, plant in BUGS.items():
        with pytest.MonkeyPatch.context() as patch:
            plant(patch)
            lost = (seed + 1 for seed in range(most) if combination(ground, seed).lost)
            found[name] = next(lost, None)
    return found


def main(
    folder: OutputDir = Path("campaign/foreign-files"),
    combinations: Annotated[int, typer.Option("--combinations", min=1)] = COMBINATIONS,
    seed: Seed = 0,
    *,
    bugs: Annotated[bool, typer.Option("--bugs", help="Plant ten bugs, which have to be found.")] = False,
) -> None:
    """Call verbs at random and keep what was found in ``foreign_files.tsv``; a later call goes on."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    ground = Ground(folder / "ground")
    with pytest.MonkeyPatch.context() as patch:
        quick_verbs(patch)
        ground.make()
        if bugs:
            found = bugs_found(ground, combinations)
            print("\n".join(f"{name}: {at or 'NOT FOUND'}" for name, at in found.items()))
            sys.exit(None in found.values())
        table = _called(ground, range(seed, seed + combinations), folder / "foreign_files.tsv")
    bad = table[(table["lost"] != "") | (table["traceback"] != "")]
    print(f"{len(table)} combinations, {len(bad)} touched what was not ours or ended in a traceback.")
    print(bad.to_string(index=False) if len(bad) else "")
    sys.exit(len(bad) > 0)


def _called(ground: Ground, seeds: range, path: Path) -> pd.DataFrame:
    """Every combination's outcome; those in the table at `path` stand."""
    rows = pd.read_csv(path, sep="\t", keep_default_na=False).to_dict("records") if path.is_file() else []
    done = {row["seed"] for row in rows}
    pending = [one for one in seeds if one not in done]
    with for_this_terminal().bar("Foreign files") as tick:
        for number, one in enumerate(pending, start=1):
            rows.append(combination(ground, one)._asdict())
            if number % 20 == 0 or number == len(pending):
                write_tsv(pd.DataFrame(rows), path)
            tick(number, len(pending), f"{sum(bool(row['lost'] or row['traceback']) for row in rows)} found")
    return pd.DataFrame(rows)


if __name__ == "__main__":
    typer.run(main)
