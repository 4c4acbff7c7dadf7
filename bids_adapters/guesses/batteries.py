"""Columns that are items of one scale, of which a battery's first component can be taken."""

import re
from collections import defaultdict
from collections.abc import Mapping

import pandas as pd

from adhd_cvae.config.analysis import SizesConfig
from bids_adapters.guesses.columns import Column

_LEAST = 3
"""Columns of a battery."""
_ITEM = re.compile(r"(?P<scale>[a-z]\w*?)_?(?:item|question|q)?_?(?P<number>\d{1,3})(?:_[a-z]{1,3})?")
_SUBSCALE = re.compile(r"(?P<scale>[a-z][a-z0-9]{2,})_\w+")
_TOTAL = re.compile(r"(?:^|_)(?:total|sum|global|index|full\d?|composite)(?:_|$)")
_KNOWN = {
    "adhd_pc1": ("adhd_index_z", "inattentive_z", "hyper_impulsive_z"),
    "iq_pc1": ("verbal_iq", "performance_iq", "full4_iq"),
}
"""Of ADHD-200, as its recipe has them."""


def guess_batteries(table: pd.DataFrame, columns: Mapping[str, Column]) -> dict[str, tuple[str, ...]]:
    """Name each battery and its columns: numbered items, else subscales of one first word, which enough have all of."""
    scores = [
        name
        for name, one in columns.items()
        if one.is_number and len(one.counts) > 2 and not (one.is_motion or one.is_quality or one.levels)
    ]
    found: dict[str, tuple[str, ...]] = {
        name: items for name, items in _KNOWN.items() if {*items} <= {*scores}
    }
    left = [name for name in scores if not any(name in items for items in found.values())]
    for pattern in (_ITEM, _SUBSCALE):
        by_scale: dict[str, list[str]] = defaultdict(list)
        for name in left:
            if (match := pattern.fullmatch(name)) is not None and not _TOTAL.search(name):
                by_scale[match["scale"].rstrip("_")].append(name)
        for scale, items in by_scale.items():
            name = f"{scale[:58]}_pc1"
            if len(items) >= _LEAST and name not in columns and scale not in ("age", "iq", "mriqc", "source"):
                found[name] = tuple(items)
        left = [name for name in left if not any(name in items for items in found.values())]
    return {name: items for name, items in found.items() if complete(table, items) >= SizesConfig().minimum}


def complete(table: pd.DataFrame, items: tuple[str, ...]) -> int:
    """Count the participants that have all of some columns."""
    return len(table[list(items)].dropna())
