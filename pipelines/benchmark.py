"""How fast this machine is, and how well planted effects are separated: tidy tables, measured here."""

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from scipy import ndimage

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.files import write_tsv
from adhd_cvae.simulation import Atlas, SimulationConfig
from pipelines import analyse, embed, prepare, simulate, train
from pipelines.evidence import gather
from pipelines.nifti import save_nifti
from pipelines.paths import BidsInput, OutputPaths
from pipelines.progress import Progress, Silent
from pipelines.record import RunRecord

BURNER_SHAPE = (121, 145, 121)
BURNER_AFFINE = np.array([[1.5, 0, 0, -90], [0, 1.5, 0, -126], [0, 0, 1.5, -72], [0, 0, 0, 1]])
MAPS = 8
STEPS = 3
EFFECTS = (0.4, 0.8, 1.2)
PARTICIPANTS = 120


def run(what: str, folder: Path, recipe: Recipe, progress: Progress) -> str:
    """Measure ``speed`` or ``separation``; write ``<what>.tsv`` in `folder` and return it as text."""
    table = speed(folder, recipe, progress) if what == "speed" else separation(folder, recipe, progress)
    path = folder / f"{what}.tsv"
    write_tsv(table, path)
    return f"{table.to_string(index=False)}\n\nWritten to {path}"


def speed(folder: Path, recipe: Recipe, progress: Progress) -> pd.DataFrame:
    """Time preparing Burner-size maps against the study's cubic zoom, and a training step; medians."""
    from adhd_cvae.maps import load_map

    with progress.bar("Measuring speed") as tick:
        tick(0, 3, "writing maps")
        path = folder / "burner_size.nii.gz"
        template = Atlas(3).template
        factors = [wanted / size for wanted, size in zip(BURNER_SHAPE, template.shape, strict=True)]
        volume = np.asarray(ndimage.zoom(template, factors, order=1), dtype=np.float32)
        save_nifti(volume, BURNER_AFFINE, path)
        tick(1, 3, "preparing")
        ours = _median_seconds(lambda: load_map(path, recipe.image))
        to_cube = [wanted / size for wanted, size in zip(recipe.image.shape, BURNER_SHAPE, strict=True)]
        theirs = _median_seconds(
            lambda: ndimage.zoom(
                nib.Nifti1Image.from_filename(path).get_fdata(dtype=np.float32), to_cube, order=3
            )
        )
        tick(2, 3, "training")
        step = _training_step(folder, recipe)
        path.unlink()
        tick(3, 3, "")
    rows = [
        ("read, resample and smooth one map", ours, "s"),
        ("the study's way: read and cubic zoom of one map", theirs, "s"),
        ("ratio of their time to ours", theirs / ours, ""),
        (f"training step, {recipe.training.batch_size} + {recipe.training.batch_size} maps", step, "s"),
        ("peak memory of this process", _peak_gib(), "GiB"),
    ]
    return pd.DataFrame(rows, columns=["measure", "value", "unit"])


def separation(folder: Path, recipe: Recipe, progress: Progress) -> pd.DataFrame:
    """Recover planted severities at several effect sizes, from every space and linear baseline."""
    tables = []
    with progress.bar("Measuring separation") as tick:
        for done, effect in enumerate(EFFECTS):
            tick(done, len(EFFECTS), f"d = {effect}")
            started = time.monotonic()
            scores = _recover(folder / f"d-{effect}", recipe, effect)
            scores.insert(0, "cohens_d", effect)
            tables.append(scores.assign(seed=recipe.seed, seconds=round(time.monotonic() - started, 1)))
        tick(len(EFFECTS), len(EFFECTS), "")
    return pd.concat(tables, ignore_index=True)


def _recover(folder: Path, recipe: Recipe, effect: float) -> pd.DataFrame:
    quiet = Silent()
    config = SimulationConfig(participants=PARTICIPANTS, seed=recipe.seed, cohens_d=effect)
    paths = OutputPaths(folder / "derivatives" / "adhd-cvae")
    simulate.run(folder / "bids", config, quiet)
    prepare.run(paths, recipe, BidsInput(folder / "bids"), quiet)
    train.run(paths, recipe, quiet)
    embed.run(paths, recipe, quiet)
    truth = analyse.find_truth(paths, RunRecord.open(paths))
    if truth is None:
        raise InputError(f"{folder / 'bids'} holds no planted truth. Delete {folder} and measure again.")
    return analyse.recovery(gather(paths, recipe.analysis), truth, recipe.seed)


def _training_step(folder: Path, recipe: Recipe) -> float:
    """Seconds per step of an epoch on random maps, evaluation included."""
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
    once = recipe.model_copy(
        update={
            "training": recipe.training.model_copy(update={"epochs": 1, "vae": False}),
            "model": recipe.model.model_copy(update={"start": "random"}),
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        history = fit(images, cohort, once, Path(scratch)).history
    return float(history["seconds"].iloc[-1]) / STEPS


def _median_seconds(call: Callable[[], object]) -> float:
    def once() -> float:
        started = time.perf_counter()
        call()
        return time.perf_counter() - started

    call()  # the first call loads what later ones find ready
    return statistics.median(once() for _ in range(MAPS))


def _peak_gib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**30 if sys.platform == "darwin" else peak / 2**20
