"""Folders of every kind, and the verbs that are called in them: what the campaign of foreign files draws from."""

import contextlib
import io
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from adhd_cvae.io import file_checksum, write_text, write_tsv
from pipelines.cli.main import main as command_line
from pipelines.output_dir import inventory
from pipelines.output_dir.inventory import INVENTORY, WAY_IN

RECIPE = """
base: smoke
name: tiny
image: {shape: [16, 16, 16], voxel_size: 12}
model: {patch: 8, patch_features: 2, hidden: 4, background: 3, salient: 2}
training: {epochs: 1, batch_size: 4, vae: false}
analysis: {permutations: 19, bootstraps: 5, variables: [{name: age, scale: ratio}], batteries: {}, claims: []}
"""
NAMES = (
    *("cohort.tsv", "latents.tsv", "run.json", "report.html", "README.md", "notes.txt", "draws.npz"),
    *("analysis/rsa.tsv", "analysis/notes.txt", "maps/own_map.nii.gz", "figures/rsa.svg"),
    *("checkpoints/cvae.json", "cache/manifest.json", "ensemble/thesis.docx", "configs/inference.json"),
    *("sub-01/anat/raw.nii.gz", "participants.tsv", "phenotype/mine.tsv", "code/run.py", "scratch/a.txt"),
    *("cells/a.tsv", "separation.tsv", "speed.tsv", "bids/notes.txt", "derivatives/adhd-cvae/mine.tsv"),
)
"""Where somebody's files are put: names that we write, and others."""
_REMADE = {"cache", "checkpoints", "run.json"}
"""Folders and files whose edits need not be kept."""
_ADDED_TO = {"dataset_description.json", "README.md", ".bidsignore"}
"""Files that are left as somebody edited them."""


def call(*arguments: object, check: bool = False) -> str:
    """Call the command line here, silently; return its last words where it ends in a traceback.

    Raises
    ------
    RuntimeError
        It did not end well, and that was asked for.
    """
    said, status = io.StringIO(), 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            command_line([str(argument) for argument in arguments])
        except SystemExit as ended:
            status = int(ended.code or 0)
    if check and status:
        raise RuntimeError(f"{arguments} ended with {status}: {said.getvalue()[-2000:]}")
    return said.getvalue()[-300:] if "Traceback" in said.getvalue() else ""


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

    @property
    def results(self) -> Path:
        """Its finished OUTPUT_DIR, with a store beside it."""
        return self.folder / "results" / "out"

    @property
    def recipe(self) -> Path:
        """Settings with which a stage takes a second."""
        return self.folder / "tiny.yaml"

    @property
    def burner(self) -> Path:
        """Maps and a table of a Burner folder."""
        return self.folder / "burner"

    def made_by(self, verb: str) -> Path:
        """A folder that an earlier call of the verb has left."""
        alone = {"simulate": "bids", "import-burner": "burnt", "demo": "demo", "export-bundle": "bundle"}
        name = "benchmark" if verb.startswith("benchmark") else alone.get(verb)
        return self.folder / name if name else self.results

    def make(self) -> None:
        """Call every verb once, if that was not done."""
        if (self.folder / "done").exists():
            return
        write_text(RECIPE, self.recipe)
        call("simulate", self.bids, "--participants", "12", check=True)
        call(*VERBS["run"](self, self.results), check=True)
        ids = [f"{9000001 + number}" for number in range(4)]
        for name, source in zip(ids, sorted(self.bids.glob("sub-*/anat/*.nii.gz")), strict=False):
            (self.burner / "maps").mkdir(parents=True, exist_ok=True)
            shutil.copy(source, self.burner / "maps" / f"mwrc1{name}.nii.gz")
        write_tsv(
            pd.DataFrame({"ScanDir ID": ids, "DX": [0, 1, 0, 1], "Age": 9.5, "Gender": 1}),
            self.burner / "table.tsv",
        )
        for verb in ("import-burner", "demo", "export-bundle", "benchmark separation", "benchmark speed"):
            call(*VERBS[verb](self, self.made_by(verb)), check=True)
        (self.folder / "done").touch()


def _to(words: str) -> Callable[[Ground, Path], list[object]]:
    """Arguments of a verb: ``{out}`` stands for the folder, ``{bids}`` and such for what the ground has."""

    def arguments(ground: Ground, out: Path) -> list[object]:
        places = {"out": out, "bids": ground.bids, "recipe": ground.recipe, "burner": ground.burner}
        return [word.format(**places, results=ground.results) for word in words.split()]

    return arguments


VERBS = {
    "simulate": _to("simulate {out} --participants 8"),
    "import-burner": _to("import-burner {burner}/maps {out} --phenotype {burner}/table.tsv"),
    "init": _to("init {bids} {out}"),
    "prepare": _to("prepare {bids} {out} --recipe {recipe}"),
    "run": _to("run {bids} {out} group --recipe {recipe} --no-live"),
    "run participant": _to("run {bids} {out} participant --model models:/adhd-cvae@champion"),
    "train": _to("train {out} --no-live"),
    "embed": _to("embed {out}"),
    "analyse": _to("analyse {out}"),
    "publish": _to("publish {out}"),
    "export-bundle": _to("export-bundle {results} {out}"),
    "demo": _to("demo {out} --participants 12 --recipe {recipe} --no-live"),
    "benchmark separation": _to("benchmark separation {out} --quick --jobs 1 --methods pca"),
    "benchmark speed": _to("benchmark speed {out}"),
    "background": _to(
        "background {bids} {out} --recipe {recipe} --set reference.least_participants=10 --set cohort.group=none"
    ),
    "sensitivity": _to(
        "sensitivity {bids} {out} --recipe {recipe} --jobs 1 --set cohort.group=none --set sensitivity.cohorts=5 "
        "--set sensitivity.null_cohorts=20 --set sensitivity.fewest_controls=12 "
        "--set image.min_template_correlation=null"
    ),
    "compare": _to("compare {results} {out}"),
    "ui": _to("ui {out}"),
}
"""Each verb, and each level of `run`, to its arguments."""
OPTIONS = {
    "simulate": ["--overwrite", "--seed 1"],
    "prepare": ["--overwrite", "--set image.fwhm=8"],
    "run": ["--overwrite", "--set analysis.permutations=20", "--seeds 2"],
    "run participant": ["--overwrite"],
    "train": ["--overwrite", "--set training.batch_size=5"],
    "embed": ["--overwrite", "--set analysis.draws=3"],
    "analyse": ["--overwrite", "--set analysis.permutations=20"],
    "publish": ["--promote"],
    "demo": ["--overwrite", "--null"],
    "benchmark separation": ["--overwrite", "--set image.fwhm=8"],
    "benchmark speed": ["--overwrite"],
    "sensitivity": ["--overwrite", "--quick", "--set sensitivity.subtypes=true"],
}
"""Verb to options, of which each is given or not."""


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
    if kind in ("foreign", "mixed"):
        _mix(made, rng)
        if kind == "foreign" and verb != "demo" and not {one.name for one in made.theirs} <= WAY_IN:
            made.closed.append(made.out)
    if kind in ("taken", "edited"):
        _take(made, rng, edited=kind == "edited")
    if kind == "linked":
        parts = [one.parent for one in made.out.rglob(INVENTORY)]
        linked = rng.choice(
            sorted(one for part in parts for one in part.iterdir() if one.is_dir()) or [made.out]
        )
        shutil.rmtree(linked)
        linked.symlink_to(neighbour)
    if kind == "in a dataset":
        shutil.copytree(ground.bids, folder / "raw")
        (folder / "raw" / INVENTORY).unlink()
        write_text('{"Name": "raw", "BIDSVersion": "1.10.0"}', folder / "raw" / "dataset_description.json")
        made.out = folder / "raw" / rng.choice(("", "sub-01", "results", "derivatives"))
        made.closed += [one for one in (folder / "raw").iterdir() if one.is_dir()] if verb == "demo" else []
        made.closed += [folder / "raw"] if verb != "demo" or made.out.name != "derivatives" else []
    _store(made, ground, rng)
    made.closed.append(neighbour)
    for closed in made.closed:
        _note_all(made, closed)
    return made


def _mix(made: Case, rng: random.Random) -> None:
    """Put files of somebody's among what is there."""
    for name in rng.sample(NAMES, rng.randint(2, 8)):
        if not (made.out / name).exists():
            _put(made.out / name, rng)
            made.theirs[made.out / name] = file_checksum(made.out / name)


def _take(made: Case, rng: random.Random, *, edited: bool) -> None:
    """Put somebody's content under names of ours: edited where the inventory goes on naming them, else theirs."""
    for part in sorted(one.parent for one in made.out.rglob(INVENTORY)):
        listed = inventory.read(part) or {}
        ours = sorted(name for name in listed if not (_REMADE & {*name.split("/")} or name in _ADDED_TO))
        for name in rng.sample(ours, min(len(ours), rng.randint(1, 4))):
            _put(part / name, rng)
            (made.edited if edited else made.theirs)[part / name] = file_checksum(part / name)
            if not edited:
                del listed[name]
        inventory.rewrite(part, listed)


def _store(made: Case, ground: Ground, rng: random.Random) -> None:
    """Put a store beside the folder: ours, another program's, something else, or none."""
    beside, kind = made.out.parent, rng.choice(("none", "ours", "ours", "of a program", "no database"))
    in_dataset = any(beside in (one, *one.parents) for one in made.closed)  # a store of ours there is ours
    if kind == "none" or (kind == "ours" and in_dataset):
        return
    beside.mkdir(parents=True, exist_ok=True)
    database = beside / "mlflow.db"
    if kind == "ours":
        shutil.copy(ground.results.parent / "mlflow.db", database)
        shutil.copytree(ground.results.parent / "mlflow-artifacts", beside / "mlflow-artifacts")
        return
    if kind == "of a program":
        with contextlib.closing(sqlite3.connect(database)) as theirs:
            theirs.execute("CREATE TABLE experiments (name TEXT)")
    else:
        _put(database, rng)
    made.theirs[database] = file_checksum(database)


KINDS = ("empty", "foreign", "ours", "mixed", "taken", "edited", "linked", "in a dataset")


def _put(path: Path, rng: random.Random) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(rng.randbytes(20))


def _note_all(made: Case, folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and path.name != INVENTORY:
            made.theirs[path] = file_checksum(path)
