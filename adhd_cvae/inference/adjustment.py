"""Maps freed of sites and covariates before any model sees them, by what some participants taught.

It works on the scores of the maps' principal axes, of which there are fewer than participants: 52,000 voxels times
sites are too dear where every permutation of the groups fits it again. Axes of like rank share a distribution of sites'
effects (`cohort.combat_block`). What a new map has outside of those axes stays.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from adhd_cvae.cohort.covariates import CovariateDesign, as_code, chosen_covariates, fit_design
from adhd_cvae.cohort.folds import sampled_rows
from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.images.cache import take_maps
from adhd_cvae.inference.embedding import in_batches
from adhd_cvae.io import atomic_path, read_json, write_json
from adhd_cvae.models.harmonisation import Combat, fit_combat
from adhd_cvae.models.linear import principal_axes
from adhd_cvae.names import TARGET

ADJUSTMENT = "adjustment"
"""Of its files, beside the models."""
ONE_SITE = ""
"""Everybody's, where no column says who was scanned where."""


@dataclass(frozen=True)
class Adjustment:
    """What takes sites and covariates from maps.

    Attributes
    ----------
    mask
        (voxels,) flat indices into the grid.
    mean, scale
        (voxels,) of the maps it was fitted to, gray-matter volume per voxel.
    axes
        (axes, voxels) orthonormal, of standardised maps.
    combat
        Effects of sites and covariates on the scores.
    design
        How covariates become numbers.
    site
        Column of the site; None where there is none, or sites are not brought together.
    residualised
        Whether the covariates' effects are taken away too.
    met
        Sites of those it was fitted to; of them `combat` knows those with enough participants, the others count as the
        average site.
    tiv_source
        What head sizes were read from, which new participants' must be too; None where they don't count.
    """

    mask: NDArray[np.integer]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    axes: NDArray[np.float32]
    combat: Combat
    design: CovariateDesign
    site: str | None
    residualised: bool
    met: tuple[str, ...] = ()
    tiv_source: str | None = None

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns that must be known of whoever is embedded."""
        return (*([self.site] if self.site is not None else []), *self.design.names)

    def scores(self, maps: NDArray) -> NDArray[np.float64]:
        """Scores (n, axes) of maps (n, x, y, z)."""
        voxels = maps.reshape(len(maps), -1)[:, self.mask].astype(np.float32)
        return (((voxels - self.mean) / self.scale) @ self.axes.T).astype(np.float64)

    def change(self, scores: NDArray[np.float64], table: pd.DataFrame) -> NDArray[np.float32]:
        """What is added to the scores (n, axes) of a table's participants.

        Raises
        ------
        InputError
            A column or a value of `needed` is missing, or a code is new.
        """
        kept = not self.residualised
        found = self.combat.transform(
            scores, self.sites_of(table), self.design.of(table), keep_covariates=kept
        )
        return (found - scores).astype(np.float32)

    def sites_of(self, table: pd.DataFrame) -> NDArray[np.str_]:
        """Sites (n,) of a table's participants; one for all where sites are not brought together.

        Raises
        ------
        InputError
            There is no such column, or somebody's is missing.
        """
        if self.site is None:
            return np.full(len(table), ONE_SITE)
        if self.site not in table or pd.Series(table[self.site]).isna().any():
            raise InputError(
                f"the model takes sites' differences from maps and needs everybody's '{self.site}'. It knows "
                f"{', '.join(self.met)}."
            )
        return table[self.site].map(as_code).to_numpy(dtype=str)

    def applied(self, maps: NDArray, change: NDArray[np.float32]) -> NDArray[np.float32]:
        """Add a change of scores to maps (n, x, y, z)."""
        adjusted = np.array(maps, np.float32).reshape(len(maps), -1)
        adjusted[:, self.mask] += (change @ self.axes) * self.scale
        return adjusted.reshape(maps.shape)


def is_known(adjustment: Adjustment, table: pd.DataFrame, *, average: bool = False) -> NDArray[np.bool_]:
    """Whether what the site of each participant of a table does to maps is known, (n,).

    Raises
    ------
    InputError
        There is no such column, or one was not met and is not to be taken for the `average` site.
    """
    if adjustment.site is None:
        return np.ones(len(table), bool)
    sites = adjustment.sites_of(table)
    if (others := sorted({*sites} - {*adjustment.met, *adjustment.combat.sites})) and not average:
        raise InputError(
            f"the model knows the sites {', '.join(adjustment.met)} and not {', '.join(others)}. Take a new one for "
            "the average of them (new site: average), or, where it has controls, learn it from these (new site: pool)."
        )
    return np.isin(sites, adjustment.combat.sites)


def with_new_sites(
    adjustment: Adjustment, images: NDArray, controls: pd.DataFrame, fewest: int
) -> tuple[Adjustment, dict[str, int]]:
    """Learn sites that were not met from their own controls, where there are enough.

    Parameters
    ----------
    images
        (n, x, y, z) maps of the `controls`.
    controls
        Their sites and covariates.
    fewest
        Controls of a site from which on it is learnt.

    Returns
    -------
    tuple
        The adjustment that knows them, and how many controls of each new site there were.
    """
    sites = adjustment.sites_of(controls)
    found, combat = {}, adjustment.combat
    for name in sorted({*sites} - {*combat.sites}):
        rows = np.flatnonzero(sites == name)
        found[name] = len(rows)
        if len(rows) >= fewest:
            columns = adjustment.design.of(pd.DataFrame(controls.iloc[rows]))
            combat = combat.with_site(name, adjustment.scores(take_maps(images, rows)), columns)
    return replace(adjustment, combat=combat), found


class AdjustedMaps:
    """Maps in a cache that are adjusted as they are read; stands where an array of maps is expected."""

    def __init__(self, images: NDArray, adjustment: Adjustment, table: pd.DataFrame) -> None:
        self._images, self._adjustment = images, adjustment
        scores = [adjustment.scores(take_maps(images, rows)) for rows in in_batches(len(images))]
        self._change = adjustment.change(np.concatenate(scores), table)
        self.shape, self.dtype, self.base, self.flags = images.shape, images.dtype, images.base, images.flags

    def __len__(self) -> int:
        """Count the maps."""
        return len(self._images)

    def __getitem__(self, rows: slice | NDArray) -> NDArray[np.float16]:
        """Read some."""
        return self._adjustment.applied(self._images[rows], self._change[rows]).astype(self.dtype)


def adjusted(images: NDArray, adjustment: Adjustment | None, table: pd.DataFrame) -> NDArray:
    """Maps (n, x, y, z) of a table's participants without what an adjustment takes away; as they are without one."""
    return images if adjustment is None else cast("NDArray", AdjustedMaps(images, adjustment, table))


def fitted_rows(table: pd.DataFrame, outside: NDArray[np.bool_], recipe: Recipe) -> NDArray[np.integer]:
    """Rows that linear models and adjustments are fitted to, of those `outside` of a fold: a sample where many are."""
    is_target = (table["group"] == TARGET).to_numpy()
    return sampled_rows(
        np.flatnonzero(outside & is_target),
        np.flatnonzero(outside & ~is_target),
        recipe.model.linear.most_participants,
        recipe.seed,
        smallest=recipe.training.smallest_group,
    )


def fit_adjustment(
    images: NDArray, table: pd.DataFrame, fitted: NDArray[np.integer], recipe: Recipe
) -> Adjustment | None:
    """Fit to some participants what the settings ask to be taken away; None where nothing is.

    Parameters
    ----------
    images
        (n, x, y, z) maps in the order of `table`.
    fitted
        Rows it is fitted to, whose group, site and covariates are used; nobody else's.

    Raises
    ------
    InputError
        A covariate is missing, or sites cannot be told from groups.
    """
    settings = recipe.cohort
    if not settings.adjusts:
        return None
    known = pd.DataFrame(table.iloc[fitted])
    maps = take_maps(images, fitted).reshape(len(fitted), -1)
    mask = np.flatnonzero(maps.mean(axis=0, dtype=np.float32) > recipe.image.mask_threshold)
    voxels = maps[:, mask].astype(np.float32)
    mean, scale = voxels.mean(axis=0), voxels.std(axis=0)
    scale = np.maximum(scale, max(float(np.quantile(scale, recipe.image.least_spread)), 1e-6))
    voxels = (voxels - mean) / scale
    scores, axes = principal_axes(voxels)
    design = fit_design(table, fitted, chosen_covariates(table, settings), settings)
    has_sites = settings.site is not None and settings.site in table
    sites = (
        known[settings.site].map(as_code).to_numpy(dtype=str) if has_sites else np.full(len(known), ONE_SITE)
    )
    combat = fit_combat(
        scores,
        sites,
        design.of(known),
        (known["group"] == TARGET).to_numpy(),
        smallest=settings.smallest_site,
        harmonise=has_sites and settings.harmonise == "combat",
        block=settings.combat_block,
    )
    site = settings.site if settings.harmonise == "combat" and has_sites else None
    found = combat, design, site, settings.residualise, tuple(np.unique(sites).tolist())
    return Adjustment(mask, mean, scale, axes.astype(np.float32), *found)


_OF_COMBAT = ("mean", "slopes", "spread", "shift", "scale")
_OF_MAPS = ("mask", "mean", "scale", "axes")


def save_adjustment(adjustment: Adjustment, stem: Path) -> None:
    """Write ``<stem>.safetensors`` and ``<stem>.json``."""
    arrays = {name: getattr(adjustment, name) for name in _OF_MAPS}
    arrays |= {f"combat_{name}": getattr(adjustment.combat, name) for name in _OF_COMBAT}
    with atomic_path(stem.with_suffix(".safetensors")) as temporary:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, temporary)
    content = {
        "site": adjustment.site,
        "sites": list(adjustment.combat.sites),
        "met": list(adjustment.met),
        "block": adjustment.combat.block,
        "residualised": adjustment.residualised,
        "tiv_source": adjustment.tiv_source,
        "covariates": adjustment.design.model_dump(mode="json"),
    }
    write_json(content, stem.with_suffix(".json"))


def load_adjustment(stem: Path) -> Adjustment | None:
    """Read what `save_adjustment` wrote; None where there is none.

    Raises
    ------
    InputError
        It is damaged.
    """
    if not stem.with_suffix(".json").is_file():
        return None
    try:
        content = read_json(stem.with_suffix(".json"))
        arrays = load_file(stem.with_suffix(".safetensors"))
        of_combat = (arrays[f"combat_{name}"] for name in _OF_COMBAT)
        combat = Combat(tuple(content["sites"]), *of_combat, block=content.get("block", 0))
        return Adjustment(
            **{name: arrays[name] for name in _OF_MAPS},
            combat=combat,
            design=CovariateDesign.model_validate(content["covariates"]),
            site=content["site"],
            residualised=content["residualised"],
            met=tuple(content["met"]),
            tiv_source=content["tiv_source"],
        )
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{stem.name} is damaged ({str(error).splitlines()[0]}). Train again.") from None
