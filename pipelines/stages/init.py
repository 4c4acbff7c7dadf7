"""Verb: a dataset in, a recipe for it out; reads names, tables and headers, and writes that one file."""

import os
from pathlib import Path

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from adhd_cvae.io import write_text
from bids_adapters.guesses.dataset import guess_dataset
from bids_adapters.phenotype.files import find_phenotype
from bids_adapters.refusals import no_tables
from pipelines.output_dir.bids_source import find_cohort
from pipelines.output_dir.ownership import refuse_raw_dataset
from pipelines.output_dir.paths import BidsInput
from pipelines.progress import Progress
from pipelines.recipes.draft import draft, open_choices


def run(source: BidsInput, place: Path, progress: Progress) -> str:
    """Write a recipe to `place`, and say what to do next.

    Raises
    ------
    InputError
        A file is there, no folder is, it lies in the dataset, or no cohort can be made of that.
    """
    if os.path.lexists(place):
        raise InputError(f"{place} is there already, and init overwrites nothing. Name a new file.")
    if not place.absolute().parent.is_dir():
        raise InputError(f"{place}: there is no folder {place.parent}. Make it, or name another file.")
    refuse_raw_dataset(place.resolve(), source.folder)
    if not find_phenotype(source.folder) and not source.tables:
        raise InputError(no_tables(source.folder))
    found = guess_dataset(find_cohort(source, CohortConfig(), progress, require_groups=False))
    write_text(draft(found, place.stem), place)
    for choice in open_choices(found):
        progress.warning(f"nothing says what {choice} are: {place} has the choices")
    group = found.group
    sides = (group.target, group.background)
    lines = [f"Recipe           {place}"]
    if group.column and all(sides):
        patients, controls = (", ".join(side) for side in sides)
        lines += [f"Groups           {group.column}: patients {patients}; controls {controls}"]
    given = [f" --phenotype {table}" for table in source.tables]
    given += [f" {name} {file}" for name, file in _options(source)]
    lines += [
        f"Next             adhd-cvae run {source.folder} OUTPUT_DIR group --recipe {place}{''.join(given)}"
    ]
    return "\n".join(lines)


def _options(source: BidsInput) -> list[tuple[str, Path]]:
    """Options that a recipe has no settings for."""
    named = (("--bids-filter-file", source.filter_file), ("--prefer", source.prefer))
    return [(name, file) for name, file in named if file is not None]
