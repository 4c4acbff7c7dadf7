"""What the salient space does to the brain: maps of patients minus their twins, how far folds agree on them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adhd_cvae.analysis.maps.effect_components import EffectComponents, effect_components
from adhd_cvae.analysis.maps.group_maps import severity_test
from adhd_cvae.analysis.maps.mass_univariate import VoxelTest, to_volume
from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.config import MapsConfig
from adhd_cvae.errors import InputError

EFFECT = "salientEffect"
"""Start of the name of the maps of patients minus their twins."""
NamedMap = tuple[tuple[str, ...], NDArray]
"""Words of a map's name, and its values, (x, y, z) or (x, y, z, steps)."""


@dataclass(frozen=True)
class SalientEffect:
    """Maps and tables, each made once and when first asked for.

    The effect has no p-value: a salient space is made of what tells patients from controls, so that patients differ
    from their twins whatever there is. So do controls whom the model has not met, and that is taken off: with nothing
    there, folds' maps then agree little. How far they do says how much of the effect another sample would show.

    Parameters
    ----------
    decoded
        ``effect`` (n, voxels): patients minus their twins; ``mask`` (x, y, z) of those voxels; ``affine`` (4, 4);
        where they are, ``effect_fold`` (n,): the fold whose model, which has not met the patient, decoded it;
        ``effect_of_controls`` (folds, voxels), the mean over controls of each of the folds ``controls_fold``;
        ``salient_map`` (units, voxels) and ``traversal`` (units, steps, voxels).
    patients
        Their rows of the cohort, named by participant, in the order of the effects.
    site
        Column of the site; None where it is not known.
    batteries
        Columns whose relation with the effect is tested.
    inference
        Of the batteries' tests; its strata are those of `patients`, within which `batteries` are permuted.
    settings
        What is read off the maps.

    Raises
    ------
    InputError
        The effects do not fit the mask, or no patient has finite ones.
    """

    decoded: Mapping[str, NDArray]
    patients: pd.DataFrame
    site: str | None
    batteries: tuple[str, ...]
    inference: Inference
    settings: MapsConfig

    def __post_init__(self) -> None:
        effect, voxels = self.decoded["effect"], int(np.asarray(self.decoded["mask"]).astype(bool).sum())
        if effect.ndim != 2 or effect.shape[1] != voxels:
            raise InputError(
                f"Effects of shape {effect.shape} do not fit a mask of {voxels} voxels. Decode again."
            )
        if not self._known.any():
            raise InputError(
                "No patient has a finite salient effect; expected at least one. Check the decoding."
            )

    @cached_property
    def _known(self) -> NDArray[np.bool_]:
        """(n,): effects that are finite."""
        return np.asarray(np.isfinite(self.decoded["effect"]).all(axis=1))

    @cached_property
    def _of_folds(self) -> tuple[NDArray[np.float64], NDArray[np.int64]] | None:
        """Mean over the patients of each fold less that over its controls, (folds, voxels), and patients by fold; folds
        without either are left out. None where nothing is known of folds.
        """
        if not {"effect_fold", "effect_of_controls"} <= {*self.decoded}:
            return None
        fold, effect = self.decoded["effect_fold"][self._known], self.decoded["effect"][self._known]
        means, sizes = [], []
        for number, controls in zip(
            self.decoded["controls_fold"], self.decoded["effect_of_controls"], strict=True
        ):
            if (fold == number).any() and np.isfinite(controls).all():
                means.append(effect[fold == number].mean(axis=0, dtype=np.float64) - controls)
                sizes.append(np.sum(fold == number))
        return (np.stack(means), np.array(sizes)) if means else None

    @cached_property
    def _mean(self) -> NDArray[np.float64]:
        if self._of_folds is None:
            return self.decoded["effect"][self._known].mean(axis=0, dtype=np.float64)
        means, sizes = self._of_folds
        return np.average(means, axis=0, weights=sizes)

    @cached_property
    def _tests(self) -> dict[str, VoxelTest]:
        """Battery to its test."""
        effect = self.decoded["effect"]
        return {
            name: severity_test(effect, self.patients[name].to_numpy(float), self.inference)
            for name in self.batteries
        }

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
        """Give every map but the components': the mean effect and where folds agree on its sign, its correlation with
        each battery, each salient unit's map and its traversal (one volume a step).
        """
        mask = self.decoded["mask"]
        yield (EFFECT, "mean"), to_volume(self._mean, mask)
        if self._of_folds is not None:
            yield (EFFECT, "agreement"), to_volume(_agree(self._of_folds[0]), mask)
        for battery, test in self._tests.items():
            tested = test.volumes(mask)
            if tested:
                tested |= {"r": to_volume(test.r, mask), "slope": to_volume(test.slope, mask)}
            yield from (((EFFECT, "by", battery, name), values) for name, values in tested.items())
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

    def rows(self) -> list[dict[str, Any]]:
        """Give the rows of ``group_maps.tsv`` of the effect, without a p-value, and of its tests with batteries."""
        mean, folds = self._mean, self._of_folds
        row: dict[str, Any] = {"map": "salient_effect", "statistic": "mean", "n": int(self._known.sum())}
        row |= {"voxels": len(mean), "largest": float(mean[np.abs(mean).argmax()])}
        if folds is None:
            row["note"] = "in sample or unknown: which model decoded whom is not known"
        else:
            row |= {"n": int(folds[1].sum()), **fold_agreement(folds[0])}
        strata = self.inference.strata
        held = str(strata.name) if isinstance(strata, pd.Series) else ""
        return [row, *(test.row(name, "r", held) for name, test in self._tests.items())]

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


def fold_agreement(means: NDArray[np.floating]) -> dict[str, Any]:
    """Say how far the folds' mean maps, (folds, voxels), agree.

    Returns
    -------
    dict
        `cosine` of two folds' maps, mean over pairs of folds; `sign_agreement`, the share of voxels that have the same
        sign, not 0, in all folds; with a single fold, a `note` instead.
    """
    if len(means) < 2:
        return {"note": "a single fold has patients and controls"}
    lengths = np.linalg.norm(means, axis=1)
    cosines = [one @ other for one, other in combinations(means / np.maximum(lengths, 1e-300)[:, None], 2)]
    return {
        "cosine": float(np.mean(cosines)) if lengths.all() else float("nan"),
        "sign_agreement": float(_agree(means).mean()),
    }


def _agree(means: NDArray[np.floating]) -> NDArray[np.float64]:
    """1 where all of the folds' maps have the same sign, not 0; else 0."""
    return (np.abs(np.sign(means).sum(axis=0)) == len(means)).astype(float)
