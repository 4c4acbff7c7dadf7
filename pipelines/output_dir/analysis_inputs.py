"""What the analysis reads: cohort, latents and samples brought to one order, and the variables asked about."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from adhd_cvae.analysis.variables import battery_component
from adhd_cvae.config import AnalysisConfig
from adhd_cvae.errors import InputError
from adhd_cvae.names import BASELINE_PREFIXES, PREFIXES, TARGET, TEST
from pipelines.output_dir.latents import codes_by_space, read_samples
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.tables import BASELINES, COHORT, LATENTS

Scale = Literal["ratio", "nominal"]


@dataclass(frozen=True)
class AnalysisInputs:
    """Everything in the order of `cohort`.

    Attributes
    ----------
    cohort
        One row a participant, batteries added.
    spaces
        Name to posterior means, (n, units).
    samples
        Name to posterior samples, (samples, n, units).
    baselines
        Name to scores of the linear baselines, (n, units); empty where there are none.
    scales
        Variable to its scale, for the variables that the cohort has.
    warnings
        What was left out, in words.
    """

    cohort: pd.DataFrame
    spaces: dict[str, np.ndarray]
    samples: dict[str, np.ndarray]
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

    @cached_property
    def is_held_out(self) -> np.ndarray:
        """(n,) bool: the models were not trained on this participant."""
        return (self.cohort["split"] == TEST).to_numpy()

    def patients(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], pd.DataFrame]:
        """Spaces, samples and rows of the patients: the same ones in every space, so that spaces compare."""
        rows = self.is_patient
        return (
            {name: values[rows] for name, values in self.spaces.items()},
            {name: values[:, rows] for name, values in self.samples.items()},
            pd.DataFrame(self.cohort[rows]).reset_index(drop=True),
        )


def read_analysis_inputs(paths: OutputPaths, settings: AnalysisConfig) -> AnalysisInputs:
    """Read and align the files.

    Raises
    ------
    InputError
        A file is missing or names other participants, or none of the variables is in the cohort.
    """
    missing = [file.name for file in (paths.cohort, paths.latents, paths.draws) if not file.is_file()]
    if missing:
        raise InputError(f"{paths.folder} has no {', no '.join(missing)}. Put it there, or run embed first.")
    latents = LATENTS.read(paths.latents)
    spaces = codes_by_space(latents, PREFIXES, paths.latents)
    participants = pd.Series(latents["participant_id"])
    cohort = _in_order(COHORT.read(paths.cohort), participants, paths.cohort)
    samples = read_samples(paths.draws, participants)
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
    return AnalysisInputs(cohort, spaces, samples, baselines, scales, (*battery_warnings, *scale_warnings))


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
    return known, [f"not in cohort.tsv, left out of the analysis: {', '.join(left_out)}"] if left_out else []


def _in_order(table: pd.DataFrame, participants: pd.Series, path: Path) -> pd.DataFrame:
    indexed = table.set_index("participant_id")
    absent = [name for name in participants if name not in indexed.index]
    if absent:
        raise InputError(f"{path} lacks {len(absent)} participants of latents.tsv (first: {absent[0]}).")
    return indexed.loc[participants].reset_index()
