"""Head size from one source for everybody: the one that most have. Two tools differ by more than two heads do."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from bids_adapters.head_size.found import Found
from bids_adapters.images.kind import Kind
from bids_adapters.images.naming import MapFile
from bids_adapters.phenotype.source import Note

SOURCES = {
    "phenotype": ("a phenotype column", "a column called tiv, etiv, icv, total_intracranial_volume or so"),
    "cat12": ("CAT12", "cat_*.xml with subjectmeasures/vol_TIV"),
    "freesurfer": ("FreeSurfer", "stats/aseg.stats with EstimatedTotalIntraCranialVol"),
    "spm": ("SPM", "*_seg8.mat after Tissue Volumes, or the CSV table it writes"),
    "smriprep": ("sMRIPrep", "*_label-{GM,WM,CSF}_probseg without space-, the sum of the three"),
    "total_gray_matter": ("the cohort's own maps", "modulated maps"),
}
"""Source to its name and what it is taken from, the preferred first."""
_MEANING = re.compile(
    r"(aseg|vol)?(e?tiv|icv|(estimated)?(total)?intracranialvol(ume)?)(etiv|tiv|icv)?(ml|cm3|cc|mm3|l)?"
)
"""What a column of head size is called, less its underscores."""
_IN_ML = {
    0.001: r"mm3|cubicmillimet(er|re)s?|[uµμ]l",
    1.0: r"ml|cm3|cc|millilit(er|re)s?",
    1000.0: r"l|dm3|lit(er|re)s?",
}
"""What values are to be multiplied by, and the units that ask for it."""


@dataclass(frozen=True)
class HeadSize:
    """Head size from one source, ml.

    Attributes
    ----------
    sizes
        By the participant's key.
    entry
        BIDS JSON entry of the column.
    volumes
        By the participant's key, the maps whose sum is yet to be read; see `measure_volumes`.
    notes
        Values that were not taken.
    """

    sizes: dict[str, float] = field(default_factory=dict)
    entry: dict[str, Any] = field(default_factory=dict)
    volumes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def choose_head_size(
    phenotype: tuple[pd.DataFrame, Mapping[str, Mapping[str, Any]]],
    reports: Mapping[str, Found],
    maps: Mapping[str, MapFile],
    kind: Kind | None,
    settings: CohortConfig,
) -> HeadSize:
    """Take head size from one source; with no entry where there is none and none was asked for.

    Parameters
    ----------
    phenotype
        The cohort's columns, a row for each of `maps` in their order, and what is known of each.
    reports
        Tool to what its reports say.
    maps
        Participant's key to the map.
    kind
        Of the maps.

    Raises
    ------
    InputError
        There is nothing of the source that was asked for, or maps are not modulated whose sum was.
    """
    asked, notes = settings.tiv_source, list[Note]()
    if asked == "total_gray_matter":
        return _total_gray_matter(maps, kind)
    sources = {"phenotype": _of_columns(*phenotype, list(maps), settings, notes)}
    for tool in ("cat12", "freesurfer", "spm", "smriprep"):
        found = reports.get(tool, Found())
        sizes = {key: mine["tiv"] for key, mine in found.measured.items() if "tiv" in mine}
        origin = f"{SOURCES[tool][0]}, {SOURCES[tool][1]}" + (f", in {found.place}" if found.place else "")
        sources[tool] = HeadSize(sizes, {"Origin": origin}, found.volumes)
    counts = {name: len(one.sizes) + len(one.volumes) for name, one in sources.items()}
    there = ", ".join(f"{name} ({count} of {len(maps)})" for name, count in counts.items() if count)
    chosen = max(counts, key=lambda name: counts[name]) if asked == "auto" else asked
    if not counts[chosen]:
        if asked != "auto":
            raise InputError(
                f"cohort.tiv_source is {asked}, but of no participant there is {SOURCES[asked][1]} "
                f"(found: {there or 'none'}). Name one of these, or auto."
            )
        return HeadSize(notes=notes)
    sizes, entry, volumes = sources[chosen].sizes, sources[chosen].entry, sources[chosen].volumes
    described = {
        "Source": chosen,
        "Description": "Head size: total intracranial volume, from one source for everybody",
        "Units": "ml",
        "Origin": f"{entry['Origin']}; of {counts[chosen]} of {len(maps)} participants. Sources found: {there}",
    }
    kept, misread = within_bounds(sizes, settings.tiv_bounds, entry["Origin"])
    return HeadSize(kept, described, volumes, [*notes, *misread])


def within_bounds(
    values: Mapping[str, float], bounds: tuple[float, float], origin: str
) -> tuple[dict[str, float], list[Note]]:
    """Leave out what is no head's size, with a note each."""
    kept = {key: value for key, value in values.items() if bounds[0] <= value <= bounds[1]}
    detail = f"is no head's size (cohort.tiv_bounds: {bounds[0]:g} to {bounds[1]:g} ml); taken as missing"
    return kept, [
        Note(key, "not_a_head_size", f"tiv = {value:g} ml by {origin} {detail}")
        for key, value in values.items()
        if key not in kept
    ]


def _total_gray_matter(maps: Mapping[str, MapFile], kind: Kind | None) -> HeadSize:
    if kind is None or kind.modulation != "modulated":
        found = "there are none" if kind is None else kind.describe()
        raise InputError(
            f"cohort.tiv_source is total_gray_matter, which only modulated maps have; these are: {found}. "
            f"Name another source ({', '.join(list(SOURCES)[:-1])}), or auto."
        )
    words = (
        "Total gray matter of the map instead of head size. Caution: it holds disease as well as size, and held "
        "constant it takes away an effect of patients that is everywhere"
    )
    entry = {
        "Source": "total_gray_matter",
        "Description": words,
        "Units": "ml",
        "Origin": f"sum of the maps: {kind.describe()}",
    }
    return HeadSize({}, entry, {key: (one.path,) for key, one in maps.items()})


def _of_columns(
    table: pd.DataFrame,
    columns: Mapping[str, Mapping[str, Any]],
    keys: Sequence[str],
    settings: CohortConfig,
    notes: list[Note],
) -> HeadSize:
    """Take the phenotype column that means head size, in ml; of several the one that most have."""
    best = HeadSize()
    for name in sorted(map(str, table.columns), key=lambda name: name != "tiv"):
        if not _MEANING.fullmatch(name.replace("_", "")) or not pd.api.types.is_numeric_dtype(table[name]):
            continue
        values = table[name].to_numpy(float, na_value=np.nan)
        if np.isnan(values).all():
            continue
        units, median = str(columns[name].get("Units", "")), float(np.nanmedian(values))
        plain = re.sub(r"[\s^]", "", units).replace("³", "3").lower()
        stated = [by for by, words in _IN_ML.items() if re.fullmatch(words, plain)]
        low, high = settings.tiv_bounds
        fits = [by for by in _IN_ML if low <= median * by <= high and by in (stated or _IN_ML)]
        if not fits:
            words = f"{name}: its median, {median:g} {units or 'without units'}, is no head's size in ml"
            notes.append(
                Note("", "not_a_head_size", f"{words}, mm³ or litres; the column is not taken for head size")
            )
            continue
        found = {
            key: float(value) * fits[0] for key, value in zip(keys, values, strict=True) if np.isfinite(value)
        }
        if len(found) > len(best.sizes):
            best = HeadSize(found, {"Origin": str(columns[name]["Origin"])})
    return best
