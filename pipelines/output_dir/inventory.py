"""What of a folder is ours: an inventory of every file written there, kept in the folder itself.

A line a file, the latest last. A file is written down before it gets its name, so that it is ours however a command
ends; until then what was there before is ours too.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adhd_cvae.errors import InputError
from adhd_cvae.io import file_checksum, read_object, write_text
from bids_adapters.derivatives import GENERATOR, is_ours, read_description

INVENTORY = ".adhd-cvae.jsonl"
WAY_IN = frozenset({"cohort.tsv", "cohort.json", "latents.tsv", "latents.json", "draws.npz"})
"""Files by which codes of another model come in: `analyse` adds to a folder that holds these and nothing else."""
_HEAD = {"record": "files that adhd-cvae wrote here", "format": 1}
_HASHED_UP_TO = 64 * 2**20
"""Larger files are known by size alone: reading them takes longer than most stages."""
_EARLIER_TABLES = (
    *("cohort", "exclusions", "conflicts", "confounding", "latents", "distances", "baselines", "stability"),
    *("scores", "participants", "import_exclusions", "import_conflicts"),
)
_EARLIER = (
    *("run.json", "report.html", "dataset_description.json", "README.md", ".bidsignore", "*.npz"),
    *(f"{name}.{ending}" for name in _EARLIER_TABLES for ending in ("tsv", "json")),
    *("cache/*", "checkpoints/*", "phenotype/*", "sub-*/anat/*_probseg.*"),
    *("sub-*/**/*_latents.*", "sub-*/**/*_desc-twin_probseg.*", "sub-*/**/*_desc-salient_map.*"),
)
"""Names by which version 0.1 wrote what it did not note in run.json."""

Seal = list[Any]
Seals = dict[str, list[Seal | None]]
"""Name to what the file may hold: what was written last and, killed in between, what was there before; None for
anything."""


def seal(path: Path) -> Seal:
    """Size and, up to 64 MiB, SHA-256 of a file."""
    size = path.stat().st_size
    return [size, file_checksum(path)] if size <= _HASHED_UP_TO else [size]


def append(folder: Path, name: str, seals: list[Seal | None]) -> None:
    """Write down a file, before it is written itself."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / INVENTORY).open("a", encoding="utf-8") as file:
        if file.tell() == 0:
            file.write(json.dumps(_HEAD) + "\n")
        file.write(_line(name, seals))
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> Seals | None:
    """What a folder says of itself; None where it says nothing. A line cut short does not count.

    Raises
    ------
    InputError
        Something else has the inventory's name.
    """
    path = folder / INVENTORY
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return None
    head, *lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.is_file() else [""]
    if head != json.dumps(_HEAD):
        raise InputError(
            f"{path} is not adhd-cvae's list of what it wrote, so nothing is written. Move it away."
        )
    seals: Seals = {}
    for line in lines:
        try:
            written = json.loads(line)
            seals[written["file"]] = written["seals"]
        except (ValueError, KeyError, TypeError):
            continue
    return seals


def rewrite(folder: Path, seals: Seals) -> None:
    """Write the inventory anew: what is there, in the order of names, each with what it holds."""
    lines = [json.dumps(_HEAD) + "\n"]
    for name in sorted(seals):
        known, path = seals[name], folder / name
        if path.is_file():
            if len(known) > 1 or None in known:  # which of them?
                found = seal(path)
                known = [found] if found in known or None in known else known
            lines.append(_line(name, known))
    write_text("".join(lines), folder / INVENTORY)


def of_earlier_version(folder: Path) -> Seals | None:
    """What version 0.1, which kept none, wrote here; None where it wrote nothing."""
    content = read_object(folder / "run.json")
    if GENERATOR not in content.get("software", {}) and not is_ours(read_description(folder)):
        return None
    seals: Seals = {}
    for stage in _mappings(content.get("stages")):
        for name, one in stage.get("outputs", {}).items():
            seals[name] = [one]
    made = {"prepare", "participant", "average"} & content.get("stages", {}).keys()
    names = {
        file.relative_to(folder).as_posix()
        for pattern in _EARLIER
        for file in folder.glob(pattern)
        if file.is_file()
    }
    for name in names - (set() if made else WAY_IN):  # of a folder that was only analysed they are somebody's
        seals.setdefault(name, [None])
    for part in (*folder.glob("ensemble"), *folder.glob("seed-*")):
        seals.update({f"{part.name}/{name}": one for name, one in (of_earlier_version(part) or {}).items()})
    return seals


def _mappings(content: object) -> list[Mapping[str, Any]]:
    return [one for one in content.values() if isinstance(one, dict)] if isinstance(content, dict) else []


def _line(name: str, seals: Sequence[Seal | None]) -> str:
    return json.dumps({"file": name, "seals": seals}, ensure_ascii=False) + "\n"
