"""Which participants train, which validate, and which stand in a batch together."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from adhd_cvae.cohort.covariates import site_codes
from adhd_cvae.cohort.folds import hold_out
from adhd_cvae.config import TrainingConfig
from adhd_cvae.names import TARGET


def paired_batches(
    target: np.ndarray,
    background: np.ndarray,
    batch_size: int,
    seed: tuple[int, ...],
    sites: np.ndarray | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield one epoch of (target rows, background rows), both of `batch_size` or the smaller group's size.

    Every participant of the larger group comes once; the smaller group is drawn again, in a new order, until the
    epoch ends. Where `sites` tells every row's site, each batch holds a group's sites in that group's proportions.
    The order follows from `seed` alone.
    """
    rng = np.random.default_rng(seed)
    size = min(batch_size, len(target), len(background))
    steps = int(np.ceil(max(len(target), len(background)) / size))

    def order(rows: np.ndarray) -> np.ndarray:
        rounds = int(np.ceil(steps * size / len(rows)))
        shuffled = [_spread(rng.permutation(rows), sites, rng) for _ in range(rounds)]
        return np.concatenate(shuffled)[: steps * size].reshape(steps, size)

    yield from zip(order(target), order(background), strict=True)


def _spread(rows: np.ndarray, sites: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Shuffled rows, rearranged so that those of a site lie at even distances from a random first place."""
    if sites is None:
        return rows
    places = np.empty(len(rows))
    for site in np.unique(sites[rows]):
        members = np.flatnonzero(sites[rows] == site)
        places[members] = (np.arange(len(members)) + rng.random()) / len(members)
    return rows[np.argsort(places, kind="stable")]


@dataclass(frozen=True)
class Rows:
    """Which rows of the images serve what. Who is held out appears nowhere."""

    fitted: np.ndarray
    """Those the linear start is estimated from and steps are taken on."""
    validation: np.ndarray
    """Training participants neither start nor steps have seen; they decide what is kept. The fitted ones where nobody
    is held back: none asked for, no epochs to choose from, or a tiny cohort."""
    is_target: np.ndarray
    sites: np.ndarray | None
    """Scanning site of each participant, where known."""

    @property
    def target(self) -> np.ndarray:
        """Fitted patients."""
        return self.fitted[self.is_target[self.fitted]]

    @property
    def background(self) -> np.ndarray:
        """Fitted controls."""
        return self.fitted[~self.is_target[self.fitted]]

    @property
    def held_back(self) -> bool:
        """Whether some training participants are not fitted."""
        return len(np.intersect1d(self.validation, self.fitted)) == 0

    def with_everyone_fitted(self) -> "Rows":
        """The same with nobody held back."""
        everyone = np.union1d(self.fitted, self.validation)
        return replace(self, fitted=everyone, validation=everyone)


def deal_rows(
    cohort: pd.DataFrame,
    site: str | None,
    training: TrainingConfig,
    seed: int,
    *,
    fitted: np.ndarray | None = None,
) -> tuple[Rows, ...]:
    """Deal those who are trained on into fitted and held-back participants, site × group in proportion.

    Parameters
    ----------
    cohort
        Columns `group` and, where it has one, `site`.
    site
        Column of the scanning site.
    training
        Epochs, the share that is held back, and how often.
    seed
        Decides who is.
    fitted
        (n,) bool: who is trained on; everybody where it is not given.

    Returns
    -------
    tuple of Rows
        One a validation split; nobody is held back in two of them.
    """
    is_target = (cohort["group"] == TARGET).to_numpy()
    sites = site_codes(cohort, site)
    everyone = np.arange(len(cohort)) if fitted is None else np.flatnonzero(fitted)
    smallest = min(is_target[everyone].sum(), (~is_target[everyone]).sum())
    share = training.validation_fraction
    if not training.epochs or not share or smallest < training.smallest_group:
        return (Rows(everyone, everyone, is_target, sites),)
    splits: list[Rows] = []
    left = everyone
    for number in range(1, min(training.validation_splits, int(1 / share)) + 1):
        held_back = left[hold_out(cohort.iloc[left], share * len(everyone) / len(left), seed + number, site)]
        splits.append(Rows(np.setdiff1d(everyone, held_back), held_back, is_target, sites))
        left = np.setdiff1d(left, held_back)
    return tuple(splits)
