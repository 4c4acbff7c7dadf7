"""Each fact once: names of spaces and groups, prefixes of columns, labels."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

SPACE_LABELS = {
    "salient": "salient s",
    "background": "background z",
    "vae": "plain VAE",
    "contrastive_pca": "contrastive PCA",
    "pca": "PCA",
}
GROUP_LABELS = {"target": "patients", "background": "controls"}
SUBTYPE = "subtype"
"""Column of the truth that says to which discrete subtype a patient belongs; no severity."""
SPACE = "MNI152NLin2009aSym"
GROUPS = {"target": "patients", "background": "controls"}


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain dictionaries: pandas' own row type says nothing about a cell."""
    return [dict(zip(table.columns, row, strict=True)) for row in table.itertuples(index=False, name=None)]


def code_label(code: object, levels: Mapping[str, str]) -> str:
    """The words for a nominal code; 3 and 3.0 are the same code, an unknown one stays as it is."""
    text = str(int(code)) if isinstance(code, float) and code.is_integer() else str(code)
    return levels.get(text, text)


def signed(number: str) -> str:
    """A number in words with a true minus sign."""
    return number.replace("-", "−")


def space_label(space: str) -> str:
    """The words for a space; an unknown one keeps its name."""
    return SPACE_LABELS.get(space, space.replace("_", " "))


def in_order(found: list[str], known: dict[str, str]) -> list[str]:
    """Sort names in the order of `known`, unknown ones after."""
    return sorted(
        dict.fromkeys(found), key=lambda name: (list(known).index(name) if name in known else 99, name)
    )


def column_names(salient: int, background: int) -> list[str]:
    """Columns of `predict`: means, standard deviations, distance and flag, for so many units."""
    names = [f"s_{unit:02d}" for unit in range(salient)] + [f"z_{unit:02d}" for unit in range(background)]
    return [*names, *(f"{name}_sd" for name in names), "distance", "out_of_distribution"]
