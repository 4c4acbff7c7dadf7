"""Settings that an earlier version called otherwise: the one place that knows both names."""

from types import MappingProxyType
from typing import Any

from adhd_cvae.config import SET_BY_NAME

RENAMED = MappingProxyType(
    {
        "objective.background_salient": "objective.salient_of_background",
        "objective.background_spread": "objective.salient_spread_of_background",
        "objective.mmd_salient": "objective.salient_mmd_of_background",
        "objective.mmd_background": "objective.background_mmd",
    }
)
"""Dotted name before to the one of today, in the same section. In a recipe or after ``--set`` an old name is refused
with the new one; what an earlier version itself wrote is read as if it had the new names."""


def translated(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Give the settings of a run.json, nested in sections or by dotted names, the names of today."""
    named = {}
    for key, value in settings.items():
        dotted = f"{prefix}{key}"
        nested = value if not isinstance(value, dict) else translated(value, f"{dotted}.")
        named[_in_force().get(dotted, dotted).removeprefix(prefix)] = nested
    return named


def _in_force() -> dict[str, str]:
    """Leave out names that are still, or again, those of today."""
    return {old: new for old, new in RENAMED.items() if old.removeprefix("objective.") not in SET_BY_NAME}
