"""What the analysis reads: cohort, latents and samples brought to one order, and the variables asked about."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from adhd_cvae.analysis.harmonisation import is_of_folds
from adhd_cvae.analysis.variables import battery_component
from adhd_cvae.config import AnalysisConfig
from adhd_cvae.errors import InputError
from adhd_cvae.names import BASELINE_PREFIXES, PREFIXES, TARGET
from pipelines.output_dir.latents import codes_by_space, read_samples
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.tables import BASELINES, COHORT, FOLD_ARRAYS, LATENTS, OUT_OF_FOLD

Scale = Literal["ratio", "nominal"]


@dataclass(frozen=True)
class AnalysisInputs:
    """Everything in the order of `cohort`.

    Attributes
    ----------
    cohort
        One row a participant, batteries added; `fold`, where it is known who was held out together.
    spaces
        Name to posterior means, (n, units): out of fold, turned into one frame, where models of folds were fitted here;
        for what is asked within one group.
    own
        The same in each fold's own frame, for what is asked about the groups.
    in_sample
        Name to posterior means by the registered model, fitted to everybody; empty where `spaces` are all there is.
    samples
        Name to posterior samples, (samples, n, units), in the frame of `spaces`.
    discriminants
        Name to weights (folds, units + 1) that tell the groups in each fold's training part; empty where unknown.
    linear_folds
        Whether the folds' models are linear ones.
    baselines
        Name to scores of the linear baselines, (n, units); empty where there are none.
    scales
        Variable to its scale, for the variables that the cohort has.
    warnings
        What was left out, in words.
    """

    cohort: pd.DataFrame
    spaces: dict[str, np.ndarray]
    own: dict[str, np.ndarray]
    in_sample: dict[str, np.ndarray]
    samples: dict[str, np.ndarray]
    discriminants: dict[str, np.ndarray]
    linear_folds: bool
    baselines: dict[str, np.ndarray]
    scales: dict[str, Scale]
    warnings: tuple[str, ...]

    @property
    def participants(self) -> list[str]:
        """Who, in order."""
        return self.cohort["participant_id"].astype(str).tolist()

    @cached_property
    def is_patient(self) -> np.ndarray:
        """(n,) bool: member of the target group."""
        return (self.cohort["group"] == TARGET).to_numpy()

    @property
    def folds(self) -> np.ndarray | None:
        """(n,) who was held out together; None where codes are in sample, or it is not known."""
        return self.cohort["fold"].to_numpy() if "fold" in self.cohort else None

    def patients(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], pd.DataFrame]:
        """Spaces, samples and rows of the patients: the same ones in every space, so that spaces compare."""
        rows = self.is_patient
        return (
            {name: values[rows] for name, values in self.spaces.items()},
            {name: values[:, rows] for name, values in self.samples.items()},
            pd.DataFrame(self.cohort[rows]).reset_index(drop=True),
        )


def read_analysis_inputs(paths: OutputPaths, settings: AnalysisConfig) -> AnalysisInputs:
    """Read and align the files: out_of_fold.* where they are there, else latents.tsv and draws.npz.

    Raises
    ------
    InputError
        A file is missing or names other participants, or none of the variables is in the cohort.
    """
    missing = [file.name for file in (paths.cohort, paths.latents, paths.draws) if not file.is_file()]
    if missing:
        raise InputError(f"{paths.folder} has no {', no '.join(missing)}. Put it there, or run embed first.")
    latents = LATENTS.read(paths.latents)
    participants = pd.Series(latents["participant_id"])
    cohort = _in_order(COHORT.read(paths.cohort), participants, paths.cohort)
    cohort = cohort.drop(columns="fold", errors="ignore")
    codes: dict[str, Any]
    if paths.out_of_fold.is_file():
        table = _in_order(OUT_OF_FOLD.read(paths.out_of_fold), participants, paths.out_of_fold)
        cohort["fold"] = table["fold"].to_numpy()
        codes = _of_folds(table, participants, paths)
        codes["in_sample"] = codes_by_space(latents, PREFIXES, paths.latents)
    else:
        if "fold" in latents:
            cohort["fold"] = latents["fold"].to_numpy()
        spaces = codes_by_space(latents, PREFIXES, paths.latents)
        codes = {"spaces": spaces, "own": spaces, "samples": read_samples(paths.draws, participants)}
        codes |= {"in_sample": {}, "discriminants": {}, "linear_folds": False}
    baselines: dict[str, np.ndarray] = {}
    if paths.baselines.is_file():
        table = _in_order(BASELINES.read(paths.baselines), participants, paths.baselines)
        baselines = codes_by_space(table, BASELINE_PREFIXES, paths.baselines)
    cohort, battery_warnings = with_batteries(cohort, settings)
    scales, scale_warnings = known_variables(cohort, settings)
    if settings.permute_within is not None and settings.permute_within not in cohort:
        raise InputError(
            f"analysis.permute_within names '{settings.permute_within}', which cohort.tsv does not have "
            f"(found: {', '.join(map(str, cohort.columns))}). Permute freely with "
            "--set analysis.permute_within=null, or name another column."
        )
    warnings = (*battery_warnings, *scale_warnings)
    if "fold" not in cohort:
        warnings = (*warnings, "no folds are known: every number is in sample or unknown, and says so")
    return AnalysisInputs(cohort=cohort, baselines=baselines, scales=scales, warnings=warnings, **codes)


def _of_folds(table: pd.DataFrame, participants: pd.Series, paths: OutputPaths) -> dict[str, Any]:
    """Codes and samples out of fold, and what brings them into one frame."""
    arrays = FOLD_ARRAYS.read(paths.out_of_fold_arrays)
    own = codes_by_space(table, PREFIXES, paths.out_of_fold)
    samples = read_samples(paths.out_of_fold_arrays, participants, own)
    place = np.searchsorted(arrays["folds"], table["fold"].to_numpy())
    spaces, turned = {}, {}
    for space, values in own.items():
        turns = arrays.get(f"{space}_turn")
        if turns is None or turns.shape[1:] != (values.shape[1],) * 2 or place.max() >= len(turns):
            raise InputError(
                f"{paths.out_of_fold_arrays} does not fit {paths.out_of_fold.name}. Embed again."
            )
        spaces[space] = np.einsum("nu,nuv->nv", values, turns[place])
        turned[space] = np.einsum("snu,nuv->snv", samples[space], turns[place])
    end = "_discriminant"
    found = {name.removesuffix(end): weights for name, weights in arrays.items() if name.endswith(end)}
    return {
        "spaces": spaces,
        "own": own,
        "samples": turned,
        "discriminants": found,
        "linear_folds": bool(arrays["linear"]),
    }


def with_batteries(cohort: pd.DataFrame, settings: AnalysisConfig) -> tuple[pd.DataFrame, list[str]]:
    """Add each battery's first component, fitted over everybody who has all its columns."""
    warnings = []
    added = {}
    for name, columns in settings.batteries.items():
        absent = [column for column in columns if column not in cohort]
        if absent:
            warnings.append(f"battery {name} left out: cohort.tsv has no column {', '.join(absent)}")
        else:
            added[name] = battery_component(pd.DataFrame(cohort[list(columns)]))
    return cohort.assign(**added), warnings


def known_variables(cohort: pd.DataFrame, settings: AnalysisConfig) -> tuple[dict[str, Scale], list[str]]:
    """Keep the variables the cohort has; name the others."""
    asked: dict[str, Scale] = {variable.name: variable.scale for variable in settings.variables}
    filled = set(cohort.columns[cohort.notna().any()])
    known: dict[str, Scale] = {name: scale for name, scale in asked.items() if name in filled}
    if not known:
        raise InputError(
            f"none of the recipe's variables ({', '.join(asked) or 'none named'}) is in cohort.tsv (found: "
            f"{', '.join(map(str, cohort.columns))}). Name some under analysis.variables."
        )
    left_out = [name for name in asked if name not in known]
    warnings = [f"not in cohort.tsv, left out of the analysis: {', '.join(left_out)}"] if left_out else []
    for name in [name for name in known if is_of_folds(cohort, name)]:
        del known[name]
        warnings.append(
            f"{name} left out of the analysis: each of its values has models of its own (cohort.folds), so that what "
            "differs between them may be the models"
        )
    return known, warnings


def _in_order(table: pd.DataFrame, participants: pd.Series, path: Path) -> pd.DataFrame:
    indexed = table.set_index("participant_id")
    absent = [name for name in participants if name not in indexed.index]
    if absent:
        raise InputError(f"{path} lacks {len(absent)} participants of latents.tsv (first: {absent[0]}).")
    return indexed.loc[participants].reset_index()
