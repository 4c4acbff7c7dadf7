"""Head size and scan quality, as columns of the cohort's table."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import ImageError
from bids_adapters.head_size.choice import choose_head_size, within_bounds
from bids_adapters.head_size.found import Found, read_reports
from bids_adapters.head_size.readers import volume
from bids_adapters.images.kind import Kind
from bids_adapters.images.naming import MapFile
from bids_adapters.phenotype.source import Note

TIV = "tiv"
_AT_ONCE = 4
"""Participants whose maps are read at the same time; a map takes some 100 MB meanwhile."""
QUALITY = {
    "quality_iqr": (
        "cat12",
        "iqr",
        "CAT12's weighted image quality rating (IQR), 1 excellent to 6 unacceptable",
    ),
    "mriqc_cjv": ("mriqc T1w", "cjv", "MRIQC's coefficient of joint variation; lower is better"),
    "mriqc_cnr": ("mriqc T1w", "cnr", "MRIQC's contrast-to-noise ratio; higher is better"),
    "mriqc_efc": (
        "mriqc T1w",
        "efc",
        "MRIQC's entropy focus criterion, of ghosting and blurring; lower is better",
    ),
    "mriqc_snr_total": ("mriqc T1w", "snr_total", "MRIQC's signal-to-noise ratio; higher is better"),
    "mriqc_fd_mean": (
        "mriqc bold",
        "fd_mean",
        "Mean framewise displacement over the session's functional runs",
    ),
}
"""Column to the reports it is from, what it is called there, and what it means."""


@dataclass(frozen=True)
class Measured:
    """The cohort's table with the columns added.

    Attributes
    ----------
    notes
        Reports and values that were not taken.
    volumes
        Participant to the maps, relative to the BIDS directory, whose sum is their head size and is not read yet.
    """

    table: pd.DataFrame
    columns: dict[str, dict[str, Any]]
    notes: list[Note]
    volumes: dict[str, tuple[str, ...]]


def add_measures(
    table: pd.DataFrame,
    columns: Mapping[str, dict[str, Any]],
    maps: Mapping[str, MapFile],
    kind: Kind | None,
    bids_dir: Path,
    settings: CohortConfig,
) -> Measured:
    """Add head size (`tiv`) and the quality of scans, where the dataset has them.

    A column of the tables that has one of these names stays theirs, but for `tiv`, which is in ml and from one source:
    another column of that name is `source_tiv` then.

    Parameters
    ----------
    table, columns
        The cohort and its sidecar.
    maps
        Participant's key to the map, in the order of the table.

    Raises
    ------
    InputError
        As `choose_head_size`.
    """
    reports, notes = read_reports(bids_dir, maps)
    added: dict[str, list[float]] = {}
    described = dict(columns)
    for name, (tool, measure, words) in QUALITY.items():
        found = reports.get(tool, Found())
        values = [found.measured.get(key, {}).get(measure, float("nan")) for key in maps]
        if name not in table and pd.notna(values).any():
            where = found.place or "the dataset"
            added[name] = values
            described[name] = {"Description": words, "Origin": f"{measure} in {where}"}
    head = choose_head_size((table, columns), reports, maps, kind, settings)
    new = [head.sizes.get(key, float("nan")) for key in maps]
    same = TIV in table and pd.api.types.is_numeric_dtype(table[TIV])
    if TIV in table and not (same and pd.Series(new).equals(table[TIV].astype(float))):
        table, described[f"source_{TIV}"] = table.rename(columns={TIV: f"source_{TIV}"}), columns[TIV]
    if head.entry:
        added[TIV], described[TIV] = new, head.entry
    return _joined(table, added, described, [*notes, *head.notes], head.volumes, list(maps))


def _joined(
    table: pd.DataFrame,
    added: Mapping[str, list[float]],
    described: Mapping[str, dict[str, Any]],
    notes: list[Note],
    volumes: Mapping[str, tuple[str, ...]],
    keys: list[str],
) -> Measured:
    """Put the new columns before the words about the map."""
    last = [name for name in table if name == "image_choice"]
    order = list(dict.fromkeys([*(name for name in table if name not in last), *added, *last]))
    joined = pd.DataFrame(table.assign(**added)[order])
    names = dict(zip(keys, table["participant_id"], strict=True))
    return Measured(
        joined,
        {str(name): described[str(name)] for name in order},
        [note._replace(key=names.get(note.key, "")) for note in notes],
        {names[key]: files for key, files in volumes.items()},
    )


def measure_volumes(
    volumes: Mapping[str, tuple[str, ...]],
    bids_dir: Path,
    settings: CohortConfig,
    tick: Callable[[int, int], None],
) -> tuple[dict[str, float], list[Note]]:
    """Read the head sizes that are sums of maps: seconds a participant, which is why it is no part of `add_measures`.

    Parameters
    ----------
    volumes
        As `Measured` has them.
    tick
        Is given how many are done, and of how many.

    Returns
    -------
    dict, list
        Participant to ml, and a note for each that could not be read or is no head's size.
    """

    def total(files: tuple[str, ...]) -> float | ImageError:
        try:
            return sum(volume(bids_dir / file) for file in files)
        except ImageError as error:
            return error

    values: dict[str, float] = {}
    notes: list[Note] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done, (name, found) in enumerate(
            zip(volumes, pool.map(total, volumes.values()), strict=True), start=1
        ):
            if isinstance(found, ImageError):
                notes.append(Note(name, "unreadable_report", f"tiv: {found.detail}"))
            else:
                values[name] = found
            tick(done, len(volumes))
    if settings.tiv_source == "total_gray_matter":  # of which the bounds are not
        return values, notes
    kept, misread = within_bounds(values, settings.tiv_bounds, "sMRIPrep")
    return kept, [*notes, *misread]
