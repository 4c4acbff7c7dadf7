"""What the salient space does to the brain: maps of patients minus their twins, and the tables about them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adhd_cvae.analysis.effect_components import EffectComponents, effect_components
from adhd_cvae.analysis.group_maps import peaks_table, salient_effect_maps, severity_maps, to_volume
from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.config import MapsConfig
from adhd_cvae.names import ALPHA

AXES = ["x_mm", "y_mm", "z_mm"]
EFFECT = "salientEffect"
"""Start of the name of the maps of patients minus their twins."""
NamedMap = tuple[tuple[str, ...], NDArray]
"""Words of a map's name, and its values, (x, y, z) or (x, y, z, steps)."""


@dataclass(frozen=True)
class SalientEffect:
    """Maps and tables, each made once and when first asked for.

    Parameters
    ----------
    decoded
        ``effect`` (n, voxels): patients minus their twins; ``mask`` (x, y, z) of those voxels; ``affine`` (4, 4);
        where they are, ``salient_map`` (units, voxels) and ``traversal`` (units, steps, voxels).
    patients
        Their rows of the cohort, named by participant, in the order of the effects.
    site
        Column of the site; None where it is not known.
    batteries
        Columns whose relation with the effect is tested.
    inference
        Of the voxelwise tests; its strata are those of `patients`, within which `batteries` are permuted.
    settings
        What is read off the maps.
    """

    decoded: Mapping[str, NDArray]
    patients: pd.DataFrame
    site: str | None
    batteries: tuple[str, ...]
    inference: Inference
    settings: MapsConfig

    @cached_property
    def _tests(self) -> dict[str, dict[str, NDArray]]:
        """Variable ("" for the effect itself) to its voxelwise maps."""
        effect, mask = self.decoded["effect"], self.decoded["mask"]
        tests = {"": salient_effect_maps(effect, mask, self.inference)}
        for battery in self.batteries:
            values = self.patients[battery].to_numpy(float)
            tests[battery] = severity_maps(effect, mask, values, self.inference)
        return tests

    @cached_property
    def _components(self) -> EffectComponents | None:
        unknown = np.full(len(self.patients), np.nan)
        sites = unknown if self.site is None else self.patients[self.site].to_numpy()
        return effect_components(
            self.decoded["effect"],
            sites,
            components=self.settings.components,
            minimum=self.inference.sizes.minimum_patients,
        )

    def maps(self) -> Iterator[NamedMap]:
        """Give every map but the components': the effect and its test, its correlation with each battery, each
        salient unit's map and its traversal (one volume a step).
        """
        mask = self.decoded["mask"]
        for variable, maps in self._tests.items():
            for name, values in maps.items():
                yield (EFFECT, *(("by", variable) if variable else ()), name), values
        for unit, values in enumerate(self.decoded.get("salient_map", ())):
            yield (f"salientUnit{unit:02d}",), to_volume(values, mask)
        for unit, steps in enumerate(self.decoded.get("traversal", ())):
            volumes = [to_volume(step, mask) for step in steps]
            yield (f"traversalUnit{unit:02d}",), np.stack(volumes, axis=-1)

    def component_maps(self) -> Iterator[NamedMap]:
        """Give the maps of the effect's principal components, the largest first."""
        components = () if self._components is None else self._components.maps
        for rank, values in enumerate(components, start=1):
            yield (f"{EFFECT}Component{rank:02d}",), to_volume(values, self.decoded["mask"])

    def peaks(self) -> pd.DataFrame:
        """Where the mean change is large and significant, largest first; `peak` is the change, `t` its statistic."""
        maps, affine = self._tests[""], self.decoded["affine"]
        mean = np.where(maps["p"] < ALPHA, maps["mean"], 0) if "p" in maps else np.zeros((1, 1, 1))
        # Against the largest change of all, significant or not.
        threshold = self.settings.least_change * float(np.abs(maps["mean"]).max())
        peaks = peaks_table(mean, affine, threshold, cluster_voxels=self.settings.cluster_voxels)
        places = np.append(peaks[AXES].to_numpy(float), np.ones((len(peaks), 1)), 1)
        voxels = np.rint(np.linalg.inv(affine) @ places.T)
        values = maps["t"][tuple(voxels[:3].astype(int))] if len(peaks) else []
        return peaks.assign(t=values)

    def voxelwise(self) -> pd.DataFrame:
        """Summarise each voxelwise test: of what, how many voxels, how many beyond chance, the largest value."""
        mask = self.decoded["mask"].astype(bool)
        rows = [_summary(variable, maps, mask) for variable, maps in self._tests.items() if "p" in maps]
        columns = ["variable", "statistic", "voxels", "significant", "largest", "p_value"]
        return pd.DataFrame(rows, columns=columns)

    def components(self) -> pd.DataFrame | None:
        """How the effect's principal components do at sites left out; None where there are no components."""
        return None if self._components is None else self._components.table

    def scores(self) -> pd.DataFrame | None:
        """Score each patient by the components of the other sites' patients; None where no site was left out."""
        if self._components is None or np.isnan(self._components.scores).all():
            return None
        scores = self._components.scores.T
        columns = {f"component_{rank}": values for rank, values in enumerate(scores, start=1)}
        return pd.DataFrame({"participant_id": self.patients.index, **columns})


def _summary(variable: str, maps: dict[str, NDArray], mask: NDArray) -> dict[str, Any]:
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
