"""Settings that an earlier version called otherwise: the one place that knows both names."""

from types import MappingProxyType
from typing import Any

from adhd_cvae.config.identity import RENAMED_TERMS

RENAMED = MappingProxyType({f"objective.{old}": f"objective.{new}" for old, new in RENAMED_TERMS.items()})
"""Dotted name before to the one of today, in the same section. In a recipe or after ``--set`` an old name is refused
with the new one; what an earlier version itself wrote is read as if it had the new names."""


def translated(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Give the settings of a run.json, nested in sections or by dotted names, the names of today."""
    named = {}
    for key, value in settings.items():
        dotted = f"{prefix}{key}"
        nested = value if not isinstance(value, dict) else translated(value, f"{dotted}.")
        named[RENAMED.get(dotted, dotted).removeprefix(prefix)] = nested
    return named
