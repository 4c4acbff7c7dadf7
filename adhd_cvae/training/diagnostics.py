"""What goes wrong in training, noticed epoch by epoch and said in words: what it means and what to change."""

import math
from dataclasses import dataclass

import pandas as pd

from adhd_cvae.config import ModelConfig, ObjectiveConfig, TrainingConfig
from adhd_cvae.errors import InputError
from adhd_cvae.training import distributed
from adhd_cvae.training.state import EpochRow

_PULLS_ON_SALIENT = (
    *("beta", "salient_of_background", "salient_spread_of_background", "salient_mmd_of_background"),
    *("total_correlation", "hsic"),
)


@dataclass(frozen=True)
class Diagnostics:
    """What goes wrong in the training of one network.

    Attributes
    ----------
    training, objective, model
        Parts of the recipe, which name what to change; a model without salient units is the plain VAE.
    """

    training: TrainingConfig
    objective: ObjectiveConfig
    model: ModelConfig

    def checked(self, row: EpochRow) -> EpochRow:
        """The first process's row, so that all decide alike.

        Raises
        ------
        InputError
            A loss is no number.
        """

        def finite() -> EpochRow:
            if all(math.isfinite(row.get(loss, 0.0)) for loss in ("train_loss", "validation_loss")):
                return row
            raise InputError(self._diverged(row))

        return distributed.from_first(finite)

    def _diverged(self, row: EpochRow) -> str:
        """A loss is no longer a number; the last fit has no validation loss."""
        validation = f" (validation {row['validation_loss']:g})" if "validation_loss" in row else ""
        return (
            f"The loss of {row['model']} became {row['train_loss']:g}{validation} in epoch "
            f"{row['epoch']:.0f}: training diverged. Lower training.learning_rate (now "
            f"{self.training.learning_rate:g}) and train again."
        )

    def epoch_warnings(self, row: EpochRow) -> dict[str, str]:
        """What is wrong in an epoch that took steps, by a short code; epoch 0 took none."""
        if row["epoch"] == 0:
            return {}
        found = self._collapse_of_background(row)
        if self.model.salient:
            found |= self._collapse_of_salient(row) | self._critic_wins(row)
        return found

    def training_warnings(self, history: pd.DataFrame) -> list[str]:
        """What a user should know before trusting the latents: of the epoch that is kept, and of the last one.

        Parameters
        ----------
        history
            One row an epoch.
        """
        kept = history.loc[history["validation_loss"].idxmin()].to_dict()
        found = self.epoch_warnings(kept)
        if self.model.salient:
            found |= self._critic_wins(history.iloc[-1].to_dict())
        return [*found.values(), *self._course(history, kept)]

    def _collapse_of_background(self, row: EpochRow) -> dict[str, str]:
        if row["kl_background"] >= self.training.warnings.silent_nats and row["active_background"] > 0:
            return {}
        return {
            "background_collapsed": f"{row['model']}: the background space has collapsed (it says "
            f"{row['kl_background']:.2g} nats about a participant): everyone is decoded alike. Lower objective.beta, "
            f"or raise objective.effective_voxels."
        }

    def _collapse_of_salient(self, row: EpochRow) -> dict[str, str]:
        units, active = self.model.salient, row["active_salient"]
        if row["kl_salient"] < self.training.warnings.silent_nats or active < 0.5:
            pulls = [f"objective.{name}" for name in _PULLS_ON_SALIENT if getattr(self.objective, name) > 0]
            return {
                "salient_collapsed": f"cvae: the salient space has collapsed (it says {row['kl_salient']:.2g} nats "
                f"about a patient, and {active:.1f} of {units} units differ between patients): nothing can be "
                f"concluded from s. Lower {' or '.join(pulls)}."
            }
        if active > units - 0.5:
            return {}
        return {
            "salient_inactive": f"cvae: {units - active:.0f} of {units} salient units are the same for all patients: "
            f"they hold nothing, and model.salient={max(round(active), 1)} would do."
        }

    def _critic_wins(self, row: EpochRow) -> dict[str, str]:
        accuracy, nats, limits = row["critic_accuracy"], row["total_correlation"], self.training.warnings
        if not (accuracy >= limits.critic_accuracy or nats >= limits.critic_nats):
            return {}
        return {
            "critic_wins": f"cvae: the critic wins (right in {accuracy:.0%}, total correlation {nats:.1f} nats): it "
            f"tells patients' true pairs of z and s from shuffled ones, because they depend on each other or because "
            f"it knows the patients by heart. Raise objective.total_correlation (now "
            f"{self.objective.total_correlation:g}), or set objective.name=hsic, and see the independence test on "
            f"held-out patients."
        }

    def _course(self, history: pd.DataFrame, kept: EpochRow) -> list[str]:
        """How the losses went."""
        found, name, limit = [], history["model"].iloc[0], self.training.warnings.exploded
        losses = history["train_loss"].to_numpy(dtype=float)
        if losses[1:].size and losses[1:].max() > limit * max(abs(losses[0]), 1.0):
            found.append(
                f"{name}: the training loss rose to {losses.max():.3g}, {limit:.0f} times the start's: steps are "
                f"too large. Lower training.learning_rate (now {self.training.learning_rate:g})."
            )
        if kept["epoch"] == 0 and len(history) > 1:
            worse = history["validation_loss"].diff().iloc[1:]
            how = ", the validation loss only rose" if (worse > 0).all() else ""
            if self.model.start == "random":
                found.append(
                    f"{name}: no epoch improved on the random start{how}: nothing was learnt. Lower "
                    f"training.learning_rate (now {self.training.learning_rate:g}), or add participants."
                )
            else:
                found.append(
                    f"{name}: no epoch improved on the linear start, which is what is kept{how}: the model is linear. "
                    "The start has seen the participants who decide, so small gains go unnoticed; with a few hundred "
                    "participants this is usual, and training.epochs=0 saves the time."
                )
        if kept["epoch"] == self.training.epochs > 0:
            found.append(f"{name}: still improving in the last epoch; more training.epochs may help.")
        return found
