"""What was borrowed of healthy anatomy learnt elsewhere, and what it changed: each fold's model with it and without."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adhd_cvae.analysis.group_measures import AUC, Groups, interval, pairwise_auc
from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.analysis.recovery import Scoring, recovery_table
from adhd_cvae.analysis.refits import Refit, applied, discriminant
from adhd_cvae.analysis.seed_alignment import agreement, rotation
from adhd_cvae.analysis.variables import Row
from adhd_cvae.names import SALIENT

WITH, WITHOUT = "with", "without"
BACKGROUND_COLUMNS = [
    *("fold", "form", "taken", "weight", "share", "log_likelihood", "training_auc"),
    *("auc", "ci_low", "ci_high", "recovery", "stability", "n"),
]


class Truth(NamedTuple):
    """Planted factors, one row a participant, and how their recovery is scored."""

    planted: pd.DataFrame
    scoring: Scoring


class _OutOfFold(NamedTuple):
    """What models of folds make of those held out."""

    scores: NDArray[np.float64]
    """(n,) how much each looks like a patient, by s."""
    codes: NDArray[np.float64]
    """(n, units) of s, turned into the frame of the first fold."""
    stability: float
    """Mean agreement of s with that of the first fold, in patients whom one of both has not met."""


def background_table(refit: Refit, groups: Groups, inference: Inference, truth: Truth | None) -> pd.DataFrame:
    """Say which control covariance each fold took, and what s tells with what was borrowed and without.

    Parameters
    ----------
    refit
        The linear model of every fold, what it may borrow among it.
    groups
        Who is compared with whom.
    inference
        How intervals are found.
    truth
        Of a simulated cohort.

    Returns
    -------
    pandas.DataFrame
        `BACKGROUND_COLUMNS`: two rows of everybody, `with` and `without`, then the forms of each fold, the one taken
        first.
    """
    of_folds = [refit.forms(fold, groups.is_target[fold.fitted]) for fold in refit.folds]
    taken = [forms[0].method if forms else None for forms in of_folds]
    rows: list[Row] = [
        {"form": name, **_measures(_out_of_fold(refit, methods, groups.is_target), groups, inference, truth)}
        for name, methods in ((WITH, taken), (WITHOUT, [None] * len(taken)))
    ]
    for fold, forms in zip(refit.folds, of_folds, strict=True):
        number = groups.fold[fold.held_out][0]
        for place, form in enumerate(forms):
            weight, share = (getattr(form.method, name, np.nan) for name in ("weight", "share"))
            rows.append(
                {
                    "fold": int(number),
                    "form": form.name,
                    "taken": int(place == 0),
                    "weight": weight,
                    "share": share if getattr(form.method, "reference", None) is not None else np.nan,
                    "log_likelihood": form.log_likelihood,
                    "training_auc": form.separation,
                    "n": len(fold.fitted),
                }
            )
    return pd.DataFrame(rows, columns=BACKGROUND_COLUMNS).astype({"fold": "Int64", "taken": "Int64"})


def _out_of_fold(refit: Refit, methods: list, is_target: NDArray[np.bool_]) -> _OutOfFold:
    """By models whose fold took each of the methods."""
    first, agreements = None, []
    scores, codes = np.full(len(is_target), np.nan), np.zeros((len(is_target), 0))
    for fold, method in zip(refit.folds, methods, strict=True):
        known, held = is_target[fold.fitted], fold.held_out
        own = refit.codes_by(method, fold, known)[SALIENT]
        scores[held] = applied(discriminant(own[fold.fitted], known), own[held])
        if first is None:
            first, codes = (own, held), np.zeros_like(own)
        frame, others = first
        turned = own @ rotation(own, frame, is_target & ~held & ~others)
        codes[held] = turned[held]
        if held is not others:
            rows = is_target & (held | others)
            agreements.append(agreement(turned[rows], frame[rows]))
    return _OutOfFold(scores, codes, float(np.mean(agreements)) if agreements else np.nan)


def _measures(found: _OutOfFold, groups: Groups, inference: Inference, truth: Truth | None) -> Row:
    row: Row = {
        "auc": pairwise_auc(found.scores, groups.is_target, groups.fold),
        **interval(AUC, found.scores, groups, inference, ("borrowed",)),
        "stability": found.stability,
        "n": len(found.scores),
    }
    if truth is not None:
        table = recovery_table({SALIENT: found.codes}, groups.is_target, *truth)
        row["recovery"] = float(table.loc[table["metric"] == "r", "score"].mean())
    return row


class Taken(NamedTuple):
    """How many folds took what was borrowed, of how many, and with which weight and share, in words."""

    borrowed: int
    folds: int
    how: list[str]


def taken(table: pd.DataFrame) -> Taken:
    """Count it in a `background_table`."""
    forms = pd.DataFrame(table[table["taken"] == 1])
    borrowed = pd.DataFrame(forms[forms["share"].notna()])
    how = [
        f"{name} {_values(borrowed[name].to_numpy(float))}" for name in ("weight", "share") if len(borrowed)
    ]
    return Taken(len(borrowed), len(forms), how)


def gain(table: pd.DataFrame) -> str:
    """What a `background_table` says, in words: in how many folds it was taken, with which weight, and the gain."""
    found, both = taken(table), table[table["fold"].isna()].set_index("form")
    words = ", ".join([f"taken in {found.borrowed} of {found.folds} folds", *found.how])
    for column, name in (
        ("auc", "patients told from controls by s"),
        ("recovery", "recovery of the planted"),
    ):
        if pd.notna(before := both.loc[WITHOUT, column]):
            words += f"; {name} {both.loc[WITH, column]:.2f}, without it {before:.2f}"
    return words


def _values(values: NDArray[np.float64]) -> str:
    return " to ".join(f"{value:g}" for value in sorted({float(values.min()), float(values.max())}))
