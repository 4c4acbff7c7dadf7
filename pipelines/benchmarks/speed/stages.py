"""How fast this machine indexes, prepares and trains, beside pybids and the study's own way, in one run."""

import gzip
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from scipy import ndimage

from adhd_cvae.config import ImageConfig, Recipe
from adhd_cvae.io import write_json, write_tsv
from adhd_cvae.simulation.cohort import Atlas, SimulationConfig
from bids_adapters.derivatives import write_description
from bids_adapters.images.index import index_images
from pipelines.benchmarks.speed.demo import demo_rows, rate_rows
from pipelines.benchmarks.speed.measures import Row, peak_gib, ratio, row, timed
from pipelines.benchmarks.speed.rsa import Size, statistic_seconds, table_seconds
from pipelines.benchmarks.speed.training_step import step_rows
from pipelines.progress import Progress, Tick

BURNER_SHAPE = (121, 145, 121)
BURNER_AFFINE = np.array([[-1.5, 0, 0, 90], [0, 1.5, 0, -126], [0, 0, 1.5, -72], [0, 0, 0, 1]])
ROUNDS = 3
STUDY_MAPS = 6
"""Maps zoomed the study's way in each round, which takes a tenth of a second each."""
PARTICIPANTS = 1000
FILES = (
    "desc-brain_mask.nii.gz",
    "desc-preproc_T1w.nii.gz",
    "dseg.nii.gz",
    "label-CSF_probseg.nii.gz",
    "label-GM_probseg.nii.gz",
    "label-WM_probseg.nii.gz",
)
"""Derivatives of each participant of the indexed dataset."""


def measure_speed(
    recipe: Recipe,
    progress: Progress,
    maps: int,
    *,
    participants: int = PARTICIPANTS,
    size: Size | None = None,
    demo: SimulationConfig | None = None,
) -> pd.DataFrame:
    """Take every measure; files are made in a temporary folder. The cohort of `demo` goes through every stage.

    Returns
    -------
    pandas.DataFrame
        `measure`, `median`, `lowest`, `highest`, `unit`; of a ratio the extremes are those of the worst and the
        best luck with both its parts.
    """
    if find_spec("rsatoolbox") is None:
        progress.line("rsatoolbox is not installed: tau is timed beside scipy's alone.")
    with tempfile.TemporaryDirectory() as name, progress.bar("Measuring speed") as tick:
        scratch = Path(name)
        rows = [
            *_similarity(size or Size(), tick),  # first: memory is the most that the process ever held
            *_preparing(scratch, "nii", maps, recipe.image, tick),
            *_preparing(scratch, "nii.gz", maps, recipe.image, tick),
            row("peak memory of this process so far", [peak_gib()], "GiB"),
            *_indexing(scratch / "index", participants, tick),
        ]
        tick(0, 1, "calling prepare again")
        write_json(recipe.model_dump(mode="json"), scratch / "recipe.yaml")
        again = _second_calls(scratch / "maps-nii", scratch / "out", scratch / "recipe.yaml")
        rows.append(row(f"adhd-cvae prepare on {maps} .nii maps, nothing to do", again, "s"))
        tick(0, 1, "training")
        products, memory = rates = rate_rows()
        trained = 2 * recipe.training.batch_size if demo is None else demo.participants
        per_second = {"products": products["median"], "memory": memory["median"]}
        rows += [*rates, *step_rows(recipe, 3 * ROUNDS, participants=trained, **per_second)]
        if demo is not None:
            tick(0, 1, "the demo")
            rows += demo_rows(recipe, demo, scratch / "demo")
        tick(1, 1)
    return pd.DataFrame(rows)


def _similarity(size: Size, tick: Tick) -> list[Row]:
    """Time and memory of the whole RSA table, then single statistics beside other libraries."""
    tick(0, 1, f"RSA: {size}")
    table_seconds(Size(20, 5, 5))  # compiles
    rows = [row(f"RSA table: {size}", [table_seconds(size)], "s")]
    rows.append(row("peak memory after the RSA table", [peak_gib()], "GiB"))
    for variable, scale in (("age", "ratio, no ties"), ("index", "ratio, ties"), ("site", "nominal")):
        seconds = statistic_seconds(variable, size, ROUNDS)
        ours = seconds.pop("ours")
        rows.append(row(f"one permuted tau, {scale}", ours, "s"))
        rows += [ratio(f"{name}'s time to ours, {scale}", theirs, ours) for name, theirs in seconds.items()]
    return rows


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
        name = f"sub-{number + 1:07d}"
        path = bids_dir / name / "anat" / f"{name}_space-MNI152NLin6Asym_label-GM_probseg.{ending}"
        path.parent.mkdir(parents=True)
        factors = rng.normal(1, 0.05, (*BURNER_SHAPE[:2], 1)).astype(np.float32)
        nib.Nifti1Image(brain * factors, BURNER_AFFINE).to_filename(path)
        paths.append(path)
    write_description(bids_dir, "benchmark", "benchmark")
    names = [path.parent.parent.name for path in paths]
    table = pd.DataFrame({"participant_id": names, "dx": np.arange(maps) % 2, "site": 1})
    write_tsv(table, bids_dir / "participants.tsv")
    return paths


def _zoom(path: Path, image: ImageConfig) -> np.ndarray:
    """The study's way: the array alone, NaN as zero, a cubic zoom."""
    values = np.nan_to_num(nib.Nifti1Image.from_filename(path).get_fdata())
    factors = [wanted / size for wanted, size in zip(image.shape, values.shape, strict=True)]
    return np.asarray(ndimage.zoom(values, factors, order=3))


def _both_clocks(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds of a call, by the wall and of the processor."""
    busy = time.process_time()
    wall = timed(call)
    return wall, time.process_time() - busy


def _preparing(scratch: Path, ending: str, maps: int, image: ImageConfig, tick: Tick) -> list[Row]:
    """Time per map, ours and the study's in turns."""
    from adhd_cvae.images.cache import prepare_images

    bids_dir = scratch / f"maps-{ending}"
    paths = _write_maps(bids_dir, ending, maps, tick)
    prepare_images(paths[:2], image, scratch / "cache-first", lambda done, total: None)
    ours, study = [], []
    for turn in range(ROUNDS):
        tick(turn, ROUNDS, f"preparing .{ending} maps")
        cache = scratch / f"cache-{ending}-{turn}"
        ours.append(
            _both_clocks(lambda kept=cache: prepare_images(paths, image, kept, lambda done, total: None))
        )
        study += [_both_clocks(lambda file=path: _zoom(file, image)) for path in paths[:STUDY_MAPS]]
    ours, ours_cpu = np.transpose(ours) / maps
    study, study_cpu = np.transpose(study)
    kind = f"one .{ending} map"
    return [
        row(f"prepare {kind}, all cores", ours, "s"),
        row(f"the study's way, {kind}", study, "s"),
        ratio(f"the study's time to ours, {kind}", study, ours),
        ratio(f"the same in processor time, {kind}", study_cpu, ours_cpu),
    ]


def _second_calls(bids_dir: Path, output: Path, recipe_file: Path) -> list[float]:
    """Seconds of a whole new process that finds the stage done, imports included."""
    call = [sys.executable, "-m", "adhd_cvae", "prepare", str(bids_dir), str(output)]

    def prepare() -> None:
        subprocess.run([*call, "--recipe", str(recipe_file)], check=True, capture_output=True)

    prepare()
    return [timed(prepare) for _ in range(ROUNDS)]


def _indexing(bids_dir: Path, participants: int, tick: Tick) -> list[Row]:
    """Time to index derivatives with no cache, with one, and by pybids alone."""
    from bids import BIDSLayout

    tiny = gzip.compress(nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)).to_bytes())
    for number in range(participants):
        name = f"sub-{number + 1:04d}"
        (bids_dir / name / "anat").mkdir(parents=True)
        for file in FILES:
            path = bids_dir / name / "anat" / f"{name}_space-MNI152NLin2009cAsym_{file}"
            path.write_bytes(tiny)
    write_description(bids_dir, "benchmark", "benchmark")
    cold, warm, plain = [], [], []
    for turn in range(ROUNDS):
        tick(turn, ROUNDS, f"indexing {participants} participants")
        cache = bids_dir.parent / f"index-cache-{turn}"
        cold.append(timed(lambda kept=cache: index_images(bids_dir, kept)))
        warm.append(timed(lambda kept=cache: index_images(bids_dir, kept)))
        plain.append(timed(lambda: BIDSLayout(bids_dir, validate=False, is_derivative=True)))
    files = f"{participants} participants × {len(FILES)} files"
    return [
        row(f"index {files}, cold", cold, "s"),
        row(f"index {files}, warm", warm, "s"),
        row(f"BIDSLayout(...) of {files}", plain, "s"),
        ratio("BIDSLayout's time to ours, cold", plain, cold),
        ratio("BIDSLayout's time to ours, warm", plain, warm),
    ]
