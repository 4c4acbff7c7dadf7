"""Decoded arrays in; NIfTI maps and the tables about them out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from adhd_cvae.analysis.effect_components import EffectComponents, effect_components
from adhd_cvae.analysis.group_maps import peaks_table, salient_effect_maps, severity_maps, to_volume
from adhd_cvae.config import Recipe
from adhd_cvae.images.nifti import map_name, save_nifti
from adhd_cvae.names import ALPHA, TEMPLATE
from bids_adapters.atlas import read_atlas
from pipelines.output_dir.analysis_inputs import AnalysisInputs
from pipelines.output_dir.latents import read_decoded
from pipelines.output_dir.paths import OutputPaths

PERMUTATIONS = 1000
"""Most rearrangements of a voxelwise test."""
LARGE = 0.5
"""Share of the largest mean change below which a voxel does not. All voxels move along the few directions of s, so a
test passes nearly everywhere once s differs from 0: the size of the change says where."""
AXES = ["x_mm", "y_mm", "z_mm"]
EFFECT = "salientEffect"
"""Start of the name of the maps of patients minus their twins."""


@dataclass(frozen=True)
class BrainResults:
    """Maps and tables of what the salient space does to the brain, each made once and when first asked for."""

    paths: OutputPaths
    evidence: AnalysisInputs
    recipe: Recipe

    @property
    def steps(self) -> dict[str, Callable[[], pd.DataFrame | None]]:
        """Name of each table of ``analysis/`` to what makes it, and the maps that belong to it."""
        return {
            "peaks": self.peaks,
            "voxelwise": self.voxelwise,
            "effect_components": self.components_table,
            "effect_scores": self.scores_table,
        }

    @cached_property
    def _decoded(self) -> dict[str, np.ndarray]:
        return read_decoded(self.paths.decoded)

    @cached_property
    def _patients(self) -> pd.DataFrame:
        """Rows of the cohort in the order of the effects."""
        names = self._decoded["effect_participant_id"].astype(str)
        return self.evidence.cohort.set_index("participant_id").reindex(names)

    @cached_property
    def _tests(self) -> dict[str, dict[str, np.ndarray]]:
        """Variable ("" for the effect itself) to its voxelwise maps."""
        effect, mask, seed = self._decoded["effect"], self._decoded["mask"], self.recipe.seed
        permutations = min(self.recipe.analysis.permutations, PERMUTATIONS)
        tests = {"": salient_effect_maps(effect, mask, permutations=permutations, seed=seed)}
        within = self.recipe.analysis.permute_within
        strata = None if within is None else pd.Series(self._patients[within])
        for battery in self.recipe.analysis.batteries:
            if battery in self._patients:
                values = self._patients[battery].to_numpy(float)
                tests[battery] = severity_maps(
                    effect, mask, values, strata=strata, permutations=permutations, seed=seed
                )
        return tests

    @cached_property
    def _components(self) -> EffectComponents | None:
        site = self.recipe.cohort.site
        patients = self._patients
        known = site is not None and site in patients
        sites = patients[site].to_numpy() if known else np.full(len(patients), np.nan)
        return effect_components(self._decoded["effect"], sites)

    def peaks(self) -> pd.DataFrame:
        """Write every map; return the peaks of the salient effect, named where the user brought an atlas.

        The salient effect and its test, its correlation with each battery's component, each salient unit's map
        and its traversal (4-D, one volume a step).
        """
        mask = self._decoded["mask"]
        for variable, maps in self._tests.items():
            for name, values in maps.items():
                self._save(map_name(EFFECT, *(("by", variable) if variable else ()), name), values)
        for unit, values in enumerate(self._decoded.get("salient_map", ())):
            self._save(f"salientUnit{unit:02d}", to_volume(values, mask))
        for unit, steps in enumerate(self._decoded.get("traversal", ())):
            volumes = [to_volume(step, mask) for step in steps]
            self._save(f"traversalUnit{unit:02d}", np.stack(volumes, axis=-1))
        return self._named(_peaks(self._tests[""], self._decoded["affine"]))

    def voxelwise(self) -> pd.DataFrame:
        """Summarise each voxelwise test: who, how many voxels, how many beyond chance, the largest value."""
        mask = self._decoded["mask"].astype(bool)
        rows = [_summary(variable, maps, mask) for variable, maps in self._tests.items() if "p" in maps]
        columns = ["variable", "statistic", "voxels", "significant", "largest", "p_value"]
        return pd.DataFrame(rows, columns=columns)

    def components_table(self) -> pd.DataFrame | None:
        """Write the maps of the effect's principal components; return how they do at sites left out."""
        if self._components is None:
            return None
        for rank, values in enumerate(self._components.maps, start=1):
            self._save(f"{EFFECT}Component{rank:02d}", to_volume(values, self._decoded["mask"]))
        return self._components.table

    def scores_table(self) -> pd.DataFrame | None:
        """Score each patient by the components of the other sites' patients; None where no site was left out."""
        if self._components is None or np.isnan(self._components.scores).all():
            return None
        scores = self._components.scores.T
        columns = {f"component_{rank}": values for rank, values in enumerate(scores, start=1)}
        return pd.DataFrame({"participant_id": self._patients.index, **columns})

    def _save(self, name: str, values: np.ndarray) -> None:
        path = self.paths.maps / f"space-{TEMPLATE}_desc-{name}_map.nii.gz"
        save_nifti(np.asarray(values, np.float32), self._decoded["affine"], path)

    def _named(self, peaks: pd.DataFrame) -> pd.DataFrame:
        atlas = read_atlas(self.recipe.analysis.atlas)
        if atlas is None:
            return peaks
        points = peaks[AXES].to_numpy(float)
        return peaks.assign(label=[atlas.name_at(point) for point in points])


def _summary(variable: str, maps: dict[str, np.ndarray], mask: np.ndarray) -> dict[str, Any]:
    statistic = "r" if "r" in maps else "t"
    values, p = maps[statistic][mask], maps["p"][mask]
    return {
        "variable": variable or None,
        "statistic": statistic,
        "voxels": int(mask.sum()),
        "significant": int((p < ALPHA).sum()),
        "largest": float(values[np.abs(values).argmax()]),
        "p_value": float(p.min()),
    }


def _peaks(effect: dict[str, np.ndarray], affine: np.ndarray) -> pd.DataFrame:
    """Where the mean change is large and significant, largest first; `peak` is the change, `t` its statistic."""
    mean = np.where(effect["p"] < ALPHA, effect["mean"], 0) if "p" in effect else np.zeros((1, 1, 1))
    # Against the largest change of all, significant or not.
    peaks = peaks_table(mean, affine, LARGE * float(np.abs(effect["mean"]).max()))
    voxels = np.rint(
        np.linalg.inv(affine) @ np.append(peaks[AXES].to_numpy(float), np.ones((len(peaks), 1)), 1).T
    )
    values = effect["t"][tuple(voxels[:3].astype(int))] if len(peaks) else []
    return peaks.assign(t=values)
