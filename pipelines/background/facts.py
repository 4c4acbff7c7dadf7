"""What others need to know of the maps that a reference was learnt from, and nobody's name."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adhd_cvae.config import ImageConfig
from adhd_cvae.errors import InputError
from adhd_cvae.images.resampling import grid_affine
from adhd_cvae.models.reference_background import Reference
from bids_adapters.cohort import Cohort
from pipelines.output_dir.provenance import software

TERMS = {False: "for use under a data-use agreement", True: "shareable"}
"""By whether the axes were kept down to what tells few members."""
_IMAGE = (
    *("shape", "voxel_size", "centre", "fwhm", "mask_threshold"),
    *("min_template_correlation", "max_offset"),
)
_MADE = ("modulation", "smoothing", "space")


def described(
    cohort: Cohort, image: ImageConfig, name: str, sites: NDArray | None, *, site_names: bool
) -> dict[str, Any]:
    """Describe maps and participants; sites by their number, or by name where that is asked for."""
    kind, table = cohort.kind, cohort.table
    ages = np.array(pd.to_numeric(table["age"], errors="coerce") if "age" in table else [], float)
    ages = ages[np.isfinite(ages)]
    made = {} if kind is None else {one: getattr(kind, one) for one in ("program", *_MADE)}
    known = [] if sites is None else np.unique(sites).tolist()
    return {
        "name": name,
        "image": image.model_dump(include={*_IMAGE}, mode="json"),
        "affine": grid_affine(image).tolist(),
        **made,
        "harmonisation": "none",
        "age": [float(ages.min()), float(ages.max())] if len(ages) else None,
        "sites": len(known) or 1,
        **({"site_names": known} if site_names else {}),
        "software": software()["adhd-cvae"],
    }


def described_alike(parts: Sequence[Path], facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Describe what is merged.

    Raises
    ------
    InputError
        A line for each in which parts' maps were made otherwise than those of the first.
    """
    first, same = facts[0], ("image", *_MADE)
    problems = [
        f"{part} was learnt from maps of {key} {other.get(key)}, and {parts[0]} of {first.get(key)}. "
        "Learn both with one recipe, from maps made alike."
        for part, other in zip(parts, facts, strict=True)
        for key in same
        if other.get(key) != first.get(key)
    ]
    if problems:
        raise InputError(*problems)
    ages = [one["age"] for one in facts if one.get("age")]
    aucs = [float(one["membership_auc"]) for one in facts if "membership_auc" in one]
    return {
        **{key: first[key] for key in ("affine", "program", *same) if key in first},
        "name": " and ".join(str(one.get("name", "?")) for one in facts),
        "harmonisation": "none",
        "age": [min(low for low, _ in ages), max(high for _, high in ages)] if ages else None,
        "sites": sum(one.get("sites", 1) for one in facts),
        "software": software()["adhd-cvae"],
        "terms": TERMS[all(one.get("terms") == TERMS[True] for one in facts)],
        **({"membership_auc": max(aucs)} if len(aucs) == len(facts) else {}),
    }


def counts_of(reference: Reference) -> dict[str, Any]:
    """Its number of axes, and the share of its participants' variance that they hold."""
    return {"axes": len(reference.axes), "explained": round(reference.explained, 6)}
