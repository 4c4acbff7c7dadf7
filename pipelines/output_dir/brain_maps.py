"""From the image cache and decoded.npz to the tables about the brain and to maps/."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from adhd_cvae.analysis.maps.group_maps import AXES, TABLE_COLUMNS, group_test, peaks_table
from adhd_cvae.analysis.maps.mass_univariate import VoxelTest
from adhd_cvae.analysis.maps.salient_effect import NamedMap, SalientEffect
from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.cohort.covariates import constant_columns
from adhd_cvae.images.cache import open_images, take_maps
from adhd_cvae.images.nifti import map_name, save_nifti
from adhd_cvae.images.resampling import grid_affine
from adhd_cvae.names import TARGET, TEMPLATE
from bids_adapters.atlas import read_atlas
from pipelines.output_dir.run import Run
from pipelines.output_dir.tables import COHORT, DECODED

Among = Callable[[pd.DataFrame], Inference]
"""Gives how chance is estimated among some rows of the cohort."""
NO_CACHE = "no maps of this cohort in cache/"


@dataclass(frozen=True)
class BrainMaps:
    """Each table once it is asked for; its maps are written beside it.

    Parameters
    ----------
    run
        Where the results are, with which settings.
    cohort
        Those analysed.
    inference
        Of some rows of it.
    """

    run: Run
    cohort: pd.DataFrame
    inference: Among

    @cached_property
    def _decoded(self) -> dict[str, np.ndarray]:
        path = self.run.paths.decoded
        return DECODED.read(path) if path.is_file() else {}

    @cached_property
    def _images(self) -> np.ndarray | None:
        """The observed maps, in the order of cohort.tsv; None where there are none, or those of others."""
        paths = self.run.paths
        if not paths.images.is_file():
            return None
        images = open_images(paths.cache)
        mask = self._decoded.get("mask")
        fits = len(images) == len(COHORT.read(paths.cohort)) and (
            mask is None or mask.shape == images.shape[1:]
        )
        return images if fits else None

    @cached_property
    def mask(self) -> np.ndarray:
        """The brain of the model, or without one where the mean map exceeds ``image.mask_threshold``."""
        mask, images = self._decoded.get("mask"), self._images
        if mask is None and images is not None:
            mask = images.mean(axis=0, dtype=np.float32) > self.run.recipe.image.mask_threshold
        return np.zeros((1, 1, 1), bool) if mask is None else mask.astype(bool)

    @cached_property
    def _affine(self) -> np.ndarray:
        return self._decoded.get("affine", grid_affine(self.run.recipe.image))

    def blocks(self) -> Iterator[np.ndarray]:
        """Give the (n, some voxels) of the mask in C order: no more than a plane of all maps is in memory."""
        places = pd.Index(COHORT.read(self.run.paths.cohort)["participant_id"])
        rows = places.get_indexer(pd.Index(self.cohort["participant_id"]))
        for plane, inside in enumerate(self.mask):
            if self._images is not None and inside.any():
                yield take_maps(self._images, np.s_[:, plane])[rows][:, inside]

    @cached_property
    def _held(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """What is held constant between patients and controls, and its names."""
        settings = self.run.recipe.cohort
        return constant_columns(self.cohort, settings.site, settings)

    @cached_property
    def group(self) -> VoxelTest:
        """Patients against controls."""
        if self._images is None or not self.mask.any():
            return VoxelTest(len(self.cohort), NO_CACHE)
        covariates, _ = self._held
        is_patient = (self.cohort["group"] == TARGET).to_numpy()
        return group_test(self.blocks(), is_patient, covariates, self.inference(self.cohort))

    @cached_property
    def effect(self) -> SalientEffect | None:
        """Patients minus their twins; None where nobody was decoded."""
        if not len(self._decoded.get("effect", ())):
            return None
        site, settings = self.run.recipe.cohort.site, self.run.recipe.analysis
        names = self._decoded["effect_participant_id"].astype(str)
        patients = self.cohort.set_index("participant_id").reindex(names)
        return SalientEffect(
            self._decoded,
            patients,
            site=site if site in patients else None,
            batteries=tuple(name for name in settings.batteries if name in patients),
            inference=self.inference(patients),
            settings=settings.maps,
        )

    def group_maps(self) -> pd.DataFrame:
        """Every test of voxels, and how far folds agree on the effect."""
        _, held = self._held
        rows = [self.group.row("group", "t", ", ".join(held))]
        self._write((("group", name), values) for name, values in self.group.volumes(self.mask).items())
        if self.effect is not None:
            self._write(self.effect.maps())
            rows += self.effect.rows()
        return pd.DataFrame(rows, columns=TABLE_COLUMNS)

    def peaks(self) -> pd.DataFrame | None:
        """Where patients and controls differ; None where they were not compared."""
        if not len(self.group.p):
            return None
        settings = self.run.recipe.analysis
        found = peaks_table(self.group, self.mask, self._affine, cluster_voxels=settings.maps.cluster_voxels)
        atlas, near = read_atlas(settings.atlas), settings.maps.label_distance
        if atlas is None:
            return found
        return found.assign(label=[atlas.name_at(point, near) for point in found[AXES].to_numpy(float)])

    def components(self) -> pd.DataFrame | None:
        """How the effect's principal components do at sites left out."""
        if self.effect is None:
            return None
        self._write(self.effect.component_maps())
        return self.effect.components()

    def scores(self) -> pd.DataFrame | None:
        """Each patient's scores by them."""
        return None if self.effect is None else self.effect.scores()

    def _write(self, maps: Iterable[NamedMap]) -> None:
        for words, values in maps:
            path = self.run.paths.maps / f"space-{TEMPLATE}_desc-{map_name(*words)}_map.nii.gz"
            save_nifti(np.asarray(values, np.float32), self._affine, path)


def brain_tables(
    run: Run, cohort: pd.DataFrame, inference: Among
) -> dict[str, Callable[[], pd.DataFrame | None]]:
    """Name each table about the brain and what computes it."""
    brain = BrainMaps(run, cohort, inference)
    return {
        "group_maps": brain.group_maps,
        "peaks": brain.peaks,
        "effect_components": brain.components,
        "effect_scores": brain.scores,
    }
