"""How fast this machine indexes, prepares, trains and relates, beside others' ways to do the same, in one run."""

import gzip
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from scipy import ndimage

from adhd_cvae.config import ImageConfig, Recipe
from adhd_cvae.files import write_json, write_tsv
from adhd_cvae.simulation import Atlas
from bids_adapters.index import index_images
from pipelines import prepare
from pipelines.benchmarks.similarity_speed import PERMUTATIONS, similarity_rows
from pipelines.benchmarks.timing import Row, measured, peak_gib, ratio, timed
from pipelines.paths import BidsInput, OutputPaths
from pipelines.progress import Progress, Silent, Tick

BURNER_SHAPE = (121, 145, 121)
BURNER_AFFINE = np.array([[-1.5, 0, 0, 90], [0, 1.5, 0, -126], [0, 0, 1.5, -72], [0, 0, 0, 1]])
MAPS = 24
ROUNDS = 3
STUDY_MAPS = 6
"""Maps zoomed the study's way in each round, which takes a tenth of a second each."""
PARTICIPANTS = 1000
STEPS = 3
FILES = (
    "desc-brain_mask.nii.gz",
    "desc-preproc_T1w.nii.gz",
    "dseg.nii.gz",
    "label-CSF_probseg.nii.gz",
    "label-GM_probseg.nii.gz",
    "label-WM_probseg.nii.gz",
)
"""Derivatives of each participant of the indexed dataset."""
_DESCRIPTION = {
    "Name": "benchmark",
    "BIDSVersion": "1.10.0",
    "DatasetType": "derivative",
    "GeneratedBy": [{"Name": "benchmark"}],
}


def measure_speed(
    folder: Path,
    recipe: Recipe,
    progress: Progress,
    maps: int = MAPS,
    participants: int = PARTICIPANTS,
    permutations: int = PERMUTATIONS,
) -> pd.DataFrame:
    """Take every measure; files are made in a temporary folder inside `folder`.

    Parameters
    ----------
    maps, participants
        Prepared and indexed.
    permutations
        Of the table of relations.

    Returns
    -------
    pandas.DataFrame
        `measure`, `median`, `lowest`, `highest`, `unit`; of a ratio the extremes are those of the worst and the
        best luck with both its parts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name, progress.bar("Measuring speed") as tick:
        scratch = Path(name)
        rows = [
            *_preparing(scratch, "nii", maps, recipe, tick),
            *_preparing(scratch, "nii.gz", maps, recipe, tick),
            measured("peak memory of this process so far", [peak_gib()], "GiB"),
            *_indexing(scratch / "index", participants, tick),
        ]
        tick(0, 1, "training")
        batch = recipe.training.batch_size
        rows.append(measured(f"training step, {batch} + {batch} maps", _training_steps(scratch, recipe), "s"))
        rows += similarity_rows(permutations, progress, tick)
    return pd.DataFrame(rows)


def _write_maps(bids_dir: Path, ending: str, maps: int, tick: Tick) -> list[Path]:
    """Write a derivative dataset of Burner-size maps: NaN outside the brain, each with its own values."""
    template = Atlas(3)
    onto = np.linalg.inv(template.affine) @ BURNER_AFFINE
    brain = ndimage.affine_transform(
        template.template, onto[:3], output_shape=BURNER_SHAPE, order=1, mode="constant"
    )
    brain[brain < 0.001] = np.nan
    rng = np.random.default_rng(0)
    paths = []
    for number in range(maps):
        tick(number, maps, f"writing .{ending} maps")
        who = f"sub-{number + 1:07d}"
        path = bids_dir / who / "anat" / f"{who}_space-MNI152NLin6Asym_label-GM_probseg.{ending}"
        path.parent.mkdir(parents=True)
        factors = rng.normal(1, 0.05, (*BURNER_SHAPE[:2], 1)).astype(np.float32)
        nib.Nifti1Image(brain * factors, BURNER_AFFINE).to_filename(path)
        paths.append(path)
    write_json(_DESCRIPTION, bids_dir / "dataset_description.json")
    people = [path.parent.parent.name for path in paths]
    table = pd.DataFrame({"participant_id": people, "dx": np.arange(maps) % 2, "site": 1})
    write_tsv(table, bids_dir / "participants.tsv")
    return paths


def _zoom(path: Path, image: ImageConfig) -> np.ndarray:
    """The study's way: the array alone, NaN as zero, a cubic zoom."""
    values = np.nan_to_num(nib.Nifti1Image.from_filename(path).get_fdata())
    factors = [wanted / size for wanted, size in zip(image.shape, values.shape, strict=True)]
    return np.asarray(ndimage.zoom(values, factors, order=3))


def _preparing(scratch: Path, ending: str, maps: int, recipe: Recipe, tick: Tick) -> list[Row]:
    """Time per map, ours and the study's in turns, then a call of the command that finds all done."""
    from adhd_cvae.dataset import prepare_images

    bids_dir = scratch / f"maps-{ending}"
    paths = _write_maps(bids_dir, ending, maps, tick)
    prepare_images(paths[:2], recipe.image, scratch / "cache-first", lambda done, total: None)
    times: dict[str, list[float]] = {"ours": [], "ours_cpu": [], "study": [], "study_cpu": []}
    for turn in range(ROUNDS):
        tick(turn, ROUNDS, f"preparing .{ending} maps")
        cache = scratch / f"cache-{ending}-{turn}"
        wall, busy = time.perf_counter(), time.process_time()
        prepare_images(paths, recipe.image, cache, lambda done, total: None)
        times["ours"].append((time.perf_counter() - wall) / maps)
        times["ours_cpu"].append((time.process_time() - busy) / maps)
        for path in paths[:STUDY_MAPS]:
            wall, busy = time.perf_counter(), time.process_time()
            _zoom(path, recipe.image)
            times["study"].append(time.perf_counter() - wall)
            times["study_cpu"].append(time.process_time() - busy)
    tick(0, 1, f"calling prepare again on .{ending} maps")
    again = _second_calls(bids_dir, scratch / f"out-{ending}", recipe)
    kind = f"one .{ending} map"
    return [
        measured(f"prepare {kind}, all cores", times["ours"], "s"),
        measured(f"the study's way, {kind}", times["study"], "s"),
        ratio(f"the study's time to ours, {kind}", times["study"], times["ours"]),
        ratio(f"the same in processor time, {kind}", times["study_cpu"], times["ours_cpu"]),
        measured(f"adhd-cvae prepare on {maps} .{ending} maps, nothing to do", again, "s"),
    ]


def _second_calls(bids_dir: Path, output: Path, recipe: Recipe) -> list[float]:
    """Seconds of a whole new process that finds the stage done, imports included."""
    prepare.run(OutputPaths(output), recipe, BidsInput(bids_dir), Silent())
    call = [sys.executable, "-m", "pipelines.cli", "prepare", str(bids_dir), str(output), "--recipe"]
    again = [*call, recipe.name]
    return [timed(lambda: subprocess.run(again, check=True, capture_output=True)) for _ in range(ROUNDS)]


def _indexing(bids_dir: Path, participants: int, tick: Tick) -> list[Row]:
    """Time to index derivatives with no cache, with one, and by pybids alone."""
    from bids import BIDSLayout

    tiny = gzip.compress(nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)).to_bytes())
    for number in range(participants):
        who = f"sub-{number + 1:04d}"
        (bids_dir / who / "anat").mkdir(parents=True)
        for file in FILES:
            path = bids_dir / who / "anat" / f"{who}_space-MNI152NLin2009cAsym_{file}"
            path.write_bytes(tiny)
    write_json(_DESCRIPTION, bids_dir / "dataset_description.json")
    cold, warm, plain = [], [], []
    for turn in range(ROUNDS):
        tick(turn, ROUNDS, f"indexing {participants} participants")
        cache = bids_dir.parent / f"index-cache-{turn}"
        cold.append(timed(lambda kept=cache: index_images(bids_dir, kept)))
        warm.append(timed(lambda kept=cache: index_images(bids_dir, kept)))
        plain.append(timed(lambda: BIDSLayout(bids_dir, validate=False, is_derivative=True)))
    files = f"{participants} participants × {len(FILES)} files"
    return [
        measured(f"index {files}, cold", cold, "s"),
        measured(f"index {files}, warm", warm, "s"),
        measured(f"BIDSLayout(...) of {files}", plain, "s"),
        ratio("BIDSLayout's time to ours, cold", plain, cold),
        ratio("BIDSLayout's time to ours, warm", plain, warm),
    ]


def _training_steps(folder: Path, recipe: Recipe) -> list[float]:
    """Seconds per step of each epoch on random maps, evaluation included."""
    from adhd_cvae.training import train as fit

    batch = recipe.training.batch_size
    people = 2 * batch * STEPS
    rng = np.random.default_rng(0)
    images = rng.random((people, *recipe.image.shape), dtype=np.float32).astype(np.float16)
    cohort = pd.DataFrame(
        {
            "participant_id": [f"sub-{number}" for number in range(people)],
            "group": np.where(np.arange(people) % 2, "target", "background"),
            "split": "train",
        }
    )
    changes = {"epochs": ROUNDS, "patience": ROUNDS, "vae": False}
    short = recipe.model_copy(
        update={
            "training": recipe.training.model_copy(update=changes),
            "model": recipe.model.model_copy(update={"start": "random"}),
        }
    )
    history = fit(images, cohort, short, folder / "checkpoints").history
    return [float(seconds) / STEPS for seconds in history["seconds"].iloc[-ROUNDS:]]
