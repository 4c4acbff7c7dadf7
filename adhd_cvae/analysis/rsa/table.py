"""Every space against every variable: relations, their differences between spaces, what covariates leave."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, cast

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray

from adhd_cvae.analysis.permutation import DEFAULTS, Inference, cell_generator, false_discovery_rate
from adhd_cvae.analysis.rsa.noise_ceiling import noise_ceiling
from adhd_cvae.analysis.rsa.partial import Held, Partial, partial_rsa
from adhd_cvae.analysis.rsa.permutation_rsa import RsaResult, interval, permutation_rsa
from adhd_cvae.analysis.variables import Row, Scale, check_rows, numeric_values
from adhd_cvae.config import PartialConfig, SizesConfig
from adhd_cvae.names import BACKGROUND, SALIENT

RSA_COLUMNS = [
    *("space", "variable", "scale", "n", "tau", "ci_low", "ci_high", "null_sd", "p_value", "p_fdr"),
    *("null_mean", "difference", "difference_ci_low", "difference_ci_high"),
    *("tau_partial", "p_partial", "partial_permutations", "partial_note", "noise_ceiling", "note"),
]
"""`difference`, in the salient rows: tau beyond its chance level (`null_mean` where participants are permuted within
strata, else 0), salient minus background, with the interval over the same resamples of participants. `tau_partial`,
`p_partial`: see `partial_rsa`; from `partial_permutations` rearrangements. `noise_ceiling`: see there."""


class _Study(NamedTuple):
    """What every cell of the table is asked of."""

    spaces: Mapping[str, NDArray[np.float64]]
    known: Mapping[str, NDArray[np.float64]]
    """(n,) numbers or codes; NaN where missing, or where a space has none."""
    scales: Mapping[str, Scale]
    held: Held | None
    inference: Inference
    """Strata as codes."""
    settings: PartialConfig

    def relation(self, space: str, name: str) -> RsaResult:
        """Relate a space to a variable.

        One seed a variable: all spaces see the same permutations and resamples, so that they compare.
        """
        return permutation_rsa(
            self.spaces[space],
            self.known[name],
            self.scales[name],
            permutations=self.inference.permutations,
            bootstraps=self.inference.bootstraps,
            seed=cell_generator(self.inference.seed, "rsa", name),
            strata=self.inference.strata,
            sizes=self.inference.sizes,
        )

    def partial(self, space: str, name: str, relation: RsaResult) -> Row:
        """Partial columns of a cell; none where nothing is held constant."""
        if self.held is None or not self.held.all_names:
            return {}
        if name in self.held.all_names:
            found = Partial(partial_note="it is itself held constant")
        elif not len(relation.null):
            found = Partial(partial_note="not tested, see note")
        else:
            found = partial_rsa(
                self.spaces[space],
                self.known[name],
                self.scales[name],
                self.held,
                inference=self.inference,
                settings=self.settings,
                rng=cell_generator(self.inference.seed, "partial", name),
            )
        return found._asdict()

    def row(self, space: str, name: str) -> tuple[RsaResult, Row]:
        """Give a cell's relation and the columns that need no other cell."""
        relation = self.relation(space, name)
        place: Row = {"space": space, "variable": name, "scale": self.scales[name]}
        columns = ("n", "tau", "ci_low", "ci_high", "null_sd", "p_value", "null_mean", "note")
        numbers = {column: getattr(relation, column) for column in columns}
        return relation, place | numbers | self.partial(space, name, relation)


def rsa_table(
    spaces: Mapping[str, NDArray],
    variables: pd.DataFrame,
    scales: Mapping[str, Scale],
    inference: Inference,
    *,
    held: Held | None = None,
    partial: PartialConfig = DEFAULTS.partial,
    n_jobs: int = -1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> pd.DataFrame:
    """Every space against every variable, with Benjamini-Hochberg's correction over the whole table.

    Parameters
    ----------
    spaces
        Name: (n, units) posterior means. A variable is asked of the participants with finite means in all of
        them (but for a space that has none), so that spaces compare.
    variables
        n rows in the same order; only the columns named in `scales` are used.
    scales
        Variable: ``ratio`` or ``nominal``.
    inference
        As in `permutation_rsa`.
    held
        What is held constant in the partial tau, of the same n participants; `held_columns` takes it from a table.
    partial
        How it is held constant.
    n_jobs
        Threads that share the cells; the result does not depend on it.
    progress
        Called with the number of cells that are done, and of all.

    Returns
    -------
    pandas.DataFrame
        Columns `RSA_COLUMNS`; `noise_ceiling` is left to `with_noise_ceilings`.
    """
    check_rows(spaces, variables, scales)
    numbers = {name: numeric_values(variables[name], scale, name) for name, scale in scales.items()}
    arrays = {name: np.asarray(latents, np.float64) for name, latents in spaces.items()}
    in_all = _finite_everywhere(arrays, len(variables))
    values = {name: np.where(in_all, known, np.nan) for name, known in numbers.items()}
    inference = inference.among(np.ones(len(variables), bool))
    return _table(_Study(arrays, values, scales, held, inference, partial), n_jobs, progress)


def with_noise_ceilings(
    table: pd.DataFrame, spaces: Mapping[str, NDArray], samples: Mapping[str, NDArray], sizes: SizesConfig
) -> pd.DataFrame:
    """Add to a table of relations how high each space's could be, where it has posterior samples.

    Parameters
    ----------
    samples
        Name: (samples, n, units), in the order of `spaces`.
    """
    ceilings = {
        name: noise_ceiling(means, samples[name], sizes) for name, means in spaces.items() if name in samples
    }
    return table.assign(noise_ceiling=[ceilings.get(space, np.nan) for space in table["space"]])


def _table(study: _Study, n_jobs: int, progress: Callable[[int, int], None]) -> pd.DataFrame:
    """Fill the cells, then add what compares them."""
    cells = [(space, name) for space in study.spaces for name in study.known]
    threads = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
    found: dict[tuple[str, str], tuple[RsaResult, Row]] = {}
    progress(0, len(cells))
    rows_in_turn = cast("Iterator", threads(delayed(study.row)(*cell) for cell in cells))
    for cell, row in zip(cells, rows_in_turn, strict=True):
        found[cell] = row
        progress(len(found), len(cells))
    rows = []
    for (space, name), (relation, row) in found.items():
        if space == SALIENT and (BACKGROUND, name) in found:
            row |= _difference(relation, found[BACKGROUND, name][0])
        rows.append(row)
    table = pd.DataFrame(rows, columns=RSA_COLUMNS)
    table["p_fdr"] = false_discovery_rate(table["p_value"].to_numpy(np.float64))
    return table


def _finite_everywhere(spaces: Mapping[str, NDArray[np.float64]], n: int) -> NDArray[np.bool_]:
    """(n,) participants with finite means in every space that has any."""
    finite = [np.isfinite(latents).all(axis=1) for latents in spaces.values()]
    return np.all([rows for rows in finite if rows.any()] or [np.ones(n, bool)], axis=0)


def _difference(salient: RsaResult, background: RsaResult) -> Row:
    """Salient minus background, each beyond chance, for the same participants and the same resamples."""
    if not len(salient.null) or not len(background.null):
        return {}
    shift = background.chance - salient.chance
    low, high = interval(salient.resampled - background.resampled + shift)
    difference = salient.tau - background.tau + shift
    return {"difference": difference, "difference_ci_low": low, "difference_ci_high": high}
