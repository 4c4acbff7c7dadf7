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
from pipelines.output_dir.latents import codes_by_space, write_latents, write_out_of_fold, write_samples
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.tables import FOLD_ARRAYS, LATENTS
from pipelines.output_dir.tables import OUT_OF_FOLD as OUT_OF_FOLD_TABLE

Rotations = dict[str, np.ndarray]
"""Space to (folds, units, units) of one seed, onto the first one's frames."""


class _Member(NamedTuple):
    """What one seed's models say of the cohort, in its order."""

    in_sample: dict[str, np.ndarray]
    held_out: dict[str, np.ndarray]
    arrays: dict[str, np.ndarray]


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
    means, tables = {}, []
    for space in found[0].in_sample:
        codes = [one.in_sample[space] for one in found]
        tables.append(stability_table(space, dict(enumerate(codes)), everybody, {UNKNOWN: everybody}))
        means[space] = aligned(codes, everybody)[0], np.std(codes, axis=0)
    write_latents(cohort, means, paths.latents)
    write_samples(cohort, {space: mean[None] for space, (mean, _) in means.items()}, paths.draws)
    held_out, rotations = {}, [dict[str, np.ndarray]() for _ in found]
    for space in found[0].held_out:
        mean, turns, table = _averaged(space, folds, [one.held_out[space] for one in found])
        held_out[space] = mean, np.std([one.held_out[space] for one in found], axis=0)
        tables.append(table)
        for own, turn in zip(rotations, turns, strict=True):
            own[space] = turn
    write_out_of_fold(cohort, folds, held_out, paths.out_of_fold)
    FOLD_ARRAYS.write(_arrays(folds, found, rotations), paths.out_of_fold_arrays)
    return pd.concat(tables, ignore_index=True)


def _read(cohort: pd.DataFrame, paths: OutputPaths) -> _Member:
    names = cohort["participant_id"].tolist()
    in_sample, held_out = (
        codes_by_space(described.read(path).set_index("participant_id").loc[names], PREFIXES, path)
        for described, path in ((LATENTS, paths.latents), (OUT_OF_FOLD_TABLE, paths.out_of_fold))
    )
    return _Member(in_sample, held_out, FOLD_ARRAYS.read(paths.out_of_fold_arrays))


def _averaged(
    space: str, folds: np.ndarray, codes: Sequence[np.ndarray]
) -> tuple[np.ndarray, list[np.ndarray], pd.DataFrame]:
    """Mean (n, units), each member's rotations (folds, units, units), and how far members agree, over folds."""
    mean, turns, tables = np.empty(codes[0].shape), [], []
    for number in np.unique(folds):
        held = folds == number
        mean_of_all, rotations = aligned(list(codes), held)
        mean[held] = mean_of_all[held]
        turns.append(rotations)
        tables.append(stability_table(space, dict(enumerate(codes)), held, {OUT_OF_FOLD: held}))
    together = pd.concat(tables).groupby(["space", "seed", "other_seed", "split"], as_index=False, sort=False)
    table = pd.DataFrame(together.agg({"r": "mean", "n": "sum"}))
    return mean, [np.stack(own) for own in zip(*turns, strict=True)], table


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
    for space in (*pair, BOTH):
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
