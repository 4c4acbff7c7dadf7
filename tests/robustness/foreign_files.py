"""Is a byte touched that is not ours? Every verb, with options at random, in folders of every kind.

`make foreign-files` takes a tiny simulated cohort through every stage once. Then, again and again, a verb is called
with options at random in a folder of a kind at random: empty, somebody's own, ours, ours with somebody's files in it
(of names that we write, too), ours edited, with links out of it, copied. Afterwards every file that was not ours is to
hold what it held: where it was, or, edited, beside it as ``.bak``. `--bugs` plants ten bugs in turn, each of which has
to be found.
"""

import contextlib
import io
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated

import pandas as pd
import pytest
import typer

from adhd_cvae import io as files
from adhd_cvae.errors import InputError
from adhd_cvae.io import file_checksum, write_text, write_tsv
from pipelines.cli.main import main as command_line
from pipelines.cli.options import OutputDir, Seed
from pipelines.output_dir import inventory, ownership, provenance
from pipelines.output_dir.inventory import INVENTORY, WAY_IN
from pipelines.output_dir.ownership import DESCRIPTIVE, is_regenerated
from pipelines.progress import for_this_terminal

COMBINATIONS = 2000
RECIPE = """
base: smoke
name: tiny
image: {shape: [16, 16, 16], voxel_size: 12}
model: {channels: [2, 2], hidden: 4, background: 3, salient: 2}
training: {epochs: 1, batch_size: 4, vae: false}
analysis: {permutations: 19, bootstraps: 5, variables: [{name: age, scale: ratio}], batteries: {}, claims: []}
"""
NAMES = (
    *("cohort.tsv", "latents.tsv", "run.json", "report.html", "README.md", "notes.txt", "analysis/rsa.tsv"),
    *(
        "analysis/notes.txt",
        "maps/own_map.nii.gz",
        "figures/rsa.svg",
        "checkpoints/cvae.json",
        "cache/manifest.json",
    ),
    *(
        "ensemble/thesis.docx",
        "sub-01/anat/raw.nii.gz",
        "participants.tsv",
        "phenotype/mine.tsv",
        "code/run.py",
    ),
    *("configs/inference.json", "cells/a.tsv", "scratch/a.txt", "separation.tsv", "speed.tsv", "draws.npz"),
)
"""Where somebody's files are put: names that we write, and others."""


@dataclass
class Ground:
    """A dataset, its results, and what it takes to call each verb; made once."""

    folder: Path
    copy: Path | None = None
    """The dataset that goes in, where it is not the one made here."""

    @property
    def bids(self) -> Path:
        """The simulated dataset."""
        return self.copy or self.folder / "bids"

    def made_by(self, verb: str) -> Path:
        """A folder that an earlier call of the verb has left."""
        return {"simulate": self.folder / "bids", "import-burner": self.folder / "burnt"}.get(
            verb, self.results
        )

    @property
    def results(self) -> Path:
        """Its finished OUTPUT_DIR."""
        return self.folder / "results" / "out"

    @property
    def recipe(self) -> Path:
        """Settings with which a stage takes a second."""
        return self.folder / "tiny.yaml"

    @property
    def burner(self) -> Path:
        """Maps and a table of a Burner folder."""
        return self.folder / "burner"

    def make(self) -> None:
        """Simulate and run every stage, if that was not done."""
        if (self.folder / "done").exists():
            return
        write_text(RECIPE, self.recipe)
        call("simulate", self.bids, "--participants", "12", check=True)
        call("run", self.bids, self.results, "group", "--recipe", self.recipe, "--no-live", check=True)
        ids = [f"{9000001 + number}" for number in range(4)]
        for name, source in zip(ids, sorted(self.bids.glob("sub-*/anat/*.nii.gz")), strict=False):
            (self.burner / "maps").mkdir(parents=True, exist_ok=True)
            shutil.copy(source, self.burner / "maps" / f"mwrc1{name}.nii.gz")
        write_tsv(
            pd.DataFrame({"ScanDir ID": ids, "DX": [0, 1, 0, 1], "Age": 9.5, "Gender": 1}),
            self.burner / "table.tsv",
        )
        call(*VERBS["import-burner"](self, self.folder / "burnt"), check=True)
        (self.folder / "done").touch()


_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_RENAMING = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "os.link", "os.truncate")


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
            arguments = (path,) if writes else ()
        elif event not in _RENAMING:
            return
        self.written += [os.fsdecode(one) for one in arguments if isinstance(one, (str, bytes))]


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


def call(*arguments: object, check: bool = False) -> int:
    """Call the command line here, silently; return its status."""
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        try:
            command_line([str(argument) for argument in arguments])
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
    if check and status:
        raise RuntimeError(f"{arguments} ended with {status}: {quiet.getvalue()[-2000:]}")
    if "Traceback" in quiet.getvalue():
        raise RuntimeError(f"{arguments} ended in a traceback: {quiet.getvalue()[-2000:]}")
    return status


def _to(*words: str) -> Callable[[Ground, Path], list[object]]:
    """Arguments of a verb: ``{out}`` stands for the folder, ``{bids}`` and such for what the ground has."""

    def arguments(ground: Ground, out: Path) -> list[object]:
        places = {"out": out, "bids": ground.bids, "recipe": ground.recipe, "burner": ground.burner}
        return [word.format(**places, results=ground.results) for word in words]

    return arguments


VERBS = {
    "simulate": _to("simulate", "{out}", "--participants", "8"),
    "import-burner": _to("import-burner", "{burner}/maps", "{out}", "--phenotype", "{burner}/table.tsv"),
    "prepare": _to("prepare", "{bids}", "{out}", "--recipe", "{recipe}"),
    "run": _to("run", "{bids}", "{out}", "group", "--recipe", "{recipe}", "--no-live"),
    "train": _to("train", "{out}", "--no-live"),
    "embed": _to("embed", "{out}"),
    "analyse": _to("analyse", "{out}"),
    "publish": _to("publish", "{out}"),
    "export-bundle": _to("export-bundle", "{results}", "{out}"),
}
"""Each verb to its arguments."""
ELSEWHERE = {
    "demo": "simulate and run, one after the other",
    "benchmark separation": "minutes; its one door is that of the others, see tests/pipelines/cli/test_benchmark.py",
    "benchmark speed": "minutes; the same",
    "ui": "writes into no folder of results",
}
"""Verbs that are not called here, each with the reason."""
OVERWRITES = ("simulate", "prepare", "run", "train", "embed", "analyse")
CHANGES = {
    "prepare": "image.fwhm=8",
    "run": "analysis.permutations=20",
    "train": "training.batch_size=5",
    "embed": "analysis.draws=3",
    "analyse": "analysis.permutations=20",
}
"""Verb to a setting with which it has to do its work again."""


@dataclass
class Case:
    """A folder of some kind, and what in and around it is somebody's."""

    out: Path
    theirs: dict[Path, str] = field(default_factory=dict)
    """File to its checksum."""
    edited: dict[Path, str] = field(default_factory=dict)
    """File of ours to the checksum of somebody's version: it may be kept as ``.bak``."""
    closed: list[Path] = field(default_factory=list)
    """Folders to which nothing may come."""

    def lost(self) -> Iterator[str]:
        """Name what is no longer there as it was."""
        for path, checksum in self.theirs.items():
            if not path.is_file() or file_checksum(path) != checksum:
                yield f"{path} was changed"
        for path, checksum in self.edited.items():
            kept = (
                [one for one in path.parent.glob(f"{path.name}*") if one.is_file()]
                if path.parent.is_dir()
                else []
            )
            if checksum not in {file_checksum(one) for one in kept}:
                yield f"the edit of {path} was lost"
        for folder in self.closed:
            come = [one for one in folder.rglob("*") if one.is_file() and one not in self.theirs]
            yield from (f"{one} came" for one in come if one.name != INVENTORY)


def case(ground: Ground, folder: Path, verb: str, kind: str, rng: random.Random) -> Case:
    """Make a folder of a kind for a verb, in `folder`, with the dataset where it was seen from the results."""
    made = Case(folder / "results" / "out")
    shutil.copytree(ground.bids, folder / "bids")
    neighbour = folder / "neighbour"
    for name in rng.sample(NAMES, 4):
        _put(neighbour / name, rng)
    if kind in ("ours", "mixed", "taken", "edited", "linked"):
        shutil.copytree(ground.made_by(verb), made.out, symlinks=True)
    listed = inventory.read(made.out) or {}
    ours = sorted(name for name in listed if not is_regenerated(name) and name not in DESCRIPTIVE)
    if kind in ("foreign", "mixed"):
        for name in rng.sample(NAMES, rng.randint(2, 8)):
            if name not in listed and not (made.out / name).exists():
                _put(made.out / name, rng)
    if kind == "taken":  # a file of somebody's has a name that we write
        for name in rng.sample(ours, min(len(ours), 3)):
            _put(made.out / name, rng)
            del listed[name]
        inventory.rewrite(made.out, listed)
    if kind in ("foreign", "mixed", "taken"):
        _note_all(made, made.out, set(listed))
    if kind == "foreign" and not {one.name for one in made.theirs} <= WAY_IN:
        made.closed.append(made.out)
    if kind == "edited":
        for name in rng.sample(ours, min(len(ours), 5)):
            _put(made.out / name, rng)
            made.edited[made.out / name] = file_checksum(made.out / name)
    if kind == "linked":
        name = rng.choice([one.name for one in made.out.iterdir() if one.is_dir()])
        shutil.rmtree(made.out / name)
        (made.out / name).symlink_to(neighbour)
    if kind == "in a dataset":
        shutil.copytree(ground.bids, folder / "raw")
        (folder / "raw" / INVENTORY).unlink()
        write_text('{"Name": "raw", "BIDSVersion": "1.10.0"}', folder / "raw" / "dataset_description.json")
        made.out = folder / "raw" / rng.choice(("", "sub-01", "results", "derivatives"))
        made.closed.append(folder / "raw")
    made.closed.append(neighbour)
    for closed in made.closed:
        _note_all(made, closed)
    return made


KINDS = ("empty", "foreign", "ours", "mixed", "taken", "edited", "linked", "in a dataset")


def _put(path: Path, rng: random.Random) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(rng.randbytes(20))


def _note_all(made: Case, folder: Path, ours: Collection[str] = ()) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and path.name != INVENTORY and path.relative_to(folder).as_posix() not in ours:
            made.theirs[path] = file_checksum(path)


def combination(ground: Ground, seed: int) -> tuple[str, str, list[str], list[str]]:
    """Call one verb in one folder; return verb, kind, options and what was lost."""
    rng = random.Random(seed)  # noqa: S311, no secret
    verb, kind = rng.choice(sorted(VERBS)), rng.choice(KINDS)
    options = ["--overwrite"] if verb in OVERWRITES and rng.random() < 0.7 else []
    if verb in CHANGES and rng.random() < 0.8:
        options += ["--set", CHANGES[verb]]
    with tempfile.TemporaryDirectory(prefix="foreign-files-") as scratch:
        folder = Path(scratch) / "here"
        made = case(ground, folder, verb, kind, rng)
        watch().written, watch().on = [], True
        try:
            call(*VERBS[verb](Ground(ground.folder, folder / "bids"), made.out), *options)
        finally:
            watch().on = False
        elsewhere = list(written_elsewhere(watch().written, made.out, folder))
        return verb, kind, options, [*made.lost(), *elsewhere]


Bug = Callable[[pytest.MonkeyPatch], None]


def _stubborn(method: str, instead: Callable[..., object]) -> Bug:
    return lambda patch: patch.setattr(ownership.Owned, method, instead)


def _forgotten(function: str, instead: object) -> Bug:
    return lambda patch: patch.setattr(ownership, function, instead)


def _blind(self: ownership.Owned, path: Path, name: str) -> list[None]:
    if os.path.lexists(path) and self._known(name) is None:
        raise InputError(f"{path} is not ours")
    return [None]


def _clears_all(folder: Path, names: list[str]) -> None:
    for name in names:
        shutil.rmtree(folder / name, ignore_errors=True)


BUGS: dict[str, Bug] = {
    "a stage clears whole folders": lambda patch: patch.setattr(provenance, "clear", _clears_all),
    "whatever is there may be replaced": _stubborn("_allowed", lambda self, path, name: []),
    "links are not followed": _stubborn("_place", staticmethod(lambda path: path.absolute())),
    "an edit is not noticed": _stubborn("_allowed", _blind),
    "an edit is thrown away": _forgotten("_free", lambda path: path.with_name(".writing-gone")),
    "a raw dataset is like any folder": _forgotten("_refuse_raw_dataset", lambda folder, dataset: None),
    "every folder is ours": _forgotten(
        "_claim", lambda folder, way_in: (folder, inventory.read(folder) or {})
    ),
    "of an earlier version is everything": lambda patch: patch.setattr(
        inventory,
        "of_earlier_version",
        lambda folder: {
            one.relative_to(folder).as_posix(): [None] for one in folder.rglob("*") if one.is_file()
        },
    ),
    "tables count as regenerated": _forgotten("REGENERATED", ("cache", "checkpoints", "analysis")),
    "nobody is asked": lambda patch: patch.setattr(files, "_guards", _Nobody()),
}
"""Bug to what plants it."""


class _Nobody(list):
    """Guards that are never asked."""

    def __iter__(self) -> Iterator[object]:
        return iter(())


def bugs_found(ground: Ground, most: int, bugs: Mapping[str, Bug] = BUGS) -> dict[str, int | None]:
    """Plant each bug in turn; return after how many combinations it was found, None where it was not."""
    found: dict[str, int | None] = {}
    for name, plant in bugs.items():
        found[name] = None
        for seed in range(most):
            with pytest.MonkeyPatch.context() as patch:
                plant(patch)
                with contextlib.suppress(RuntimeError):
                    if combination(ground, seed)[3]:
                        found[name] = seed + 1
                        break
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
    ground.make()
    if bugs:
        found = bugs_found(ground, combinations)
        print("\n".join(f"{name}: {at or 'NOT FOUND'}" for name, at in found.items()))
        sys.exit(None in found.values())
    path = folder / "foreign_files.tsv"
    rows = pd.read_csv(path, sep="\t", keep_default_na=False).to_dict("records") if path.is_file() else []
    done = {row["seed"] for row in rows}
    pending = [one for one in range(seed, seed + combinations) if one not in done]
    with for_this_terminal().bar("Foreign files") as tick:
        for number, one in enumerate(pending, start=1):
            verb, kind, options, lost = combination(ground, one)
            rows.append(
                {
                    "seed": one,
                    "verb": verb,
                    "kind": kind,
                    "options": " ".join(options),
                    "lost": "; ".join(lost),
                }
            )
            if number % 20 == 0 or number == len(pending):
                write_tsv(pd.DataFrame(rows), path)
            tick(number, len(pending), f"{sum(bool(row['lost']) for row in rows)} lost something")
    found = [row for row in rows if row["lost"]]
    print(f"{len(rows)} combinations, {len(found)} touched what was not ours: {found[:5]}")
    sys.exit(bool(found))


if __name__ == "__main__":
    typer.run(main)
