"""`make house`: the house in numbers, as a table.

``python tests/house/measure.py [CHECKOUT] [--before CHECKOUT_OR_COMMIT] [--worst [N]] [--write]``
"""

import argparse
import re
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

from measures import Measure, measure_house
from syntax import PACKAGES

CHECKOUT = Path(__file__).parents[2]
WORST = 10
"""Offenders listed of each measure, unless another number is given."""
TABLE = re.compile(r"(<!-- house -->\n).*?(<!-- /house -->)", re.DOTALL)


def table(now: list[Measure], before: list[Measure] | None = None, label: str = "before") -> str:
    """The measures as a table of Markdown; three values are adhd_cvae / bids_adapters / pipelines."""
    head = ["measure", "limit", *([label] if before else []), "now"]
    rows = [head, ["---"] * len(head)]
    for index, one in enumerate(now):
        rows.append([one.name, one.limit_cell, *([before[index].cell] if before else []), one.cell])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def worst(measures: list[Measure], most: int = WORST) -> str:
    """The worst offenders of each measure, with the place an editor finds."""
    blocks = [
        f"\n{one.name} ({min(len(one.offenders), most)} of {len(one.offenders)})\n"
        + "".join(f"  {line}\n" for line in one.offenders[:most])
        for one in measures
        if one.offenders
    ]
    return "".join(blocks)


def write_table(readme: Path, text: str) -> None:
    """Put the table between the markers of a README, and leave the rest of it."""
    old = readme.read_text(encoding="utf-8")
    if not TABLE.search(old):
        raise SystemExit(f"{readme} has no <!-- house --> … <!-- /house --> to write between.")
    readme.write_text(TABLE.sub(lambda found: f"{found[1]}{text}{found[2]}", old), encoding="utf-8")


def import_seconds(checkout: Path, package: str = "adhd_cvae", times: int = 3) -> float:
    """Seconds that importing a package of a checkout takes, the least of a few times, without the start of Python."""
    command = [sys.executable, "-X", "importtime", "-c", f"import {package}"]
    seconds = []
    for _ in range(times):
        shown = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stderr
        last = next(line for line in reversed(shown.splitlines()) if line.split("|")[-1].strip() == package)
        seconds.append(int(last.split("|")[1]) / 1e6)
    return min(seconds)


def measure_before(where: str, checkout: Path) -> list[Measure]:
    """Measure another checkout, or a commit of this one."""
    if Path(where).is_dir():
        return measure_house(Path(where))
    command = ["git", "archive", where, *PACKAGES]
    done = subprocess.run(command, cwd=checkout, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{where} is no folder and no commit here: {done.stderr.decode().strip()}")
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
        return measure_house(Path(folder))


def main() -> None:
    """Print the table, and what is beyond a limit."""
    parser = argparse.ArgumentParser(description="The house in numbers.")
    parser.add_argument("checkout", nargs="?", type=Path, default=CHECKOUT)
    parser.add_argument(
        "--before", metavar="CHECKOUT_OR_COMMIT", help="measure this too, in a column of its own"
    )
    parser.add_argument(
        "--worst", metavar="N", nargs="?", type=int, const=WORST, help="list N worst offenders"
    )
    parser.add_argument("--write", action="store_true", help="put the table into tests/README.md")
    chosen = parser.parse_args()
    now = measure_house(chosen.checkout)
    before = measure_before(chosen.before, chosen.checkout) if chosen.before else None
    label = Path(chosen.before).name if chosen.before else "before"
    shown = f"Three values are {' / '.join(PACKAGES)}.\n\n{table(now, before, label)}"
    print(shown)
    print(f"import adhd_cvae: {import_seconds(chosen.checkout):.3f} s (limit 0.3 s)")
    print("".join(f"Beyond the limit: {line}\n" for one in now for line in one.breaches), end="")
    if chosen.worst:
        print(worst(now, chosen.worst))
    if chosen.write:
        write_table(chosen.checkout / "tests" / "README.md", shown)


if __name__ == "__main__":
    main()
