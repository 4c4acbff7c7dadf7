"""The steps of a training: linear start, its maps trained, the nonlinear correction; measured, then those that gained.

In each validation split every step is taken and measured on those held back. The steps that earned their
place are then taken once more, with nobody held back.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from adhd_cvae.models.network import ContrastiveVAE
from adhd_cvae.training.checkpoint import Checkpoint
from adhd_cvae.training.sampler import Rows
from adhd_cvae.training.selection import DEEP, TRAINED, chosen_epochs
from adhd_cvae.training.state import EpochRow, TrainingState

if TYPE_CHECKING:
    from adhd_cvae.training.trainer import Trainer

Progress = Callable[[EpochRow], None]


class Place(NamedTuple):
    """Where a training stands."""

    split: int
    step: str


@dataclass(frozen=True)
class Steps:
    """Those of one network.

    Attributes
    ----------
    trainer
        How it is trained.
    images
        (n, x, y, z) gray-matter maps.
    splits
        Which of them serve what, one a validation split.
    checkpoint
        Where the network is kept.
    progress
        As of `adhd_cvae.training.train.train`.
    """

    trainer: "Trainer"
    images: np.ndarray
    splits: Sequence[Rows]
    checkpoint: Checkpoint
    progress: Progress

    def take(self) -> tuple[list[EpochRow], ContrastiveVAE]:
        """Take them all; give the history and the network that is kept."""
        history, state = self._measured()
        if self.splits[0].held_back:
            state = self._once_more(chosen_epochs(history))
        return history, state.finished_model()

    def _measured(self) -> tuple[list[EpochRow], TrainingState]:
        """The history of every step in every split, and the best network of the last one."""
        saved = self.checkpoint.load()
        history: list[EpochRow] = [] if saved is None else list(saved["before"])
        for row in history if saved is None else [*history, *saved["history"]]:
            self._show(row)
        places = [Place(split, step) for split in range(len(self.splits)) for step in self.trainer.steps]
        reached = 0 if saved is None else places.index(Place(saved["split"], saved["step"]))
        state = self._at(places[reached], None)
        for place in places[reached:]:
            if place != places[reached]:
                state = self._at(place, state)
            if saved is not None:
                state.restore(saved)
                saved = None
            self._take_epochs(state, place, history)
            history += state.history
            state.model.load_state_dict(state.best_model)
        return history, state

    def _at(self, place: Place, before: TrainingState | None) -> TrainingState:
        """The network at the start of a step: where the step before left it."""
        first = place.step == next(iter(self.trainer.steps))
        if first or before is None:
            before = self.trainer.start(self.images, self.splits[place.split])
        return before if first else self.trainer.deepened(before, self.images)

    def _take_epochs(self, state: TrainingState, place: Place, before: Sequence[EpochRow]) -> None:
        """Train to the last epoch, or until patience ends."""
        trainer, rows = self.trainer, self.splits[place.split]
        known = {"model": self.checkpoint.name, **place._asdict(), "held_out": rows.held_back}
        earlier = [row for row in before if row["split"] == place.split]
        first = len(earlier)  # epochs are counted through the steps of a split
        if earlier and not state.history:
            state.keep_best(min(row["validation_nats"] for row in earlier))
        for local in self._epochs(state, trainer.steps[place.step], started=bool(earlier)):
            measured = trainer.epoch(state, rows, local)
            step = place.step if local else trainer.name_of_start
            row = {**known, "step": step, "epoch": first + local - bool(earlier), **measured}
            row = trainer.diagnostics.checked(row)
            state.history.append(row)
            state.keep_best(row["validation_nats"])
            self.checkpoint.save({"before": list(before), **place._asdict(), **state.state()})
            forms = {} if local or rows.held_back else {"forms": state.forms}
            self._show(row, trainer.diagnostics.epoch_warnings(row), **forms)

    def _epochs(self, state: TrainingState, most: int, *, started: bool) -> Iterator[int]:
        """Numbers of the epochs to come; 0, which only measures, where nothing was before."""
        while state.stale_epochs < self.trainer.training.patience:
            local = len(state.history) + started
            if local > most:
                return
            yield local

    def _once_more(self, epochs: dict[str, int]) -> TrainingState:
        """Start again from all of the training split and take as many epochs of each step as were best.

        Rows of the history are reported with ``refit``; they are not kept, since nobody is left to validate them.
        """
        trainer, rows = self.trainer, self.splits[0].with_everyone_fitted()
        state, done = trainer.start(self.images, rows), 0
        if state.forms:
            start = {"model": self.checkpoint.name, "step": trainer.name_of_start, "epoch": done}
            self._show(start, refit=True, forms=state.forms)
        for step in trainer.steps:
            if step == DEEP and TRAINED in trainer.steps and epochs[step]:
                state = trainer.deepened(state, self.images)
            for local in range(1, epochs[step] + 1):
                loss = trainer.take_steps(state, rows, local)["loss"]
                done += 1
                row = {"model": self.checkpoint.name, "step": step, "epoch": done, "train_loss": loss}
                self._show(trainer.diagnostics.checked(row), refit=True)
        return state

    def _show(self, row: EpochRow, warnings: dict[str, str] | None = None, **more: Any) -> None:
        epochs = sum(self.trainer.steps.values())
        shown = {"epochs": epochs, "splits": len(self.splits), **more, **row}
        self.progress(shown if warnings is None else {**shown, "warnings": warnings})
