"""Each fact once: names of groups, spaces and columns, what people call them, and the level of significance."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

ALPHA = 0.05
"""Level of significance: a p-value below it counts, corrected where the table says so."""
ENOUGH = 0.8
"""Share of cohorts that find an effect which counts as found."""

TARGET = "target"
"""The group of patients."""
BACKGROUND = "background"
"""The group of controls; also the space z, which both groups share."""
GROUP_LABELS = {TARGET: "patients", BACKGROUND: "controls"}
"""Several members of a group, in words; the order is that of tables and pictures."""
MEMBER_LABELS = {TARGET: "patient", BACKGROUND: "control"}
"""One member of a group, in words."""

OUT_OF_FOLD, UNKNOWN = "out_of_fold", "unknown"
SPLIT_LABELS = {OUT_OF_FOLD: "out of fold", UNKNOWN: "in sample or unknown"}
"""Whether a model has met the participants whose codes it gives."""

SALIENT = "salient"
"""The space s, which only patients use."""
VAE = "vae"
"""The space of the plain variational autoencoder, and that model."""
CONTRASTIVE_PCA = "contrastive_pca"
PCA = "pca"
PREFIXES = {SALIENT: "s", BACKGROUND: "z", VAE: "v"}
"""Space to the prefix of its columns in latents.tsv."""
BASELINE_PREFIXES = {PCA: "pca", CONTRASTIVE_PCA: "cpca"}
"""Space to the prefix of its columns in baselines.tsv."""
SPACE_LABELS = {
    SALIENT: "salient s",
    BACKGROUND: "background z",
    VAE: "plain VAE",
    CONTRASTIVE_PCA: "contrastive PCA",
    PCA: "PCA",
}
SPACE_DESCRIPTIONS = {
    SALIENT: "salient space: variation of patients only",
    BACKGROUND: "background space: variation patients and controls share",
    VAE: "plain variational autoencoder, the comparison",
}
"""What a column of a space says of itself in a sidecar."""
_SD = "_sd"
"""Ends the name of a unit's column of standard deviations."""

EXCLUSION_COLUMNS = ("participant_id", "stage", "reason", "detail")
"""Columns of exclusions.tsv: of whoever or whatever is left out."""
TEMPLATE = "MNI152NLin2009aSym"
"""BIDS' name of the space that simulated and resulting maps are in."""
SUBTYPE = "subtype"
"""Column of the truth that says to which discrete subtype a patient belongs; no severity."""


def unit_name(space: str, unit: int) -> str:
    """Column of a space's unit, counted from 0: ``s_00``."""
    return f"{_prefix(space)}_{unit:02d}"


def unit_names(space: str, count: int) -> list[str]:
    """Columns of a space's first units."""
    return [unit_name(space, unit) for unit in range(count)]


def units_in(columns: Iterable[object], space: str) -> list[str]:
    """Those of the columns that are a space's means, in their order; ``s_00_sd`` is none."""
    start = f"{_prefix(space)}_"
    return [name for name in map(str, columns) if name.startswith(start) and not name.endswith(_SD)]


def sd_name(unit: str) -> str:
    """Column of the standard deviations of a unit's column."""
    return f"{unit}{_SD}"


def _prefix(space: str) -> str:
    return PREFIXES.get(space) or BASELINE_PREFIXES[space]


KNOWN_SITE = "known_site"
"""Column of whether a model that harmonises has met the site; else the map was taken to be from the average one."""


def column_names(salient: int, background: int) -> list[str]:
    """Columns of `predict`: means, standard deviations, distance and flag, for so many units."""
    names = unit_names(SALIENT, salient) + unit_names(BACKGROUND, background)
    return [*names, *map(sd_name, names), "distance", "out_of_distribution"]


def space_label(space: str) -> str:
    """The words for a space; an unknown one keeps its name."""
    return SPACE_LABELS.get(space, space.replace("_", " "))


def code_label(code: object, levels: Mapping[str, str]) -> str:
    """The words for a nominal code; 3 and 3.0 are the same code, an unknown one stays as it is."""
    text = str(int(code)) if isinstance(code, float) and code.is_integer() else str(code)
    return levels.get(text, text)


def signed(number: str) -> str:
    """A number in words with a true minus sign."""
    return number.replace("-", "−")


def in_order(found: list[str], known: Mapping[str, str]) -> list[str]:
    """Sort names in the order of `known`, unknown ones after."""
    return sorted(
        dict.fromkeys(found), key=lambda name: (list(known).index(name) if name in known else 99, name)
    )


def spaces_in(table: "pd.DataFrame") -> list[str]:
    """The values of a table's column `space`, in the order of tables and pictures."""
    return in_order(table["space"].tolist(), SPACE_LABELS)


def rows_of(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """Rows as plain dictionaries: pandas' own row type says nothing about a cell."""
    return [dict(zip(table.columns, row, strict=True)) for row in table.itertuples(index=False, name=None)]
