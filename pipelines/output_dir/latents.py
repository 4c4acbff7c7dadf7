"""latents.tsv, draws.npz, distances.tsv and decoded.npz: written and read here."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.io import atomic_path, write_json, write_tsv
from adhd_cvae.names import (
    BACKGROUND,
    MEMBER_LABELS,
    SALIENT,
    SPACE_DESCRIPTIONS,
    SPLIT_LABELS,
    unit_name,
    units_in,
)
from pipelines.output_dir.paths import OutputPaths

if TYPE_CHECKING:
    from adhd_cvae.inference.embedding import Embedding


IDENTITY = {
    "participant_id": {"Description": "Participant"},
    "group": {"Description": "Group", "Levels": MEMBER_LABELS},
    "split": {"Description": "Use", "Levels": SPLIT_LABELS},
}
DISTANCE = {
    "distance": {"Description": "Distance from the training participants; about 1 for a map like theirs"},
    "out_of_distribution": {"Description": "Farther than 99 in 100 of the training participants"},
}


def read_decoded(path: Path) -> dict[str, np.ndarray]:
    """Read decoded.npz; never runs pickled code."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as .npz without pickle ({error}). Embed again.") from None


def write_distances(
    cohort: pd.DataFrame, distances: np.ndarray, beyond: np.ndarray, paths: OutputPaths
) -> None:
    """Write distances.tsv, one row a participant, with a sidecar."""
    identity = [name for name in ("participant_id", "group", "split") if name in cohort]
    write_tsv(cohort[identity].assign(distance=distances, out_of_distribution=beyond), paths.distances)
    write_json(
        {**{name: IDENTITY[name] for name in identity}, **DISTANCE}, paths.distances.with_suffix(".json")
    )


def two_spaces(codes: "Embedding") -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Mean and standard deviation, (n, units) each, of the contrastive model's spaces."""
    return {
        SALIENT: (codes.salient_mean, codes.salient_sd),
        BACKGROUND: (codes.background_mean, codes.background_sd),
    }


def write_posteriors(
    cohort: pd.DataFrame,
    posteriors: dict[str, tuple[np.ndarray, np.ndarray]],
    recipe: Recipe,
    paths: OutputPaths,
) -> None:
    """Write latents.tsv and draws.npz; every space has its own seed."""
    from adhd_cvae.inference.embedding import draw

    draws = {
        space: draw(mean, sd, recipe.analysis.draws, recipe.seed + offset)
        for offset, (space, (mean, sd)) in enumerate(posteriors.items())
    }
    write_latents(cohort, {space: mean for space, (mean, _) in posteriors.items()}, paths)
    save_arrays({"participant_id": cohort["participant_id"].to_numpy(dtype=str), **draws}, paths.draws)


def write_latents(cohort: pd.DataFrame, means: dict[str, np.ndarray], paths: OutputPaths) -> None:
    """Write posterior means, one row a participant, with a sidecar; float32 values read back exactly."""
    columns = {
        unit_name(space, unit): (space, mean[:, unit].astype(np.float64))
        for space, mean in means.items()
        for unit in range(mean.shape[1])
    }
    identity = [name for name in ("participant_id", "group", "split") if name in cohort]
    table = pd.concat(
        [
            cohort[identity],
            pd.DataFrame({name: values for name, (_, values) in columns.items()}, cohort.index),
        ],
        axis=1,
    )
    described = {
        name: {"Description": f"Posterior mean, {SPACE_DESCRIPTIONS[space]}"}
        for name, (space, _) in columns.items()
    }
    write_tsv(table, paths.latents)
    write_json(
        {**{name: IDENTITY[name] for name in identity}, **described}, paths.latents.with_suffix(".json")
    )


def save_arrays(arrays: dict[str, np.ndarray], path: Path) -> None:
    """Write a ``.npz`` that is whole or absent and holds no pickle."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_draws(path: Path, participants: pd.Series) -> dict[str, np.ndarray]:
    """Read draws.npz, (draws, n, units) each, in the order of `participants`; never runs pickled code."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, OSError) as error:
        raise InputError(
            f"{path} cannot be read as .npz without pickle ({error}). Write it with np.savez."
        ) from None
    if "participant_id" not in arrays:
        raise InputError(f"{path} has no array 'participant_id' (found: {', '.join(arrays)}).")
    rows = pd.Index(arrays.pop("participant_id").astype(str)).get_indexer(pd.Index(participants))
    if (rows < 0).any():
        raise InputError(f"{path} lacks {int((rows < 0).sum())} participants of latents.tsv. Embed again.")
    bad = [name for name, values in arrays.items() if values.ndim != 3 or values.shape[1] <= rows.max()]
    if bad:
        raise InputError(
            f"{path}: '{bad[0]}' has shape {arrays[bad[0]].shape}; expected (draws, participants, units)."
        )
    return {name: values[:, rows] for name, values in arrays.items()}


def _spaces(table: pd.DataFrame, prefixes: dict[str, str], path: Path) -> dict[str, np.ndarray]:
    found = {space: table[units_in(table, space)].to_numpy(np.float64) for space in prefixes}
    found = {space: values for space, values in found.items() if values.shape[1]}
    if not found:
        raise InputError(
            f"{path} has no latent column (found: {', '.join(map(str, table.columns))}). "
            f"Expected names such as {', '.join(f'{prefix}_00' for prefix in prefixes.values())}."
        )
    return found
