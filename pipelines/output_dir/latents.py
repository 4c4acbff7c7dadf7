"""latents.tsv, draws.npz and distances.tsv: posterior means and samples in and out."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adhd_cvae.errors import InputError
from adhd_cvae.names import BACKGROUND, SALIENT, unit_name, unit_names, units_in
from pipelines.output_dir.tables import DISTANCES, DRAWS, LATENTS

if TYPE_CHECKING:
    from adhd_cvae.inference.embedding import Embedding

_IDENTITY = ("participant_id", "group", "split")


def two_spaces(codes: "Embedding") -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Mean and standard deviation, (n, units) each, of the contrastive model's spaces."""
    return {
        SALIENT: (codes.salient_mean, codes.salient_sd),
        BACKGROUND: (codes.background_mean, codes.background_sd),
    }


def write_latents(cohort: pd.DataFrame, means: dict[str, np.ndarray], path: Path) -> None:
    """Write posterior means, (n, units) each, one row a participant; float32 values read back exactly."""
    columns = {
        unit_name(space, unit): mean[:, unit].astype(np.float64)
        for space, mean in means.items()
        for unit in range(mean.shape[1])
    }
    LATENTS.write(pd.concat([_identity(cohort), pd.DataFrame(columns, cohort.index)], axis=1), path)


def write_distances(cohort: pd.DataFrame, distances: np.ndarray, beyond: np.ndarray, path: Path) -> None:
    """Write distances from the training participants, and whether each is beyond theirs, one row a participant."""
    DISTANCES.write(_identity(cohort).assign(distance=distances, out_of_distribution=beyond), path)


def write_samples(cohort: pd.DataFrame, samples: dict[str, np.ndarray], path: Path) -> None:
    """Write posterior samples, (samples, n, units) each."""
    DRAWS.write({"participant_id": cohort["participant_id"].to_numpy(dtype=str), **samples}, path)


def read_samples(path: Path, participants: pd.Series) -> dict[str, np.ndarray]:
    """Read posterior samples, (samples, n, units) each, in the order of `participants`.

    Raises
    ------
    InputError
        The file is damaged, lacks a participant, or an array is of another shape.
    """
    arrays = DRAWS.read(path)
    rows = pd.Index(arrays.pop("participant_id").astype(str)).get_indexer(pd.Index(participants))
    if (rows < 0).any():
        raise InputError(f"{path} lacks {int((rows < 0).sum())} participants of latents.tsv. Embed again.")
    misshapen = [name for name, values in arrays.items() if values.ndim != 3 or values.shape[1] <= rows.max()]
    if misshapen:
        shape = arrays[misshapen[0]].shape
        raise InputError(
            f"{path}: '{misshapen[0]}' has shape {shape}; expected (draws, participants, units)."
        )
    return {name: values[:, rows] for name, values in arrays.items()}


def codes_by_space(table: pd.DataFrame, spaces: Iterable[str], path: Path) -> dict[str, np.ndarray]:
    """Take each space's columns from a table, (n, units) each; `path` is where it was read.

    Raises
    ------
    InputError
        It has none of them.
    """
    found = {space: table[units_in(table, space)].to_numpy(np.float64) for space in spaces}
    found = {space: values for space, values in found.items() if values.shape[1]}
    if not found:
        raise InputError(
            f"{path} has no latent column (found: {', '.join(map(str, table.columns))}). "
            f"Expected names such as {', '.join(unit_names(space, 1)[0] for space in spaces)}."
        )
    return found


def _identity(cohort: pd.DataFrame) -> pd.DataFrame:
    """Those of the columns that tell participants apart which this cohort has: new participants need no group."""
    return pd.DataFrame(cohort[[name for name in _IDENTITY if name in cohort]])
