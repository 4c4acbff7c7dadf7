"""The BIDS dataset that went in: its cohort, what it says of itself, its tables, and how OUTPUT_DIR names it."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from adhd_cvae.io import file_checksum, fingerprint, how_to_fetch, write_text
from bids_adapters.cohort import Cohort, build_cohort, measure_head_size
from bids_adapters.derivatives import read_description, write_bidsignore, write_description
from bids_adapters.images.filter import read_filter_file
from bids_adapters.images.index import index_images, walk
from bids_adapters.phenotype.files import TRUTH, find_phenotype
from pipelines.output_dir.ownership import may_write
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.progress import Progress

SIMULATED_TRUTH = Path("phenotype") / TRUTH
"""In a dataset that `simulate` made: what was planted in whom."""
MLFLOW = "mlflow"
"""Store and artifacts begin with it; they may lie inside the dataset and are none of it."""

TEXTS = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
"""The files .bidsignore and README.md of an OUTPUT_DIR."""


def place_of(source: BidsInput, paths: OutputPaths) -> str:
    """Name the dataset as seen from OUTPUT_DIR.

    Raises
    ------
    InputError
        It is not there.
    """
    if not source.folder.is_dir():
        raise InputError(
            f"there is no folder {source.folder}. Expected a BIDS dataset with gray-matter maps."
        )
    return os.path.relpath(source.folder.resolve(), paths.folder.resolve())


def selection_of(source: BidsInput) -> dict[str, Any]:
    """Say which part of the dataset goes in, as settings of a stage.

    Raises
    ------
    InputError
        The filter is not there, or cannot be read.
    """
    tables = {"--phenotype": [table.name for table in source.tables]} if source.tables else {}
    return {
        "--participant-label": sorted(label.removeprefix("sub-") for label in source.labels),
        "--bids-filter-file": read_filter_file(source.filter_file),
        "--prefer": None if source.prefer is None else source.prefer.name,
        **tables,
    }


def find_cohort(
    source: BidsInput,
    settings: CohortConfig,
    progress: Progress,
    *,
    require_groups: bool = True,
    index_cache: Path | None = None,
) -> Cohort:
    """Bring maps and phenotype together, see `build_cohort`; the index of the maps is kept in `index_cache`."""
    bids_filter = read_filter_file(source.filter_file)
    with progress.bar("Looking for maps and phenotype") as tick:
        return build_cohort(
            source.folder,
            settings,
            participant_labels=source.labels,
            bids_filter=bids_filter,
            phenotype_files=source.tables,
            prefer=source.prefer,
            require_groups=require_groups,
            images=index_images(source.folder, index_cache, tick),
        )


def measure_heads(cohort: Cohort, source: BidsInput, settings: CohortConfig, progress: Progress) -> Cohort:
    """Read the head sizes that are sums of maps, see `measure_head_size`."""
    if not cohort.volumes:
        return cohort
    with progress.bar("Measuring heads") as tick:
        return measure_head_size(cohort, source.folder, settings, tick)


def describe_output(source: BidsInput, paths: OutputPaths) -> None:
    """Make OUTPUT_DIR a BIDS derivative that names the dataset it comes from, and whose data that is."""
    description = read_description(source.folder)
    entry = {"URL": quote(Path(place_of(source, paths)).as_posix())}
    for key, field in (("DatasetDOI", "DOI"), ("DatasetVersion", "Version")):
        if isinstance(description.get(key), str):
            entry[field] = description[key]
    kept = {key: description[key] for key in ("Authors", "License") if description.get(key)}
    step = "contrastive variational autoencoder"
    writers = {
        "dataset_description.json": lambda: write_description(
            paths.folder, "adhd-cvae results", step, sources=[entry], **kept
        ),
        ".bidsignore": lambda: write_bidsignore(paths.folder, TEXTS["bidsignore"]),
        "README.md": lambda: write_text(TEXTS["readme"], paths.folder / "README.md"),
    }
    for name, write in writers.items():
        if may_write(paths.folder / name):  # else somebody has written more into it, which stays
            write()


def table_checksums(source: BidsInput) -> dict[str, str]:
    """Checksums of the dataset's tables and of those given beside them; maps' are in cache/manifest.json."""
    return {
        Path(os.path.relpath(file.resolve(), source.folder.resolve())).as_posix(): file_checksum(file)
        for file in (*find_phenotype(source.folder), *source.tables)
        if file.is_file() and how_to_fetch(file) is None
    }


def tables_elsewhere(source: BidsInput) -> dict[str, str]:
    """Checksums of tables outside: of the raw dataset around a derivative that has none itself, or given."""
    return {name: checksum for name, checksum in table_checksums(source).items() if name.startswith("..")}


def tree_fingerprint(folder: Path, without: Path) -> str:
    """Tell whether any file of a dataset came, changed, moved or went; dates and sizes, no reading."""
    root, left_out = folder.resolve(), without.resolve()

    def is_none_of_it(path: str) -> bool:
        return path.rpartition("/")[2].startswith((".", MLFLOW)) or root / path[1:] == left_out

    seen = []
    for file in walk(root, is_none_of_it).files:
        path = f"{root}{file}"
        status = os.stat(path) if os.path.exists(path) else os.lstat(path)  # of a link that leads nowhere
        seen.append([file[1:], status.st_size, status.st_mtime_ns])
    return fingerprint(seen)
