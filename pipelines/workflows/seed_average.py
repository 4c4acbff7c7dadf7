"""The average of several seeds' codes: in sample over everybody, out of fold fold by fold, in the first seed's frames.

Rotations between seeds are found from codes alone: whose they are does not enter, so that what is held out stays so.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from adhd_cvae.analysis.refits import BOTH
from adhd_cvae.analysis.seed_alignment import aligned, stability_table
from adhd_cvae.names import BACKGROUND, OUT_OF_FOLD, PREFIXES, SALIENT, UNKNOWN
from pipelines.output_dir.latents import (
    codes_by_space,
    read_samples,
    write_latents,
    write_out_of_fold,
    write_samples,
)
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.tables import FOLD_ARRAYS, LATENTS
from pipelines.output_dir.tables import OUT_OF_FOLD as OUT_OF_FOLD_TABLE

Rotations = dict[str, np.ndarray]
"""Space to (folds, units, units) of one seed, onto the first one's frames."""


class _Member(NamedTuple):
    """What one seed's models say of the cohort, in its order."""

    in_sample: dict[str, np.ndarray]
    held_out: dict[str, np.ndarray]
    samples: dict[str, np.ndarray]
    arrays: dict[str, np.ndarray]

    def in_one_frame(self, space: str, folds: np.ndarray) -> np.ndarray:
        """Codes of everybody, in sample and out of fold below each other, (2 n, units), in the registered frame."""
        turns = self.arrays[f"{space}_turn"][np.searchsorted(self.arrays["folds"], folds)]
        return np.vstack([self.in_sample[space], np.einsum("nu,nuv->nv", self.held_out[space], turns)])


def write_average(
    cohort: pd.DataFrame, folds: np.ndarray, members: Sequence[OutputPaths], paths: OutputPaths
) -> pd.DataFrame:
    """Write latents.tsv, draws.npz, out_of_fold.tsv and out_of_fold.npz of all members together.

    Returns
    -------
    pandas.DataFrame
        As `stability_table`, seeds by their place; ``unknown`` are the models fitted to everybody.
    """
    found = [_read(cohort, one) for one in members]
    everybody = np.ones(len(cohort), dtype=bool)
    posteriors, samples = {}, {}
    for space in found[0].in_sample:
        posteriors[space], turns = _averaged([one.in_sample[space] for one in found], everybody)
        thinned = [one.samples[space][:: len(found)] @ turn for one, turn in zip(found, turns, strict=True)]
        samples[space] = np.concatenate(thinned)
    write_latents(cohort, posteriors, paths.latents)
    write_samples(cohort, samples, paths.draws)
    held_out, rotations = {}, [dict[str, np.ndarray]() for _ in found]
    for space in found[0].held_out:
        held_out[space], turns = _averaged_by_fold([one.held_out[space] for one in found], folds)
        for own, turn in zip(rotations, turns, strict=True):
            own[space] = turn
    write_out_of_fold(cohort, folds, held_out, paths.out_of_fold)
    FOLD_ARRAYS.write(_arrays(folds, found, rotations), paths.out_of_fold_arrays)
    return pd.concat([_stability(space, folds, found) for space in held_out], ignore_index=True)


def _read(cohort: pd.DataFrame, paths: OutputPaths) -> _Member:
    names = pd.Series(cohort["participant_id"])
    in_sample, held_out = (
        codes_by_space(described.read(path).set_index("participant_id").loc[names.tolist()], PREFIXES, path)
        for described, path in ((LATENTS, paths.latents), (OUT_OF_FOLD_TABLE, paths.out_of_fold))
    )
    samples = read_samples(paths.draws, names, in_sample)
    return _Member(in_sample, held_out, samples, FOLD_ARRAYS.read(paths.out_of_fold_arrays))


def _averaged(
    codes: Sequence[np.ndarray], rows: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray], list[np.ndarray]]:
    """Mean and spread over seeds, (n, units) each, in the first one's frame, which `rows` bring the others into."""
    mean, turns = aligned(codes, rows)
    turned = [values @ turn for values, turn in zip(codes, turns, strict=True)]
    return (mean, np.std(turned, axis=0)), turns


def _averaged_by_fold(
    codes: Sequence[np.ndarray], folds: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray], list[np.ndarray]]:
    """The same in each fold's own frame, and each member's rotations (folds, units, units)."""
    posterior, turns = np.empty((2, *codes[0].shape)), []
    for number in np.unique(folds):
        held = folds == number
        found, rotations = _averaged(codes, held)
        posterior[:, held] = np.stack(found)[:, held]
        turns.append(rotations)
    return (posterior[0], posterior[1]), [np.stack(own) for own in zip(*turns, strict=True)]


def _stability(space: str, folds: np.ndarray, members: Sequence[_Member]) -> pd.DataFrame:
    """How far members agree in sample, and out of fold after the same rotation, as a mean over folds.

    A rotation fitted to those held out, of whom there may be fewer than units, makes any two seeds agree.
    """
    nobody = np.zeros(len(folds), dtype=bool)
    fitted = np.append(~nobody, nobody)
    asked = {str(number): np.append(nobody, folds == number) for number in np.unique(folds)}
    codes = [one.in_one_frame(space, folds) for one in members]
    table = stability_table(space, dict(enumerate(codes)), fitted, {UNKNOWN: fitted, **asked})
    table["split"] = table["split"].where(table["split"] == UNKNOWN, OUT_OF_FOLD)
    pairs = table.groupby(["space", "seed", "other_seed", "split"], as_index=False, sort=False)
    return pd.DataFrame(pairs.agg({"r": "mean", "n": "sum"}))


def _arrays(
    folds: np.ndarray, members: Sequence[_Member], rotations: Sequence[Rotations]
) -> dict[str, np.ndarray]:
    """Samples and discriminants of all members in the first one's frames; its rotations into one frame."""
    first = members[0].arrays
    place = np.searchsorted(first["folds"], folds)
    arrays = {name: first[name] for name in ("participant_id", "folds", "linear")}
    for space in members[0].held_out:
        arrays[f"{space}_turn"] = first[f"{space}_turn"]
        thinned = [
            np.einsum("snu,nuv->snv", one.arrays[space][:: len(members)], turn[space][place])
            for one, turn in zip(members, rotations, strict=True)
        ]
        arrays[space] = np.concatenate(thinned)
    pair = [space for space in (SALIENT, BACKGROUND) if space in members[0].held_out]
    for space in (*members[0].held_out, BOTH):
        name = f"{space}_discriminant"
        if all(name in one.arrays for one in members):
            spaces = pair if space == BOTH else [space]
            turned = [
                _turned(one.arrays[name], [turn[part] for part in spaces])
                for one, turn in zip(members, rotations, strict=True)
            ]
            arrays[name] = np.mean(turned, axis=0)
    return arrays


def _turned(weights: np.ndarray, turns: Sequence[np.ndarray]) -> np.ndarray:
    """Weights (folds, units + 1) for codes that are turned, space by space."""
    parts, start = [], 0
    for turn in turns:
        units = turn.shape[1]
        parts.append(np.einsum("fu,fuv->fv", weights[:, start : start + units], turn))
        start += units
    return np.hstack([*parts, weights[:, -1:]])
