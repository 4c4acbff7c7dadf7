"""Where the time of a training step goes, beside what the machine's matrix products could do in it."""

import numpy as np
import pandas as pd

from adhd_cvae.config import Recipe
from adhd_cvae.names import BACKGROUND, TARGET, TRAIN
from pipelines.benchmarks.speed.measures import Row, row, timed

MATRIX = 2048
"""Side of the matrices whose product is the machine's ceiling."""
BRAIN_RADIUS = 23.2 / 64
"""Of the ball that stands for a brain, as a share of the grid's side: 52,280 voxels at 64³."""
KINDS = {
    "convolutions": ("conv",),
    "matrix products": ("::mm", "::addmm", "::bmm"),
    "optimiser": ("adam",),
}
"""Kind of work to words in the names of PyTorch's operators; everything else moves memory."""
OTHER = "all else (copies, activations, sums)"


def step_rows(recipe: Recipe, rounds: int) -> list[Row]:
    """A step on random brains (forward, backward, clipping, Adam and critic), after one that warms up: what it is
    made of, and its share of what large matrix products in its precision could do in the time.
    """
    import torch
    from torch.profiler import ProfilerActivity, profile
    from torch.utils.flop_counter import FlopCounterMode

    from adhd_cvae.training.augmentation import load_batch
    from adhd_cvae.training.sampler import deal_rows
    from adhd_cvae.training.trainer import Trainer

    images, cohort = _brains(2 * recipe.training.batch_size, recipe.image.shape)
    rows, *_ = deal_rows(cohort, recipe.cohort.site, recipe.training, recipe.seed)
    trainer = Trainer(
        recipe.training, recipe.objective, recipe.augmentation, recipe.image, recipe.model, recipe.seed
    )
    state = trainer.start(images, rows)
    state.model.train()

    def load() -> torch.Tensor:
        return load_batch(images, trainer.transform, range(len(images)))

    volumes = load()

    def step() -> None:
        trainer.step(state, volumes, rows.is_target)

    with FlopCounterMode(display=False) as counter:  # warms up too
        step()
    loading, steps = ([timed(call) for _ in range(rounds)] for call in (load, step))
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        step()
    spent = {one.key: float(one.self_cpu_time_total) for one in profiler.key_averages()}
    matrix = torch.randn(MATRIX, MATRIX, device=trainer.device).to(trainer.precision)
    product = min(timed(lambda: (matrix @ matrix)[0, 0].item()) for _ in range(10))  # waits for a GPU too
    operations, ceiling, batch = (
        counter.get_total_flops(),
        2 * MATRIX**3 / product,
        recipe.training.batch_size,
    )
    return [
        row(f"training step, {batch} + {batch} maps", steps, "s"),
        *(row(f"of it {kind}", [share], "share") for kind, share in _shares(spent).items()),
        row("reading and augmenting its maps", loading, "s"),
        row("operations of the step", [operations / 1e9], "GFLOP"),
        row("matrix products in its precision", [ceiling / 1e9], "GFLOP/s"),
        row("the step's share of that", [operations / seconds / ceiling for seconds in steps], "share"),
    ]


def _brains(participants: int, shape: tuple[int, int, int]) -> tuple[np.ndarray, pd.DataFrame]:
    """One batch of noise in a ball, float16 as in the cache, and its cohort."""
    places = np.stack(np.meshgrid(*[(np.arange(side) + 0.5) / side - 0.5 for side in shape], indexing="ij"))
    noise = np.random.default_rng(0).random((participants, *shape), dtype=np.float32)
    images = np.where(np.square(places).sum(axis=0) < BRAIN_RADIUS**2, noise, 0).astype(np.float16)
    groups = np.where(np.arange(participants) % 2, TARGET, BACKGROUND)
    names = [f"sub-{number}" for number in range(participants)]
    return images, pd.DataFrame({"participant_id": names, "group": groups, "split": TRAIN})


def _shares(spent: dict[str, float]) -> dict[str, float]:
    """Share of the time of each kind of work; the operators' own times, which add up."""
    kinds = dict.fromkeys((*KINDS, OTHER), 0.0)
    for operator, seconds in spent.items():
        kind = next((kind for kind, words in KINDS.items() if any(word in operator for word in words)), OTHER)
        kinds[kind] += seconds / sum(spent.values())
    return kinds
