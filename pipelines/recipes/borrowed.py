"""Healthy anatomy that a recipe borrows: from where, and whether it was made as the cohort's maps are."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from adhd_cvae.cohort.covariates import site_codes
from adhd_cvae.config import ImageConfig, Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.models.reference_background import Reference, merge_references
from adhd_cvae.models.reference_file import save_reference
from adhd_cvae.models.reference_fit import common, explained, look_like_members
from adhd_cvae.names import TARGET
from bids_adapters.images.kind import Kind

_PREPARED = ("shape", "voxel_size", "centre", "fwhm")
"""Settings of the maps that both must share."""
_MADE = {"modulation": "modulation", "smoothing": "smoothing by name"}
"""What names tell of maps that both must share."""
_MAY_NOT_FIT = (
    "the borrowed background may not fit: {} explains {:.0%} of the controls here, as many axes of "
    "their other half {:.0%}; analysis/background.tsv says whether it is used at all"
)


class Source(NamedTuple):
    """What one entry of `cohort.background_from` is.

    Attributes
    ----------
    name
        As it is shown: no path.
    reference
        What was learnt.
    provenance
        From what: ``image``, settings of the maps; ``modulation`` and ``smoothing`` by their names; ``age``, years.
    lent
        How many participants' maps it lends; 0 where it is a reference alone.
    """

    name: str
    reference: Reference
    provenance: Mapping[str, Any]
    lent: int = 0


def noted(sources: Sequence[Source]) -> dict[str, Any]:
    """What is noted of them: as which ``borrowed`` of what names and checksums; nothing where there are none."""
    found = [
        {
            **{"name": one.name, "checksum": one.reference.checksum, "participants": one.reference.count},
            **({"lent": one.lent} if one.lent else {}),
        }
        for one in sources
    ]
    return {"borrowed": found} if found else {}


def check_made(sources: Sequence[Source], image: ImageConfig, kind: Kind | None) -> list[str]:
    """Compare how a source's maps and the cohort's were made; return, in words, what could not be compared.

    Raises
    ------
    InputError
        They were made otherwise: a line for each difference says how to learn it again.
    """
    own = image.model_dump(include={*_PREPARED}, mode="json")
    settings = " ".join(f"--set 'image.{name}={own[name]}'" for name in _PREPARED)
    again = f"Learn it again: `adhd-cvae background BIDS_DIR FOLDER {settings}`"
    problems, unknown = [], []
    for name, reference, provenance, _ in sources:
        of_maps = provenance.get("image", {})
        differs = [one for one in _PREPARED if one in of_maps and of_maps[one] != own[one]]
        problems += [
            f"{name} was learnt at image.{one} {of_maps[one]}, and this cohort is prepared at {own[one]}. {again}."
            for one in differs
        ]
        if not differs and reference.size != math.prod(image.shape):
            problems.append(
                f"{name} was learnt from {reference.size} values of a participant, and a map here has "
                f"{math.prod(image.shape)} (image.shape {own['shape']}). {again}."
            )
        problems += made_otherwise(name, provenance, kind)
        if missing := [one for one in ("image", *_MADE) if one not in provenance]:
            unknown.append(f"{name} does not say its {', '.join(missing)}: it is taken to be this cohort's")
    if problems:
        raise InputError(*problems)
    return unknown


def made_otherwise(name: str, provenance: Mapping[str, Any], kind: Kind | None) -> list[str]:
    """Say in which ways, by their names, a source's maps were made otherwise than the cohort's."""
    known = [
        (words, provenance.get(one), None if kind is None else getattr(kind, one))
        for one, words in _MADE.items()
    ]
    return [
        f"{name} was learnt from maps of {words} {found or 'none'}, and this cohort's are of {words} "
        f"{expected or 'none'}. Learn it from maps like these."
        for words, found, expected in known
        if None not in (found, expected) and found != expected
    ]


def borrow(
    sources: Sequence[Source], images: NDArray, table: pd.DataFrame, recipe: Recipe, folder: Path
) -> list[str]:
    """Bring together what is borrowed and keep it in a folder, so that later stages need it from nowhere else.

    Parameters
    ----------
    images
        (n, x, y, z) maps in the order of `table`.

    Returns
    -------
    list of str
        What was borrowed, in words, and what to beware of.

    Raises
    ------
    InputError
        It lacks too much of the cohort's mask, was learnt from its own controls, or the sources have other features.
    """
    references = [source.reference for source in sources]
    reference = references[0] if len(references) == 1 else merge_references(references)
    settings = recipe.cohort
    most = recipe.model.linear.most_participants
    rows = np.sort(np.random.default_rng(recipe.seed).permutation(len(table))[:most])
    is_target = (table["group"] == TARGET).to_numpy()[rows]
    everybody, known = np.asarray(images[rows]).reshape(len(rows), -1), site_codes(table, settings.site)
    sites = np.zeros(len(rows), int) if known is None else known[rows]
    values = everybody[~is_target]
    mask = np.flatnonzero(everybody.mean(axis=0, dtype=np.float32) > recipe.image.mask_threshold)
    if (share := common(reference, mask)) < settings.background_common:
        raise InputError(
            f"what cohort.background_from names has {share:.0%} of the voxels that are gray matter here; expected "
            f"at least {settings.background_common:.0%} (cohort.background_common). Learn it again with "
            f"`--set image.mask_threshold={recipe.image.mask_threshold:g}`, from maps of the whole brain."
        )
    _check_members(sources, (everybody, sites, is_target), settings.background_members)
    found = explained(reference, values, sites[~is_target])
    save_reference(reference, folder, noted(sources))
    names = " and ".join(source.name for source in sources)
    line = (
        f"borrowed background: {names}, {reference.count} participants, {len(reference.axes)} axes; {share:.0%} of the "
        f"mask in common; it explains {found.borrowed:.0%} of the controls here, "
        f"their other half {found.own:.0%}"
    )
    worse = found.borrowed < found.own
    cautions = [_MAY_NOT_FIT.format(names, found.borrowed, found.own)] if worse else []
    return [line, *cautions, *_ages(sources, table)]


def _check_members(
    sources: Sequence[Source], cohort: tuple[NDArray, NDArray, NDArray[np.bool_]], limit: float
) -> None:
    """Refuse what was learnt from this cohort's own controls: of values, sites and groups."""
    groups = np.array([(~cohort[2]).sum(), cohort[2].sum()])
    problems = []
    for name, reference, *_ in sources:
        found = np.array(look_like_members(reference, *cohort))
        p_value = np.asarray(fisher_exact([found, groups - found], alternative="greater"))[1]
        if p_value < limit:
            problems.append(
                f"{found[0]} of {groups[0]} controls here look like participants from whom {name} was learnt, and "
                f"{found[1]} of {groups[1]} patients: expected as few of both. Who is in both makes significance out "
                "of nothing. Learn it without them; where nobody can be in both, --set cohort.background_members=0."
            )
    if problems:
        raise InputError(*problems)


def _ages(sources: Sequence[Source], table: pd.DataFrame) -> list[str]:
    """Sources whose ages the cohort does not share."""
    ages = pd.Series(table["age"]).to_numpy(float, na_value=np.nan) if "age" in table else np.zeros(0)
    if not np.isfinite(ages).any():
        return []
    least, most = np.nanmin(ages), np.nanmax(ages)
    known = {source.name: source.provenance["age"] for source in sources if source.provenance.get("age")}
    return [
        f"{name} was learnt at {low:g} to {high:g} years, and this cohort is {least:g} to {most:g} years old: their "
        "ages do not overlap"
        for name, (low, high) in known.items()
        if low > most or high < least
    ]
