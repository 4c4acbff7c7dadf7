"""Which step of training is kept, and what each has gained on participants that neither start nor step has seen."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from adhd_cvae.training.state import EpochRow

RANDOM, START, TRAINED, DEEP = "random", "linear", "trained", "deep"
"""An untrained network without linear maps; the linear solution; its maps trained; the nonlinear correction too."""
STEPS = (RANDOM, START, TRAINED, DEEP)
COLUMNS = (
    *("model", "step", "epochs"),
    *("gain_nats", "gain_nats_sd", "gain_explained", "gain_explained_sd", "splits", "kept"),
)


class Curve(NamedTuple):
    """A step in one validation split, from where it began, epoch by epoch."""

    nats: np.ndarray
    """(epochs + 1,) negative held-out log-likelihood of a participant, at most."""
    unexplained: np.ndarray


def step_curves(history: Sequence[EpochRow], step: str) -> list[Curve]:
    """One curve a split that has the step; a step begins at the best epoch of those before it.

    Parameters
    ----------
    history
        Rows of one model: `split`, `step`, `validation_nats`, `validation_reconstruction`.
    step
        ``trained`` or ``deep``.
    """
    curves = []
    for split in sorted({row["split"] for row in history}):
        rows = [row for row in history if row["split"] == split]
        taken = [row for row in rows if row["step"] == step]
        before = [row for row in rows if STEPS.index(row["step"]) < STEPS.index(step)]
        if taken and before:
            start = min(before, key=lambda row: row["validation_nats"])
            columns = ("validation_nats", "validation_reconstruction")
            curves.append(Curve(*(np.array([row[name] for row in (start, *taken)]) for name in columns)))
    return curves


def best_epoch(curves: Sequence[Curve]) -> int:
    """The epoch whose held-out likelihood is best on average; one that stopped early stays where it stopped."""
    longest = max(len(curve.nats) for curve in curves)
    padded = [np.pad(curve.nats, (0, longest - len(curve.nats)), mode="edge") for curve in curves]
    return int(np.argmin(np.mean(padded, axis=0)))


def gains(curves: Sequence[Curve]) -> pd.DataFrame:
    """What a step gains in each split, stopped where it was best in the *other* splits: `nats`, `explained`.

    Where there is one split alone its own best epoch is taken, so that its gain is never below 0.
    """
    rows = []
    for number, curve in enumerate(curves):
        others = [*curves[:number], *curves[number + 1 :]] or [curve]
        epoch = min(best_epoch(others), len(curve.nats) - 1)
        rows.append((curve.nats[0] - curve.nats[epoch], curve.unexplained[0] - curve.unexplained[epoch]))
    return pd.DataFrame(rows, columns=["nats", "explained"])


def chosen_epochs(history: Sequence[EpochRow]) -> dict[str, int]:
    """Epochs of each step that are taken in the model that is kept; 0 where it does not earn its place.

    It does where its mean gain is above its standard error over the splits (the one-standard-error rule of Breiman et
    al. 1984, Classification and Regression Trees, 3.4.3); with one split, above 0.
    """
    chosen = {}
    for step in (TRAINED, DEEP):
        curves = step_curves(history, step)
        gained = gains(curves)["nats"].to_numpy(dtype=float)
        error = np.std(gained, ddof=1) / np.sqrt(len(gained)) if len(gained) > 1 else 0.0
        chosen[step] = best_epoch(curves) if len(gained) and gained.mean() > error else 0
    return chosen


def earned(model: str, history: Sequence[EpochRow]) -> pd.DataFrame:
    """What each step gains, mean and standard deviation over the splits, and which one is kept.

    Returns
    -------
    pandas.DataFrame
        A row a step: `model`, `step`, `epochs`; `gain_nats`, of the likelihood of a held-out participant (the start's
        over the mean map); `gain_explained`, of the share of variance that is explained; `splits`, 0 and the gains
        missing where nobody was held out; `kept`.
    """
    chosen = chosen_epochs(history)
    first = [row for row in history if row["epoch"] == 0]
    kept = next((step for step in (DEEP, TRAINED) if chosen[step]), first[0]["step"])
    start = pd.DataFrame(
        {
            "nats": [row["mean_nats"] - row["validation_nats"] for row in first],
            "explained": [1 - row["validation_reconstruction"] for row in first],
        }
    )
    later = {step: gains(step_curves(history, step)) for step in (TRAINED, DEEP)}
    rows = []
    for step, gain in {first[0]["step"]: start, **later}.items():
        if len(gain):
            gain = gain if first[0]["held_out"] else gain.iloc[:0]
            nats, explained = gain["nats"], gain["explained"]
            spread = (nats.mean(), nats.std(), explained.mean(), explained.std())
            rows.append((model, step, chosen.get(step, 0), *spread, len(gain), step == kept))
    return pd.DataFrame(rows, columns=list(COLUMNS))
