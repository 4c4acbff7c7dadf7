"""What goes wrong in training, noticed epoch by epoch and said in words: what it means and what to change."""

import math
from typing import Any

import pandas as pd

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.training import distributed

SILENT_NATS = 0.1
"""A space whose posteriors say less than this about a participant has collapsed onto its prior."""
CRITIC_WINS_ACCURACY = 0.95
CRITIC_WINS_NATS = 2.0
"""From here on the critic tells true from shuffled pairs with ease: the encoders do not hold it back."""
EXPLODED = 10.0
"""A training loss this many times the start's size is a near divergence."""
EpochRow = dict[str, Any]


def checked(row: EpochRow, recipe: Recipe) -> EpochRow:
    """The first process's row, so that all decide alike; refused where a loss is no number."""

    def finite() -> EpochRow:
        if all(math.isfinite(row.get(loss, 0.0)) for loss in ("train_loss", "validation_loss")):
            return row
        raise InputError(diverged(row, row["model"], recipe))

    return distributed.from_first(finite)


def diverged(row: EpochRow, name: str, recipe: Recipe) -> str:
    """Say that a loss is no longer a number; the last fit has no validation loss."""
    validation = f" (validation {row['validation_loss']:g})" if "validation_loss" in row else ""
    return (
        f"The loss of {name} became {row['train_loss']:g}{validation} in epoch "
        f"{row['epoch']:.0f}: training diverged. Lower training.learning_rate (now "
        f"{recipe.training.learning_rate:g}) and train again."
    )


def epoch_warnings(row: EpochRow, name: str, recipe: Recipe) -> dict[str, str]:
    """What is wrong in an epoch that took steps, by a short code; epoch 0 took none.

    Parameters
    ----------
    row
        A row of the history.
    name
        ``cvae`` or ``vae``.
    """
    if row["epoch"] == 0:
        return {}
    found = _collapse_of_background(row, name)
    if name == "cvae":
        found |= _collapse_of_salient(row, recipe) | _critic_wins(row, recipe)
    return found


def _collapse_of_background(row: EpochRow, name: str) -> dict[str, str]:
    if row["kl_background"] >= SILENT_NATS and row["active_background"] > 0:
        return {}
    return {
        "background_collapsed": f"{name}: the background space has collapsed (it says {row['kl_background']:.2g} nats "
        f"about a participant): everyone is decoded alike. Lower objective.beta, or raise "
        f"objective.effective_voxels."
    }


def _collapse_of_salient(row: EpochRow, recipe: Recipe) -> dict[str, str]:
    units, active = recipe.model.salient, row["active_salient"]
    if row["kl_salient"] < SILENT_NATS or active < 0.5:
        pulls = [f"objective.{name}" for name in _PULLS_ON_SALIENT if getattr(recipe.objective, name) > 0]
        return {
            "salient_collapsed": f"cvae: the salient space has collapsed (it says {row['kl_salient']:.2g} nats about "
            f"a patient, and {active:.1f} of {units} units differ between patients): nothing can be concluded from "
            f"s. Lower {' or '.join(pulls)}."
        }
    if active > units - 0.5:
        return {}
    return {
        "salient_inactive": f"cvae: {units - active:.0f} of {units} salient units are the same for all patients: they "
        f"hold nothing, and model.salient={max(round(active), 1)} would do."
    }


_PULLS_ON_SALIENT = (
    *("beta", "background_salient", "background_spread", "mmd_salient", "total_correlation", "hsic"),
)


def _critic_wins(row: EpochRow, recipe: Recipe) -> dict[str, str]:
    accuracy, nats = row["critic_accuracy"], row["total_correlation"]
    if not (accuracy >= CRITIC_WINS_ACCURACY or nats >= CRITIC_WINS_NATS):
        return {}
    return {
        "critic_wins": f"cvae: the critic wins (right in {accuracy:.0%}, total correlation {nats:.1f} nats): it tells "
        f"patients' true pairs of z and s from shuffled ones, because they depend on each other or because it knows "
        f"the patients by heart. Raise objective.total_correlation (now {recipe.objective.total_correlation:g}), or "
        f"set objective.name=hsic, and see the independence test on held-out patients."
    }


def training_warnings(history: pd.DataFrame, recipe: Recipe) -> list[str]:
    """What a person should know before trusting the latents: of the epoch that is kept, and of the last one."""
    warnings: list[str] = []
    for name, rows in history.groupby("model", sort=False):
        name = str(name)
        kept = rows.loc[rows["validation_loss"].idxmin()].to_dict()
        last = rows.iloc[-1].to_dict()
        found = epoch_warnings(kept, name, recipe)
        if name == "cvae":
            found |= _critic_wins(last, recipe)
        warnings += [*found.values(), *_course(rows, kept, name, recipe)]
    return warnings


def _course(rows: pd.DataFrame, kept: EpochRow, name: str, recipe: Recipe) -> list[str]:
    """How the losses went."""
    said = []
    losses = rows["train_loss"].to_numpy(dtype=float)
    if losses[1:].size and losses[1:].max() > EXPLODED * max(abs(losses[0]), 1.0):
        said.append(
            f"{name}: the training loss rose to {losses.max():.3g}, {EXPLODED:.0f} times the start's: steps are too "
            f"large. Lower training.learning_rate (now {recipe.training.learning_rate:g})."
        )
    if kept["epoch"] == 0 and len(rows) > 1:
        worse = rows["validation_loss"].diff().iloc[1:]
        how = ", the validation loss only rose" if (worse > 0).all() else ""
        if recipe.model.start == "random":
            said.append(
                f"{name}: no epoch improved on the random start{how}: nothing was learnt. Lower "
                f"training.learning_rate (now {recipe.training.learning_rate:g}), or add participants."
            )
        else:
            said.append(
                f"{name}: no epoch improved on the linear start, which is what is kept{how}: the model is linear. "
                "The start has seen the participants who decide, so small gains go unnoticed; with a few hundred "
                "participants this is usual, and training.epochs=0 saves the time."
            )
    if kept["epoch"] == recipe.training.epochs > 0:
        said.append(f"{name}: still improving in the last epoch; more training.epochs may help.")
    return said
