"""Pages of very different results in a browser: accessibility, valid HTML, sizes, and pictures to look at."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from PIL import Image

from adhd_cvae.io import read_json
from adhd_cvae.names import BACKGROUND
from pipelines.output_dir.results import Results
from pipelines.report.figures import plot_figures
from pipelines.report.page import write_report

LARGEST = 5_000_000
"""Bytes of a page."""
PACKAGES = ("axe-core@4", "puppeteer-core@24", "html-validate@10")
SERIOUS = ("serious", "critical")
TOOLS = {"node": ("node",), "npm": ("npm",), "a browser": ("chromium", "chromium-browser", "google-chrome")}


def call(*command: str | Path | int) -> None:
    """Run a verb of ours; its own lines are shown."""
    subprocess.run([sys.executable, "-m", "adhd_cvae", *map(str, command)], check=True)


def found_tools() -> dict[str, str]:
    """Where node, npm and a browser are.

    Raises
    ------
    SystemExit
        One is missing.
    """
    places = {name: next(filter(None, map(shutil.which, names)), None) for name, names in TOOLS.items()}
    if missing := [name for name, place in places.items() if place is None]:
        raise SystemExit(
            f"make page needs {', '.join(missing)}: Debian's packages are nodejs, npm and chromium."
        )
    return {name: str(place) for name, place in places.items()}


def demo(folder: Path) -> None:
    """A simulated cohort of 80 through every stage."""
    call("simulate", folder / "bids", "--participants", 80, "--seed", 3)
    # With the recipe's 19 refits no p could be below 0.05.
    refits = ("--set", "analysis.refits=39")
    call("run", folder / "bids", folder / "out", "group", "--recipe", "smoke", *refits)


def null(folder: Path) -> None:
    """The same with nothing planted."""
    call("simulate", folder / "bids", "--participants", 40, "--seed", 4, "--null")
    call("run", folder / "bids", folder / "out", "group", "--recipe", "smoke")


def forty_sites(folder: Path) -> None:
    """The demo's maps from forty sites with long names."""
    shutil.copytree(folder.parent / "demo/bids", folder / "bids")
    participants = folder / "bids/participants.tsv"
    table = pd.read_csv(participants, sep="\t", dtype=str)
    table["site"] = [str(1 + row % 40) for row in range(len(table))]
    table.to_csv(participants, sep="\t", index=False)
    words = read_json(participants.with_suffix(".json"))
    words["site"]["Levels"] = {
        str(site): f"University Hospital of Somewhere, Scanner {site}" for site in range(1, 41)
    }
    participants.with_suffix(".json").write_text(json.dumps(words))
    call("run", folder / "bids", folder / "out", "group", "--recipe", "smoke")


def latents(folder: Path) -> None:
    """Latents of another model: three files and `analyse`."""
    (folder / "out").mkdir()
    for name in ("cohort.tsv", "latents.tsv", "draws.npz"):
        shutil.copy(folder.parent / "demo/out" / name, folder / "out")
    call("analyse", folder / "out", "--recipe", "smoke")
    write_report(Results(folder / "out"))


def controls(folder: Path) -> None:
    """A cohort of controls alone, prepared and no more."""
    (folder / "out").mkdir()
    table = pd.read_csv(folder.parent / "demo/out/cohort.tsv", sep="\t", dtype=str, keep_default_na=False)
    table[table["group"] == BACKGROUND].to_csv(folder / "out/cohort.tsv", sep="\t", index=False)
    shutil.copy(folder.parent / "demo/out/cohort.json", folder / "out")
    plot_figures(Results(folder / "out"))
    write_report(Results(folder / "out"))


KINDS: tuple[Callable[[Path], None], ...] = (demo, null, forty_sites, latents, controls)


def make_pages(folder: Path) -> dict[str, Path]:
    """Name to page of each kind of results; what an earlier call made is kept."""
    pages = {}
    for make in KINDS:
        place = folder / make.__name__
        pages[make.__name__] = place / "out/report.html"
        if not pages[make.__name__].is_file():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            make(place)
        else:  # by the program as it is now
            plot_figures(Results(place / "out"))
            write_report(Results(place / "out"))
    return pages


def problems(page: str, answers: list[dict]) -> list[str]:
    """What is wrong with a page, by what the browser answered at each width and colour scheme."""
    found = []
    for one in answers:
        where = f"{page} at {one['width']} px, {one['scheme']}"
        found += [
            f"{where}: {v['id']} ({v['impact']}) {v['nodes']}"
            for v in one["violations"]
            if v["impact"] in SERIOUS
        ]
        found += [f"{where}: {one['overflow']} px too wide"] if one["overflow"] > 0 else []
        found += [f"{where}: {one['broken']} pictures are not shown"] if one["broken"] else []
        found += [f"{where}: fetches {one['asked']}"] if one["asked"] else []
        found += [f"{where}, by Tab: {control}" for control in one["keyboard"]]
    return found


def check(folder: Path, pages: dict[str, Path]) -> list[str]:
    """Open the pages in a browser, validate them, and print a line each; returns what is wrong."""
    tools = found_tools()
    subprocess.run([tools["npm"], "install", "--silent", "--prefix", str(folder), *PACKAGES], check=True)
    script, named = Path(__file__).with_name("check.mjs"), [f"{name}={page}" for name, page in pages.items()]
    opened = [tools["node"], str(script), tools["a browser"], str(folder), *named]
    lines = subprocess.run(opened, check=True, capture_output=True, text=True).stdout.splitlines()
    answers, wrong = list(map(json.loads, lines)), []
    for name, page in pages.items():
        validator = folder / "node_modules/.bin/html-validate"
        valid = subprocess.run(
            [validator, "--preset", "standard", page], capture_output=True, text=True, check=False
        )
        found = problems(name, [one for one in answers if one["name"] == name])
        found += [f"{name}: {valid.stdout}"] if valid.returncode else []
        size = page.stat().st_size
        found += [f"{name}: {size:,} bytes"] if size > LARGEST else []
        minor = {v["id"] for one in answers if one["name"] == name for v in one["violations"]}
        print(
            f"{name:12} {size:>10,} bytes  {len(found)} problems  axe: {', '.join(sorted(minor)) or 'nothing'}"
        )
        wrong += found
    return wrong


if __name__ == "__main__":
    to = Path(sys.argv[1]).absolute()
    found_tools()
    wrong = check(to, make_pages(to))
    for picture in map(Path, sys.argv[2:]):  # of the README
        with Image.open(to / "demo-1440-light.png") as shown:
            shown.convert("P", palette=Image.Palette.ADAPTIVE).save(picture, optimize=True)
    print(f"Pictures of each page, at 1440 and 400 px, light and dark, and a PDF: {to}")
    if wrong:
        raise SystemExit("\n".join(wrong))
