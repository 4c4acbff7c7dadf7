"""What goes wrong in training, noticed epoch by epoch and said in words: what it means and what to change."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from adhd_cvae.config import ModelConfig, ObjectiveConfig, TrainingConfig
from adhd_cvae.errors import InputError
from adhd_cvae.training import distributed
from adhd_cvae.training.selection import DEEP, chosen_epochs
from adhd_cvae.training.state import EpochRow

WARNINGS: dict[str, str] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
"""Short code to what is wrong, in words."""
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
            # The last fit has no validation loss.
            validation = f" (validation {row['validation_loss']:g})" if "validation_loss" in row else ""
            raise InputError(*self._warning("diverged", row, validation=validation).values())

        return distributed.from_first(finite)

    def _warning(self, code: str, row: EpochRow, **more: Any) -> dict[str, str]:
        return {code: WARNINGS[code].format(row=row, **vars(self), **more)}

    def epoch_warnings(self, row: EpochRow) -> dict[str, str]:
        """What is wrong in an epoch that took steps, by a short code; epoch 0 took none."""
        if row["epoch"] == 0:
            return {}
        found = self._collapse_of_background(row)
        if self.model.salient:
            found |= self._collapse_of_salient(row) | self._critic_wins(row)
        return found

    def training_warnings(self, rows: Sequence[EpochRow]) -> list[str]:
        """What a user should know before trusting the latents: of the epoch that is kept, and of the last one.

        Parameters
        ----------
        rows
            The history of this network.
        """
        history = pd.DataFrame([row for row in rows if row["split"] == 0])
        kept = history.loc[history["validation_nats"].idxmin()].to_dict()
        found = self.epoch_warnings(kept)
        if self.model.salient:
            found |= self._critic_wins(history.iloc[-1].to_dict())
        return [*(found | self._course(history, kept, chosen_epochs(rows))).values()]

    def _collapse_of_background(self, row: EpochRow) -> dict[str, str]:
        if row["kl_background"] >= self.training.warnings.silent_nats and row["active_background"] > 0:
            return {}
        return self._warning("background_collapsed", row)

    def _collapse_of_salient(self, row: EpochRow) -> dict[str, str]:
        units, active = self.model.salient, row["active_salient"]
        if row["kl_salient"] < self.training.warnings.silent_nats or active < 0.5:
            pulls = [f"objective.{name}" for name in _PULLS_ON_SALIENT if getattr(self.objective, name) > 0]
            return self._warning("salient_collapsed", row, active=active, pulls=" or ".join(pulls))
        enough = max(round(active), 1)
        if enough == units:
            return {}
        return self._warning("salient_inactive", row, inactive=units - enough, enough=enough)

    def _critic_wins(self, row: EpochRow) -> dict[str, str]:
        limits = self.training.warnings
        if row["critic_accuracy"] >= limits.critic_accuracy or row["total_correlation"] >= limits.critic_nats:
            return self._warning("critic_wins", row)
        return {}

    def _course(self, history: pd.DataFrame, kept: EpochRow, epochs: Mapping[str, int]) -> dict[str, str]:
        """How the losses went."""
        found: dict[str, str] = {}
        losses = history["train_loss"].to_numpy(dtype=float)
        if losses[1:].size and losses[1:].max() > self.training.warnings.exploded * max(abs(losses[0]), 1.0):
            found |= self._warning("exploded", kept, largest=losses.max())
        if len(history) > 1 and not any(epochs.values()):
            start = "random" if self.model.start == "random" else "linear"
            found |= self._warning(f"{start}_start_kept", kept)
        if epochs[DEEP] == self.training.epochs > 0:
            found |= self._warning("still_improving", kept)
        return found
