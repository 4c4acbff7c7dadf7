"""What a training step, an epoch and an embedding cost, beside what the processor could do in the time."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adhd_cvae.config import Recipe
from adhd_cvae.names import BACKGROUND, TARGET
from pipelines.benchmarks.speed.measures import Row, ratio, row, timed

if TYPE_CHECKING:
    from adhd_cvae.training.sampler import Rows
    from adhd_cvae.training.state import TrainingState
    from adhd_cvae.training.trainer import Trainer

STEPS = ("linear maps on scores", "patches", "convolutions")
EMBEDDED = 32
"""Maps that are embedded at a time."""
PASSES_LEARNING, PASSES_STILL, PASSES_MAPS = 10, 2, 4
"""Numbers of four bytes that a step moves at least: of a weight that learns, read forward and backward, its gradient
written, and by Adam four read and three written; of one that stands still, read twice; of a voxel of a map, read,
standardised, decoded, and its residual's gradient."""
BRAIN_RADIUS = 23.2 / 64
"""Of the ball that stands for a brain, as a share of the grid's side: 52,280 voxels at 64³."""
KINDS = {
    "matrix products": ("::mm", "::addmm", "::bmm"),
    "optimiser": ("adam",),
}
"""Kind of work to words in the names of PyTorch's operators; everything else moves memory."""
OTHER = "all else (copies, activations, sums)"


def step_rows(recipe: Recipe, rounds: int, *, participants: int, products: float, memory: float) -> list[Row]:
    """What training and embedding cost on random brains, processor seconds.

    Parameters
    ----------
    participants
        Of an epoch.
    products, memory
        Rates of this processor, GFLOP/s in float32 and GB/s, that the step is held against.
    """
    from adhd_cvae.inference.embedding import embed
    from adhd_cvae.training.device import choose_precision
    from adhd_cvae.training.sampler import deal_rows

    images, cohort = _brains(participants, recipe.image.shape)
    training = recipe.training.model_copy(update={"validation_fraction": 0.0})
    rows, *_ = deal_rows(cohort, recipe.cohort.site, training, recipe.seed)
    patches = _trainer(recipe, trunk="patches", precision="float32")
    start = patches.start(images, rows)
    size = recipe.training.batch_size
    batch = np.concatenate([rows.target[:size], rows.background[:size]])
    deep = patches.deepened(start, images)
    found = [_seconds(patches, start, batch, rows, rounds), _seconds(patches, deep, batch, rows, rounds)]
    old = _trainer(recipe, trunk="convolutions", precision="float32")
    found.append(_seconds(old, old.deepened(start, images), batch, rows, rounds))
    names = [f"training step, {size} + {size} maps, {what}" for what in STEPS]
    result = [row(name, seconds, "s") for name, seconds in zip(names, found, strict=True)]
    result.append(ratio("convolutions' time to patches'", found[2], found[1]))
    if str(choose_precision("auto", patches.device)) == "torch.bfloat16":
        half = _trainer(recipe, trunk="patches", precision="bfloat16")
        seconds = _seconds(half, half.deepened(start, images), batch, rows, rounds)
        result.append(row(f"{names[1]}, bfloat16", seconds, "s"))
    epochs = [timed(lambda: patches.take_steps(deep, rows, 1), time.process_time) for _ in range(rounds)]
    result.append(row(f"epoch of {participants} participants, patches", epochs, "s"))
    few = images[:EMBEDDED]
    embedding = [timed(lambda: embed(deep.model, few), time.process_time) for _ in range(rounds)]
    result.append(row("embedding a map", [seconds / len(few) for seconds in embedding], "s"))
    return [*result, *_floor(patches, deep, batch, rows, found[1], products=products, memory=memory)]


def _trainer(recipe: Recipe, *, trunk: str, precision: str) -> "Trainer":
    from adhd_cvae.training.trainer import Trainer

    model = recipe.model.model_copy(update={"trunk": trunk})
    training = recipe.training.model_copy(update={"precision": precision})
    return Trainer(training, recipe.objective, recipe.augmentation, recipe.image, model, recipe.seed)


def _seconds(
    trainer: "Trainer", state: "TrainingState", batch: np.ndarray, rows: "Rows", rounds: int
) -> list[float]:
    """Processor seconds of steps after one that warms up: reading, forward, backward, Adam and critic."""
    state.model.train()
    work = _step(trainer, state, batch, rows)
    work()
    return [timed(work, time.process_time) for _ in range(rounds)]


def _step(
    trainer: "Trainer", state: "TrainingState", batch: np.ndarray, rows: "Rows"
) -> Callable[[], object]:
    from adhd_cvae.training.augmentation import load_batch

    return lambda: trainer.step(state, load_batch(state.maps[batch], None), rows.is_target[batch])


def _floor(
    trainer: "Trainer",
    state: "TrainingState",
    batch: np.ndarray,
    rows: "Rows",
    seconds: list[float],
    *,
    products: float,
    memory: float,
) -> list[Row]:
    """What the patch network's step is made of, its operations and bytes, and its share of what the processor can."""
    from torch.profiler import ProfilerActivity, profile
    from torch.utils.flop_counter import FlopCounterMode

    work = _step(trainer, state, batch, rows)
    with FlopCounterMode(display=False) as counter:
        work()
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        work()
    spent = {one.key: float(one.self_cpu_time_total) for one in profiler.key_averages()}
    operations = counter.get_total_flops() / 1e9
    parameters = list(state.model.parameters())
    learning = sum(one.numel() for one in parameters if one.requires_grad)
    still = sum(one.numel() for one in parameters) - learning
    passes = PASSES_LEARNING * learning + PASSES_STILL * still + PASSES_MAPS * len(batch) * state.model.voxels
    moved = 4 * passes / 1e9
    return [
        *(row(f"of it {kind}", [share], "share") for kind, share in _shares(spent).items()),
        row("operations of the step", [operations], "GFLOP"),
        row("its share of the rate of products", [operations / one / products for one in seconds], "share"),
        row("bytes of the step, at least", [moved], "GB"),
        row("its share of the rate of memory", [moved / one / memory for one in seconds], "share"),
    ]


def _brains(participants: int, shape: tuple[int, int, int]) -> tuple[np.ndarray, pd.DataFrame]:
    """Noise in a ball, float16 as in the cache, and its cohort."""
    places = np.stack(np.meshgrid(*[(np.arange(side) + 0.5) / side - 0.5 for side in shape], indexing="ij"))
    noise = np.random.default_rng(0).random((participants, *shape), dtype=np.float32)
    images = np.where(np.square(places).sum(axis=0) < BRAIN_RADIUS**2, noise, 0).astype(np.float16)
    groups = np.where(np.arange(participants) % 2, TARGET, BACKGROUND)
    names = [f"sub-{number}" for number in range(participants)]
    return images, pd.DataFrame({"participant_id": names, "group": groups})


def _shares(spent: dict[str, float]) -> dict[str, float]:
    """Share of the time of each kind of work; the operators' own times, which add up."""
    kinds = dict.fromkeys((*KINDS, OTHER), 0.0)
    for operator, seconds in spent.items():
        kind = next((kind for kind, words in KINDS.items() if any(word in operator for word in words)), OTHER)
        kinds[kind] += seconds / sum(spent.values())
    return kinds
