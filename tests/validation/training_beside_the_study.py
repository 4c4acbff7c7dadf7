"""What training costs beside the study's network on the same maps: processor time, memory and held-out error."""

import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
import typer

from adhd_cvae.config import ImageConfig, Recipe
from adhd_cvae.io import read_json, read_tsv, write_json, write_tsv
from adhd_cvae.names import TARGET
from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.benchmarks.speed.measures import peak_gib
from pipelines.cli.options import OutputDir, Overrides, RecipeName
from pipelines.progress import Progress, for_this_terminal
from pipelines.recipes.loader import load_recipe

PARTICIPANTS = 96
EPOCHS = 8
OURS, STUDY = "ours", "the study's network"


class Cost(NamedTuple):
    """What one model took and reached."""

    processor: float
    """Seconds of all cores, from the maps in memory to the trained model."""
    memory: float
    """Peak of the process, GiB, maps and libraries included."""
    unexplained: float
    """Held-out participants' residual over total sum of squares around the training mean, in gray matter."""
    weights: int


def measure_training(
    folder: Path,
    recipe: Recipe,
    progress: Progress,
    *,
    participants: int = PARTICIPANTS,
    epochs: int = EPOCHS,
) -> pd.DataFrame:
    """Train the study's network for some epochs, ours until it is as good, each in a process of its own.

    Ours is the linear start alone where that is enough, which it has been whenever measured; with all its epochs
    beside. The study's network is the recipe ``as-published`` on our grid and smoothing: 202 million weights, two
    strided convolutions, 128 hidden units, 16 + 16 maps a batch, single precision. What is measured already is kept
    in `folder`.

    Returns
    -------
    pandas.DataFrame
        `model`, `epochs`, `weights`, `processor_s`, `memory_gib`, `unexplained`, `times_processor` and
        `times_memory` (the study's network's over the row's)
    """
    from pipelines.benchmarks.separation.cohorts import simulate_maps

    study = load_recipe("as-published").model_copy(update={"image": _image(recipe), "seed": recipe.seed})
    asked = [
        (STUDY, study, epochs),
        (f"{OURS}, linear start", recipe, 0),
        (f"{OURS}, trained", recipe, epochs),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory(dir=folder) as name, progress.bar("Measuring training") as tick:
        scratch = Path(name)
        tick(0, len(asked), "simulating maps")
        config = SimulationConfig(participants=participants, seed=recipe.seed)
        cohort = simulate_maps(config, recipe.cohort.site, recipe.image)
        np.save(scratch / "images.npy", cohort.images)
        np.save(scratch / "held_out.npy", cohort.is_held_out)
        write_tsv(cohort.table, scratch / "cohort.tsv")
        for done, (model, settings, count) in enumerate(asked):
            tick(done, len(asked), f"training {model}")
            asked_of = {"participants": participants, "recipe": settings.model_dump(mode="json")}
            kept = folder / f"{model.replace(' ', '-')}-{count}.json"
            if not kept.is_file() or read_json(kept)["asked"] != asked_of:
                cost = _in_own_process(scratch, settings, count)
                write_json({"asked": asked_of, "cost": cost._asdict()}, kept)
            rows.append({"model": model, "epochs": count, **read_json(kept)["cost"]})
        tick(len(asked), len(asked), "")
    table = pd.DataFrame(rows)
    for what in ("processor", "memory"):
        table[f"times_{what}"] = table[what].iloc[0] / table[what]
    return table.rename(columns={"processor": "processor_s", "memory": "memory_gib"})


def _image(recipe: Recipe) -> ImageConfig:
    """Our grid and smoothing, the study's values: not standardised."""
    return recipe.image.model_copy(update={"standardise": "none"})


def _in_own_process(scratch: Path, recipe: Recipe, epochs: int) -> Cost:
    """A fresh interpreter, so that processor time and peak memory are of one model."""
    changes = {"epochs": epochs, "patience": max(epochs, 1), "vae": False}
    settings = recipe.model_copy(update={"training": recipe.training.model_copy(update=changes)})
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_train, scratch, settings.model_dump_json()).result()


def _train(scratch: Path, settings: str) -> Cost:
    from adhd_cvae.inference.decoding import decode
    from adhd_cvae.inference.embedding import embed
    from adhd_cvae.models.weights import load_model
    from adhd_cvae.training.train import train

    recipe = Recipe.model_validate_json(settings)
    images, held_out = (np.load(scratch / f"{name}.npy") for name in ("images", "held_out"))
    cohort = read_tsv(scratch / "cohort.tsv")
    started = time.process_time()
    with tempfile.TemporaryDirectory(dir=scratch) as checkpoints:
        train(images, cohort, recipe, Path(checkpoints), fitted=~held_out)
        processor, memory = time.process_time() - started, peak_gib()
        model, _ = load_model(Path(checkpoints) / "cvae")
    is_target = (cohort["group"] == TARGET).to_numpy()[held_out, None]
    codes = embed(model, images[held_out])
    decoded = decode(model, codes.background_mean, codes.salient_mean * is_target)
    mask = model.mask_index.cpu().numpy()
    voxels = images.reshape(len(images), -1)[:, mask].astype(np.float32)
    total = np.square(voxels[held_out] - voxels[~held_out].mean(axis=0)).sum()
    unexplained = float(np.square(voxels[held_out] - decoded).sum() / total)
    return Cost(processor, memory, unexplained, sum(part.numel() for part in model.parameters()))


def main(
    output_dir: OutputDir = Path("training_beside_the_study"),
    recipe: RecipeName = "demo",
    overrides: Overrides = None,
    participants: Annotated[int, typer.Option("--participants", min=8, help="Simulated.")] = PARTICIPANTS,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Of each network.")] = EPOCHS,
) -> None:
    """Training until a reconstruction error is reached, beside the study's network."""
    resolved = load_recipe(recipe or "demo", tuple(overrides or ()))
    table = measure_training(
        output_dir, resolved, for_this_terminal(), participants=participants, epochs=epochs
    )
    write_tsv(table, output_dir / "training.tsv")
    print(f"{table.to_string(index=False)}\n\nWritten to {output_dir / 'training.tsv'}")


if __name__ == "__main__":
    typer.run(main)
