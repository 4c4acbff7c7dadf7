"""BIDS derivatives: descriptions, tables with sidecars, and what a validator need not look at."""

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from adhd_cvae.io import read_object, write_json, write_text, write_tsv

BIDS_VERSION = "1.10.0"
GENERATOR = "adhd-cvae"


def write_description(
    dataset_dir: Path,
    name: str,
    step: str,
    *,
    sources: Sequence[Mapping[str, str]] = (),
    **extra: Any,
) -> None:
    """Write ``dataset_description.json`` of a derivative dataset.

    Parameters
    ----------
    name
        The dataset's name.
    step
        What made it, in words; part of GeneratedBy.
    sources
        SourceDatasets entries (``URL``, ``DOI``, ``Version``).
    **extra
        Further fields of a dataset description (License, ReferencesAndLinks, …).
    """
    generator = {"Name": GENERATOR, "Version": version(GENERATOR), "Description": step}
    content = {
        "Name": name,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [generator],
    }
    made_of = {"SourceDatasets": [dict(source) for source in sources]} if sources else {}
    write_json({**content, **made_of, **extra}, dataset_dir / "dataset_description.json")


def write_bidsignore(dataset_dir: Path, patterns: Iterable[str]) -> None:
    """Write ``.bidsignore``, one pattern a line."""
    write_text("".join(f"{pattern}\n" for pattern in patterns), dataset_dir / ".bidsignore")


def write_table(table: pd.DataFrame, columns: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Write a TSV and, beside it, the JSON that describes those of `columns` that the table has."""
    write_tsv(table, path)
    described = {str(name): dict(columns[str(name)]) for name in table.columns if str(name) in columns}
    write_json(described, path.with_suffix(".json"))


def write_whole_table(table: pd.DataFrame, columns: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """`write_table`, in which a column of whole numbers and gaps has 1 and not 1.0."""
    whole = {name: "Int64" for name in table if _is_whole(pd.Series(table[name]))}
    write_table(table.astype(whole), columns, path)


def _is_whole(values: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(values) and bool((values.dropna() % 1 == 0).all())


def read_description(dataset_dir: Path) -> dict[str, Any]:
    """Read a dataset's description; an absent or unreadable one says nothing."""
    return read_object(dataset_dir / "dataset_description.json")


def is_ours(description: Mapping[str, Any], step: str | None = None) -> bool:
    """Tell whether a dataset's description says that this package made it, or the package's `step`."""
    generators = description.get("GeneratedBy")
    first = generators[0] if isinstance(generators, list) and generators else None
    if not isinstance(first, dict) or first.get("Name") != GENERATOR:
        return False
    return step is None or first.get("Description") == step
