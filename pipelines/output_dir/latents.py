"""latents.tsv, out_of_fold.tsv, their samples and distances.tsv: posteriors in and out."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adhd_cvae.errors import InputError
from adhd_cvae.names import BACKGROUND, SALIENT, sd_name, unit_names, units_in
from pipelines.output_dir.tables import DISTANCES, DRAWS, LATENTS, OUT_OF_FOLD

if TYPE_CHECKING:
    from adhd_cvae.inference.embedding import Embedding

_IDENTITY = ("participant_id", "group")


def two_spaces(codes: "Embedding") -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Mean and standard deviation, (n, units) each, of the contrastive model's spaces."""
    return {
        SALIENT: (codes.salient_mean, codes.salient_sd),
        BACKGROUND: (codes.background_mean, codes.background_sd),
    }


Posteriors = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Space to posterior means and standard deviations, (n, units) each."""


def write_latents(cohort: pd.DataFrame, posteriors: Posteriors, path: Path) -> None:
    """Write posteriors, one row a participant; float32 values read back exactly."""
    LATENTS.write(pd.concat([_identity(cohort), _columns(posteriors, cohort.index)], axis=1), path)


def write_out_of_fold(cohort: pd.DataFrame, folds: np.ndarray, posteriors: Posteriors, path: Path) -> None:
    """Write posteriors by models that have not met the participant, and each one's fold, (n,)."""
    identity = _identity(cohort).assign(fold=folds)
    OUT_OF_FOLD.write(pd.concat([identity, _columns(posteriors, cohort.index)], axis=1), path)


def _columns(posteriors: Posteriors, index: pd.Index) -> pd.DataFrame:
    units = {space: unit_names(space, mean.shape[1]) for space, (mean, _) in posteriors.items()}
    means, sds = (
        {
            named(unit): posteriors[space][which][:, place].astype(np.float64)
            for space, names in units.items()
            for place, unit in enumerate(names)
        }
        for which, named in enumerate((str, sd_name))
    )
    return pd.DataFrame({**means, **sds}, index)


def write_distances(
    cohort: pd.DataFrame,
    distances: np.ndarray,
    beyond: np.ndarray,
    path: Path,
    known: np.ndarray | None = None,
) -> None:
    """Write distances from the training participants, and whether each is beyond theirs, one row a participant.

    `known` says whose site the model has met, where that counts.
    """
    table = _identity(cohort).assign(distance=distances, out_of_distribution=beyond)
    DISTANCES.write(table if known is None else table.assign(known_site=known), path)


def write_samples(cohort: pd.DataFrame, samples: dict[str, np.ndarray], path: Path) -> None:
    """Write posterior samples, (samples, n, units) each."""
    DRAWS.write({"participant_id": cohort["participant_id"].to_numpy(dtype=str), **samples}, path)


def read_samples(
    path: Path, participants: pd.Series, spaces: Iterable[str] | None = None
) -> dict[str, np.ndarray]:
    """Read posterior samples, (samples, n, units) each, in the order of `participants`.

    Parameters
    ----------
    spaces
        Arrays to read; all where none are named.

    Raises
    ------
    InputError
        The file is damaged, lacks a participant or a space, or an array is of another shape.
    """
    arrays = DRAWS.read(path)
    if spaces is not None:
        lacking = [space for space in spaces if space not in arrays]
        if lacking:
            raise InputError(f"{path} has no '{lacking[0]}' (found: {', '.join(arrays)}). Embed again.")
        arrays = {name: arrays[name] for name in ("participant_id", *spaces)}
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
